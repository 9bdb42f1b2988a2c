"""Banks of weights beside the multipliers."""

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from ..config.cim import CimConfig
from ..config.fields import ceil_log2
from ..stream import Ram
from .ports import w_layout

__all__ = ["Banks"]

GROUP = 8  # rows that share a copy of what is written and of the bank's number


class Banks(wiring.Component):
    """Every row's weights of every bank; a row may be written and a bank read in every cycle.

    Up to 64 banks are in distributed RAM, more in block RAM. A row that is written in a cycle is
    seen by reads of the cycle after and later; one that is read in that very cycle is undefined.

    Parameters
    ----------
    config : CimConfig

    Members
    -------
    write, word : In(1), In(w_layout(config))
        Write a row.
    bank : In
        Which bank's weights to show, ``1 + bank_latency`` cycles later.
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
        depth = 1 << ceil_log2(config.banks)
        width = config.weight.bits * config.cols
        # What goes to all rows goes by registers near them.
        for start in range(0, config.rows, GROUP):
            name = f"rows_{start}"
            rows = range(start, min(start + GROUP, config.rows))
            word, put, get = (
                Signal(bits, name=f"{name}_{what}", attrs={"own_register": 1})
                for what, bits in (("word", width), ("put", range(depth)), ("get", range(depth)))
            )
            m.d.sync += [word.eq(self.word.w), put.eq(self.word.bank), get.eq(self.bank)]
            for row in rows:
                write = Signal(name=f"write_{row}")
                m.d.sync += write.eq(self.write & (self.word.row == row))
                if config.is_deep:
                    m.submodules[f"row_{row}"] = ram = Ram(width, depth, target=config.target)
                    m.d.comb += [
                        ram.write_en.eq(write),
                        ram.write_addr.eq(put),
                        ram.write_data.eq(word),
                        ram.read_addr.eq(get),
                        Cat(self.weights[row]).eq(ram.read_data),
                    ]
                    continue
                m.submodules[f"row_{row}"] = ram = memory.Memory(shape=width, depth=depth, init=[])
                writes, reads = ram.write_port(), ram.read_port(domain="comb")
                shown = Signal(width, name=f"shown_{row}", reset_less=True)
                m.d.sync += shown.eq(reads.data)
                m.d.comb += [
                    writes.en.eq(write),
                    writes.addr.eq(put),
                    writes.data.eq(word),
                    reads.addr.eq(get),
                    self.weights[row].as_value().eq(shown),
                ]
        return m
