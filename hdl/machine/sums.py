"""Sums of two blocks of C: one is computed while the other is stored."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from ..arith.divide import ceil_div_by
from ..config.machine import BLOCK_BITS, MachineConfig
from ..engines.port import row_layout
from ..stream import Ram
from .unpack import Unpack

__all__ = ["Sums"]

AHEAD_BITS = 4  # blocks of C that the loader may be ahead of what is stored


class Sums(wiring.Component):
    """Two halves of ``c_words`` words of ``cols`` sums, taken in turn by the blocks of C.

    Rows come one per cycle; a row waits for as long as the same word is still on its way back from
    the row before, at most three cycles. A read takes two cycles.

    Parameters
    ----------
    config : MachineConfig

    Members
    -------
    opens, rows_of_d, cols_of_d, has_d : In
        The loader has come to the next block of C; it begins at a D of that size if ``has_d``.
    half_free : Out(1)
        The half of the next block to be opened is not in use, so that its D may be fetched.
    d_valid, d_data, d_last, d_tail, d_ready
        D, rows of bus words.
    may_begin, begin, addend, rows, complete
        See :class:`~hdl.engines.port.EnginePort`.
    full : Out(1)
        A block waits to be stored.
    addr, word : In, Out
        Its words: ``word`` belongs to the ``addr`` of two cycles before.
    stored : In(1)
        It was stored; the half is free.
    d_slot, d_writes, d_writes_slot, row_writes, row_reads, row_slot : In(1), Out(1)
        Whose D is opened; what is counted.
    """

    def __init__(self, config: MachineConfig):
        self._config = config
        per_beat = config.bus_bits // 32
        super().__init__(
            {
                "opens": In(1),
                "has_d": In(1),
                "rows_of_d": In(BLOCK_BITS),
                "cols_of_d": In(BLOCK_BITS),
                "half_free": Out(1),
                "d_valid": In(1),
                "d_data": In(config.bus_bits),
                "d_last": In(1),
                "d_tail": In(range(per_beat + 1)),
                "d_ready": Out(1),
                "may_begin": Out(1),
                "begin": In(1),
                "addend": In(1),
                "rows": In(stream.Signature(row_layout(config))),
                "complete": In(1),
                "full": Out(1),
                "addr": In(range(config.c_words)),
                "word": Out(data.ArrayLayout(signed(config.array.acc_bits), config.array.cols)),
                "stored": In(1),
                "d_slot": In(1),
                "d_writes": Out(1),
                "d_writes_slot": Out(1),
                "row_writes": Out(1),
                "row_reads": Out(1),
                "row_slot": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, array = self._config, self._config.array
        word = data.ArrayLayout(signed(array.acc_bits), array.cols)
        rams = []
        for n in range(2):
            ram = Ram(data.ArrayLayout.cast(word).size, config.c_words, target=array.target)
            m.submodules[f"half_{n}"] = ram
            rams.append(ram)

        # Blocks that came to each stage, modulo 16; block n is in half n modulo 2.
        opened, begun, completed, stored = (
            Signal(AHEAD_BITS, name=name) for name in ("opened", "begun", "completed", "stored_")
        )
        filled = Signal(range(3))  # blocks whose D is here and that have not begun
        fills = Signal()
        # A block is complete when its last row has been written, three cycles after it came.
        written = Signal(4)
        m.d.sync += [
            opened.eq(opened + self.opens),
            begun.eq(begun + self.begin),
            written.eq((written << 1) | self.complete),
            completed.eq(completed + written[-1]),
            stored.eq(stored + self.stored),
            filled.eq(filled + fills - (self.begin & self.addend)),
        ]
        # A cycle late, and withdrawn at once when it is used.
        has_half, has_d = Signal(), Signal()
        m.d.sync += [
            self.half_free.eq(((opened - stored)[:AHEAD_BITS] < 2) & ~self.opens),
            has_half.eq(((begun - stored)[:AHEAD_BITS] < 2) & ~self.begin),
            has_d.eq((filled != 0) & ~self.begin),
        ]
        m.d.comb += [
            self.may_begin.eq(has_half & (~self.addend | has_d)),
            self.full.eq(completed != stored),
        ]

        # --- Rows: read, add, write ---
        row = self.rows.payload
        half = Signal()  # whose block is being computed
        with m.If(self.complete):
            m.d.sync += half.eq(~half)
        stages = [
            Signal(
                data.StructLayout(
                    {"valid": 1, "half": 1, "addr": range(config.c_words), "first": 1}
                ),
                name=f"stage_{n}",
            )
            for n in range(3)
        ]
        sums = [Signal(row.c.shape(), name=f"row_{n}", reset_less=True) for n in range(2)]
        total = Signal(word, reset_less=True)
        accept = Signal()
        clash = Signal(3)
        m.d.comb += [
            clash[n].eq(stages[n].valid & (stages[n].addr == row.addr) & (stages[n].half == half))
            for n in range(3)
        ]
        m.d.comb += [
            self.rows.ready.eq(row.first | ~clash.any()),
            accept.eq(self.rows.valid & self.rows.ready),
        ]
        m.d.sync += [
            stages[0].valid.eq(accept),
            stages[0].half.eq(half),
            stages[0].addr.eq(row.addr),
            stages[0].first.eq(row.first),
            stages[1].eq(stages[0]),
            stages[2].eq(stages[1]),
            sums[0].eq(row.c),
            sums[1].eq(sums[0]),
        ]
        shown = [data.View(word, ram.read_data) for ram in rams]
        for n in range(array.cols):
            old = Mux(stages[1].half, shown[1][n], shown[0][n])
            m.d.sync += total[n].eq(sums[1][n] + Mux(stages[1].first, 0, old))

        # --- D: rows of int32, one block after the other ---
        block = data.StructLayout({"half": 1, "slot": 1, "rows": BLOCK_BITS, "words": BLOCK_BITS})
        m.submodules.d_blocks = blocks = SyncFIFOBuffered(width=block.size, depth=3)
        m.submodules.unpack = unpack = Unpack(32, config.bus_bits // 32, array.cols)
        now, is_now = Signal(block, reset_less=True), Signal()
        given = data.View(block, blocks.r_data)
        d_addr = Signal(range(config.c_words))
        word_left, row_left = Signal(BLOCK_BITS), Signal(BLOCK_BITS)  # less one
        d_write = unpack.o.valid
        opening = data.View(block, blocks.w_data)
        m.d.comb += [
            blocks.w_en.eq(self.opens & self.has_d),
            opening.half.eq(opened[0]),
            opening.slot.eq(self.d_slot),
            self.d_writes.eq(d_write),
            self.d_writes_slot.eq(now.slot),
            self.row_writes.eq(accept),
            self.row_reads.eq(accept & ~row.first),
            self.row_slot.eq(row.slot),
            opening.rows.eq(self.rows_of_d),
            opening.words.eq(ceil_div_by(self.cols_of_d, array.cols)),
            unpack.i.valid.eq(self.d_valid),
            unpack.i.payload.data.eq(self.d_data),
            unpack.i.payload.last.eq(self.d_last),
            unpack.i.payload.tail.eq(self.d_tail),
            self.d_ready.eq(unpack.i.ready),
            unpack.o.ready.eq(1),
            blocks.r_en.eq(~is_now),
        ]
        with m.If(blocks.r_en & blocks.r_rdy):
            m.d.sync += [
                is_now.eq(1),
                now.eq(given),
                word_left.eq(given.words - 1),
                row_left.eq(given.rows - 1),
            ]
        with m.If(d_write):
            m.d.sync += [d_addr.eq(d_addr + 1), word_left.eq(word_left - 1)]
            with m.If(word_left == 0):
                m.d.sync += [word_left.eq(now.words - 1), row_left.eq(row_left - 1)]
                with m.If(row_left == 0):
                    m.d.sync += [is_now.eq(0), d_addr.eq(0)]
                    m.d.comb += fills.eq(1)
        # Written a cycle later; not before that is its block said to be here.
        d_word, d_place = Signal(word, reset_less=True), Signal.like(d_addr)
        d_valid, d_half = Signal(), Signal()
        m.d.sync += [d_place.eq(d_addr), d_valid.eq(d_write), d_half.eq(now.half)]
        for n in range(array.cols):
            m.d.sync += d_word[n].eq(unpack.o.payload.word.word_select(n, 32).as_signed())

        # --- Ports ---
        reading = stored[0]
        stores = Signal(2)  # the half is being stored; it begins at least a cycle after it is full
        m.d.sync += stores.eq(Cat(self.full & ~reading, self.full & reading))
        for n, ram in enumerate(rams):
            takes_d = d_valid & (d_half == n)
            takes_row = stages[2].valid & (stages[2].half == n)
            m.d.comb += [
                ram.write_en.eq(takes_d | takes_row),
                ram.write_addr.eq(Mux(takes_d, d_place, stages[2].addr)),
                ram.write_data.eq(Mux(takes_d, d_word.as_value(), total.as_value())),
                ram.read_addr.eq(Mux(stores[n], self.addr, row.addr)),
            ]
        was_reading = Signal(2)
        m.d.sync += was_reading.eq(Cat(reading, was_reading))
        m.d.comb += self.word.eq(Mux(was_reading[1], shown[1], shown[0]))
        return m
