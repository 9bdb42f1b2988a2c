"""Banks of weights beside the multipliers."""

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from ..config.cim import CimConfig
from ..config.fields import ceil_log2
from ..stream import Ram
from .ports import w_layout

__all__ = ["Banks"]

ROWS, COLS = 16, 4  # that share copies of what is written and of the bank's number


class Banks(wiring.Component):
    """Every row's weights of every bank; a row may be written and a bank read in every cycle.

    Up to 64 banks are in distributed RAM, more in block RAM. A row that is written is seen by reads
    of the next cycle and later.

    Parameters
    ----------
    config : CimConfig

    Members
    -------
    write, word : In(1), In(w_layout(config))
        Write a row.
    bank : In
        Which bank's weights to show, ``2 + bank_latency`` cycles later.
    weights : Out(ArrayLayout(ArrayLayout(weight bits, cols), rows))
        From registers.
    """

    def __init__(self, config: CimConfig):
        self._config = config
        row = data.ArrayLayout(unsigned(config.weight.bits), config.cols)
        super().__init__(
            {
                "write": In(1),
                "word": In(w_layout(config)),
                "bank": In(range(config.banks)),
                "weights": Out(data.ArrayLayout(row, config.rows)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self._config
        bits = config.weight.bits
        # What is written, and where, by rows; what goes to all columns goes by registers beside
        # some of them, then beside some of their rows.
        row_written = Signal(config.rows, reset_less=True)
        word = Signal(w_layout(config), reset_less=True)
        m.d.sync += word.eq(self.word)
        for row in range(config.rows):
            m.d.sync += row_written[row].eq(self.write & (self.word.row == row))

        def own(name: str, value) -> Signal:
            """``value`` a cycle later, in a register for nothing else."""
            copy = Signal(len(value), name=name, attrs={"own_register": 1}, reset_less=True)
            m.d.sync += copy.eq(value)
            return copy

        for left in range(0, config.cols, COLS):
            part = slice(left * bits, min(left + COLS, config.cols) * bits)
            get = own(f"get_{left}", self.bank)
            for top in range(0, config.rows, ROWS):
                here = f"{left}_{top}"
                rows = slice(top, min(top + ROWS, config.rows))
                self._part(
                    m, here, rows, part,
                    write=own(f"write_{here}", row_written[rows]),
                    write_addr=own(f"put_{here}", word.bank),
                    write_data=own(f"word_{here}", Cat(word.w)[part]),
                    read_addr=own(f"get_{here}", get),
                )  # fmt: skip
        return m

    def _part(self, m: Module, name: str, rows: slice, part: slice, *, write, write_addr,
              write_data, read_addr) -> None:  # fmt: skip
        """The weights of some rows and columns."""
        config = self._config
        depth = 1 << ceil_log2(config.banks)
        for n, row in enumerate(range(rows.start, rows.stop)):
            shown = Cat(self.weights[row])[part]
            width = len(shown)
            if config.is_deep:
                ram = Ram(width, depth, target=config.target)
                m.d.comb += [
                    ram.write_en.eq(write[n]),
                    ram.write_addr.eq(write_addr),
                    ram.write_data.eq(write_data),
                    ram.read_addr.eq(read_addr),
                    shown.eq(ram.read_data),
                ]
            else:
                ram = memory.Memory(shape=width, depth=depth, init=[])
                writes, reads = ram.write_port(), ram.read_port(domain="comb")
                m.d.comb += [
                    writes.en.eq(write[n]),
                    writes.addr.eq(write_addr),
                    writes.data.eq(write_data),
                    reads.addr.eq(read_addr),
                ]
                read = Signal(width, name=f"shown_{name}_{row}", reset_less=True)
                m.d.sync += read.eq(reads.data)
                m.d.comb += shown.eq(read)
            m.submodules[f"part_{name}_{row}"] = ram
