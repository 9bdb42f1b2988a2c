"""Sums of two blocks of C: one is computed while the other is stored."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config.fields import ceil_div
from ..config.machine import MachineConfig
from ..config.widths import BLOCK_BITS
from ..contract.engine import APART, LATE, row_layout
from ..contract.job import word_layout
from ..stream import Delay, Ram
from .addressing import addressing
from .finishing import finishing

__all__ = ["Sums"]

AHEAD_BITS = 4  # blocks of C that the loader may be ahead of what is stored
COPY = 64  # bits of a word that share a register which chooses between two
RAM_BITS = 36  # a RAM holds whole sums, so that a column's adder has its memory beside it


class Sums(wiring.Component):
    """Two halves of ``c_words`` words of ``cols`` sums, taken in turn by the blocks of C.

    Rows come one per cycle at most and run through: read, add, write. As memories lie all over an
    FPGA, there is a register on both sides of each, so a word is read again at the earliest
    ``APART`` cycles later.

    Parameters
    ----------
    config : MachineConfig

    Members
    -------
    opens, d_slot, rows_of_d, adds : In
        The loader has come to the next block of C; it begins at a D of that many rows if ``adds``.
    half_free : Out(1)
        The half of the next block to be opened is not in use, so that its D may be fetched. It is
        withdrawn two cycles after ``opens``.
    d : ``In(stream.Signature(word_layout(config)))``
        D, rows of bus words.
    has_room, has_d, begin, addend, rows
        See :class:`~insitu.hdl.contract.engine.EnginePort`.
    full : Out(1)
        A block waits to be stored; its first word may be asked for two cycles later.
    addr, word : In, Out
        Its words: ``word`` belongs to the ``addr`` of ``READ`` cycles before.
    stored : In(1)
        It was stored; the half is free.
    d_writes, d_writes_slot, row_writes, row_reads, row_slot : Out(1)
        What is counted, and whose it is.
    """

    READ = 4

    def __init__(self, config: MachineConfig):
        self._config = config
        super().__init__(
            {
                "opens": In(1),
                "d_slot": In(1),
                "rows_of_d": In(BLOCK_BITS),
                "adds": In(1),
                "half_free": Out(1),
                "d": In(stream.Signature(word_layout(config))),
                "has_room": Out(1),
                "has_d": Out(1),
                "begin": In(1),
                "addend": In(1),
                "rows": In(row_layout(config)),
                "full": Out(1),
                "addr": In(range(config.c_words)),
                "word": Out(data.ArrayLayout(signed(config.sum_bits), config.array.cols)),
                "stored": In(1),
                "d_writes": Out(1),
                "d_writes_slot": Out(1),
                "row_writes": Out(1),
                "row_reads": Out(1),
                "row_slot": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, array, bits = self._config, self._config.array, self._config.sum_bits
        kept = finishing(config)
        word = data.ArrayLayout(signed(bits), array.cols)
        together = max(1, RAM_BITS // bits)  # columns
        halves: list[list[Ram]] = [[], []]
        for n, rams in enumerate(halves):
            for first in range(0, array.cols, together):
                width = min(together, array.cols - first) * bits
                ram = Ram(width, config.c_words, target=array.target)
                m.submodules[f"half_{n}_{first}"] = ram
                rams.append(ram)
        shown = [data.View(word, Cat(ram.read_data for ram in rams)) for rams in halves]

        # --- Blocks that came to each stage, modulo 16; block n is in half n modulo 2 ---
        opened, begun, completed, stored = (
            Signal(AHEAD_BITS, name=name) for name in ("opened", "begun", "completed", "stored_")
        )
        opens = Signal()  # from a register, as the loader is far away
        filled = Signal(range(3))  # blocks whose D is here and that have not begun
        fills = Signal()
        ends = Signal(2)  # a block's last row came
        row, place = self.rows, self.rows.place
        m.d.sync += [
            opens.eq(self.opens),
            opened.eq(opened + opens),
            begun.eq(begun + self.begin),
            ends.eq(Cat(row.valid & place.end, ends)),
            completed.eq(completed + ends[-1]),
            stored.eq(stored + self.stored),
            filled.eq(filled + fills - (self.begin & self.addend)),
        ]
        # A cycle late, and withdrawn at once when it is used.
        m.d.sync += [
            self.half_free.eq(((opened - stored)[:AHEAD_BITS] < 2) & ~opens),
            self.has_room.eq(((begun - stored)[:AHEAD_BITS] < 2) & ~self.begin),
            self.has_d.eq((filled != 0) & ~self.begin),
            self.full.eq((completed != stored) & ~self.stored),
        ]

        # --- Rows: read, add, write ---
        half = Signal()  # of the block that the row belongs to
        with m.If(row.valid & place.end):
            m.d.sync += half.eq(~half)
        # Address, memory, its output register, the word read, the sum; then it is written.
        layout = data.StructLayout({"valid": 1, "half": 1, "addr": place.addr.shape(), "first": 1})
        stages = [Signal(layout, name=f"stage_{n}") for n in range(APART - 1)]
        m.d.sync += [
            stages[0].valid.eq(row.valid & ~place.skip),
            stages[0].half.eq(half),
            stages[0].addr.eq(place.addr),
            stages[0].first.eq(place.first),
            self.row_slot.eq(place.slot),
        ]
        m.d.sync += [after.eq(before) for before, after in zip(stages, stages[1:], strict=False)]
        m.d.comb += [
            self.row_writes.eq(stages[0].valid),
            self.row_reads.eq(stages[0].valid & ~stages[0].first),
        ]
        m.submodules.c = c = Delay(row.c.shape(), 4 - LATE)
        m.d.comb += c.i.eq(row.c)
        per_copy = max(1, COPY // bits)
        copies = ceil_div(array.cols, per_copy)
        read, total = Signal(word, reset_less=True), Signal(word, reset_less=True)
        for n in range(array.cols):
            if n % per_copy == 0:
                first, other = (self._copy(m, f"{x}_{n}", stages[1][x]) for x in ("first", "half"))
            m.d.sync += read[n].eq(Mux(first, 0, Mux(other, shown[1][n], shown[0][n])))
            m.d.sync += total[n].eq(kept.add(config, c.o[n], read[n]))

        # --- D: rows of 32 bits, one block after the other ---
        place_in = addressing(config)
        m.submodules.unpack = unpack = place_in.unpacker(array.cols)
        place_in.unpack_from(m, unpack, self.d.payload.tag)
        # Its half waits for D; the rows that are still to come, less one; whose it is.
        waits = Signal(2)
        left = [Signal(BLOCK_BITS, name=f"left_{n}") for n in range(2)]
        is_last, slots = Signal(2), Signal(2)
        filling = Signal()  # the half that D comes for
        # Where the next word of D goes: to the first place again once a block's last one came.
        d_addr, d_next = Signal(range(config.c_words)), Signal(range(config.c_words))
        adds, d_slot = Signal(), Signal(reset_less=True)
        rows_of_d = Signal(BLOCK_BITS, reset_less=True)
        m.d.sync += [
            adds.eq(self.opens & self.adds),
            d_slot.eq(self.d_slot),
            rows_of_d.eq(self.rows_of_d),
        ]
        row_ends, d_ends = Signal(), Signal()
        m.d.comb += [
            unpack.i.valid.eq(self.d.valid),
            unpack.i.payload.data.eq(self.d.payload.data),
            unpack.i.payload.last.eq(self.d.payload.last),
            unpack.i.payload.tail.eq(self.d.payload.tag.tail),
            self.d.ready.eq(unpack.i.ready),
            unpack.o.ready.eq(1),
            row_ends.eq(unpack.o.valid & unpack.o.payload.last),
            d_ends.eq(row_ends & is_last.bit_select(filling, 1)),
            d_addr.eq(Mux(fills, 0, d_next)),
        ]
        m.d.sync += [
            fills.eq(d_ends),
            d_next.eq(d_addr + unpack.o.valid),
            self.d_writes.eq(unpack.o.valid),
            self.d_writes_slot.eq(slots.bit_select(filling, 1)),
        ]
        # No more than two blocks are open, one in each half.
        for n in range(2):
            with m.If(adds & (opened[0] == n)):
                m.d.sync += [waits[n].eq(1), slots[n].eq(d_slot)]
                m.d.sync += [left[n].eq(rows_of_d - 1), is_last[n].eq(rows_of_d == 1)]
            with m.Elif(row_ends & (filling == n)):
                m.d.sync += [left[n].eq(left[n] - 1), is_last[n].eq(left[n] == 1)]
                m.d.sync += waits[n].eq(~is_last[n])
        with m.If(d_ends):
            m.d.sync += filling.eq(~filling)
        with m.Elif(~waits.any()):
            m.d.sync += filling.eq(opened[0])

        # --- Ports ---
        # The store reads a half long after its last row was added.
        stores = Signal(2)
        m.d.sync += stores.eq(Cat(self.full & ~stored[0], self.full & stored[0]))
        for n, rams in enumerate(halves):
            # The half is waiting for D: no rows come for it.
            fill = [self._copy(m, f"fills_{n}_{k}", waits[n]) for k in range(copies)]
            write_en, address = Signal(name=f"write_{n}"), range(config.c_words)
            write_addr = Signal(address, name=f"write_addr_{n}", reset_less=True)
            read_addr = Signal(address, name=f"read_addr_{n}", reset_less=True)
            written = Signal(word, name=f"written_{n}", reset_less=True)
            takes_d = unpack.o.valid & (filling == n)
            takes_row = stages[-1].valid & (stages[-1].half == n)
            m.d.sync += [
                write_en.eq(Mux(waits[n], takes_d, takes_row)),
                write_addr.eq(Mux(waits[n], d_addr, stages[-1].addr)),
                read_addr.eq(Mux(stores[n], self.addr, place.addr)),
            ]
            m.d.comb += Cat(ram.write_data for ram in rams).eq(written)
            for ram in rams:
                m.d.comb += [
                    ram.write_en.eq(write_en),
                    ram.write_addr.eq(write_addr),
                    ram.read_addr.eq(read_addr),
                ]
            for k in range(array.cols):
                d = kept.begin(config, unpack.o.payload.word.word_select(k, 32).as_signed())
                m.d.sync += written[k].eq(Mux(fill[k // per_copy], d, total[k]))
        # A register after the memories as well, as the store is far away.
        reading = Signal(2)
        m.d.sync += reading.eq(Cat(stored[0], reading))
        m.d.sync += self.word.eq(Mux(reading[1], shown[1], shown[0]))
        return m

    @staticmethod
    def _copy(m: Module, name: str, value) -> Signal:
        """``value`` a cycle later, not shared with equal registers: each is where it is needed."""
        copy = Signal(name=name, attrs={"own_register": 1})
        m.d.sync += copy.eq(value)
        return copy
