"""Sums of two blocks of C: one is computed while the other is stored."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from ..arith.divide import ceil_div_by
from ..config.machine import BLOCK_BITS, MachineConfig
from ..engines.port import row_layout
from ..stream import Ram
from .job import word_layout
from .unpack import Unpack

__all__ = ["Sums"]

AHEAD_BITS = 4  # blocks of C that the loader may be ahead of what is stored


class Sums(wiring.Component):
    """Two halves of ``c_words`` words of ``cols`` sums, taken in turn by the blocks of C.

    Rows come one per cycle; a row waits for as long as the same word is still on its way back from
    the row before, at most four cycles. A read takes three cycles.

    Parameters
    ----------
    config : MachineConfig

    Members
    -------
    opens, rows_of_d, cols_of_d, adds : In
        The loader has come to the next block of C; it begins at a D of that size if ``adds``.
    half_free : Out(1)
        The half of the next block to be opened is not in use, so that its D may be fetched.
    d : ``In(stream.Signature(word_layout(config)))``
        D, rows of bus words.
    has_room, has_d, begin, addend, rows
        See :class:`~hdl.engines.port.EnginePort`. ``rows.ready`` comes from registers.
    full : Out(1)
        A block waits to be stored.
    addr, word : In, Out
        Its words: ``word`` belongs to the ``addr`` of ``READ`` cycles before.
    stored : In(1)
        It was stored; the half is free.
    d_slot, d_writes, d_writes_slot, row_writes, row_reads, row_slot : In(1), Out(1)
        Whose D is opened; what is counted.
    """

    READ = 4

    def __init__(self, config: MachineConfig):
        self._config = config
        super().__init__(
            {
                "opens": In(1),
                "adds": In(1),
                "rows_of_d": In(BLOCK_BITS),
                "cols_of_d": In(BLOCK_BITS),
                "half_free": Out(1),
                "d": In(stream.Signature(word_layout(config))),
                "has_room": Out(1),
                "has_d": Out(1),
                "begin": In(1),
                "addend": In(1),
                "rows": In(stream.Signature(row_layout(config))),
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
        # A block is complete when its last row has been written, four cycles after it was taken.
        written = Signal(5)
        complete = Signal()
        m.d.sync += [
            opened.eq(opened + self.opens),
            begun.eq(begun + self.begin),
            written.eq((written << 1) | complete),
            completed.eq(completed + written[-1]),
            stored.eq(stored + self.stored),
            filled.eq(filled + fills - (self.begin & self.addend)),
        ]
        # A cycle late, and withdrawn at once when it is used.
        m.d.sync += [
            self.half_free.eq(((opened - stored)[:AHEAD_BITS] < 2) & ~self.opens),
            self.has_room.eq(((begun - stored)[:AHEAD_BITS] < 2) & ~self.begin),
            self.has_d.eq((filled != 0) & ~self.begin),
            self.full.eq((completed != stored) & ~self.stored),
        ]

        # --- Rows: read, add, write ---
        # Whether the row at the head meets one of those before it was found out while it came in.
        came = self.rows.payload
        row, is_row = Signal(came.shape(), reset_less=True), Signal()
        clash = Signal(4)
        half = Signal()  # of the block that the row belongs to
        moves, accept = Signal(), Signal()
        stages = [
            Signal(
                data.StructLayout(
                    {"valid": 1, "half": 1, "addr": range(config.c_words), "first": 1}
                ),
                name=f"stage_{n}",
            )
            for n in range(4)
        ]
        m.d.comb += [
            moves.eq(is_row & ~clash.any()),  # no clash without a row
            accept.eq(moves & ~row.skip),
            complete.eq(moves & row.end),
            self.rows.ready.eq(~clash.any()),
        ]
        came_half = half ^ (is_row & row.end)
        with m.If(self.rows.ready):
            m.d.sync += [is_row.eq(self.rows.valid), row.eq(came)]
            met = self.rows.valid & ~came.first & ~came.skip
            # Rows of the block before have the other half.
            before = [(is_row & ~row.skip & ~row.end, row.addr)]
            before += [(s.valid & (s.half == came_half), s.addr) for s in stages[:3]]
            m.d.sync += clash.eq(
                Cat(is_other & (addr == came.addr) & met for is_other, addr in before)
            )
        with m.Else():
            m.d.sync += clash.eq(clash << 1)
        with m.If(complete):
            m.d.sync += half.eq(~half)
        sums = [Signal(row.c.shape(), name=f"row_{n}", reset_less=True) for n in range(3)]
        old, total = Signal(word, reset_less=True), Signal(word, reset_less=True)
        m.d.sync += [
            stages[0].valid.eq(accept),
            stages[0].half.eq(half),
            stages[0].addr.eq(row.addr),
            stages[0].first.eq(row.first),
            stages[1].eq(stages[0]),
            stages[2].eq(stages[1]),
            stages[3].eq(stages[2]),
            sums[0].eq(row.c),
            sums[1].eq(sums[0]),
            sums[2].eq(sums[1]),
        ]
        shown = [data.View(word, ram.read_data) for ram in rams]
        for n in range(array.cols):
            there = Mux(stages[1].half, shown[1][n], shown[0][n])
            m.d.sync += old[n].eq(Mux(stages[1].first, 0, there))
            m.d.sync += total[n].eq(sums[2][n] + old[n])

        # --- D: rows of int32, one block after the other ---
        block = data.StructLayout({"half": 1, "slot": 1, "rows": BLOCK_BITS, "words": BLOCK_BITS})
        m.submodules.d_blocks = blocks = SyncFIFOBuffered(width=block.size, depth=3)
        m.submodules.unpack = unpack = Unpack(32, config.bus_bits // 32, array.cols)
        now, is_now = Signal(block, reset_less=True), Signal()
        given = data.View(block, blocks.r_data)
        d_addr = Signal(range(config.c_words))
        word_left, row_left = Signal(BLOCK_BITS), Signal(BLOCK_BITS)  # less one
        # A cycle behind the unpacker.
        d_write, d_word = Signal(), Signal(word, reset_less=True)
        m.d.sync += d_write.eq(unpack.o.valid)
        for n in range(array.cols):
            m.d.sync += d_word[n].eq(unpack.o.payload.word.word_select(n, 32).as_signed())
        opening = data.View(block, blocks.w_data)
        m.d.comb += [
            blocks.w_en.eq(self.opens & self.adds),
            opening.half.eq(opened[0]),
            opening.slot.eq(self.d_slot),
            self.d_writes.eq(d_write),
            self.d_writes_slot.eq(now.slot),
            self.row_writes.eq(accept),
            self.row_reads.eq(accept & ~row.first),
            self.row_slot.eq(row.slot),
            opening.rows.eq(self.rows_of_d),
            opening.words.eq(ceil_div_by(self.cols_of_d, array.cols)),
            unpack.i.valid.eq(self.d.valid),
            unpack.i.payload.data.eq(self.d.payload.data),
            unpack.i.payload.last.eq(self.d.payload.last),
            unpack.i.payload.tail.eq(self.d.payload.tag.tail),
            self.d.ready.eq(unpack.i.ready),
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

        # --- Ports ---
        reading = stored[0]
        # A register on both sides of the memory, as the store is far away.
        addr = Signal.like(self.addr, reset_less=True)
        m.d.sync += addr.eq(self.addr)
        stores = Signal(2)  # the half is being stored; it begins at least a cycle after it is full
        m.d.sync += stores.eq(Cat(self.full & ~reading, self.full & reading))
        for n, ram in enumerate(rams):
            takes_d = d_write & (now.half == n)
            takes_row = stages[3].valid & (stages[3].half == n)
            m.d.comb += [
                ram.write_en.eq(takes_d | takes_row),
                ram.write_addr.eq(Mux(takes_d, d_addr, stages[3].addr)),
                ram.write_data.eq(Mux(takes_d, d_word.as_value(), total.as_value())),
                ram.read_addr.eq(Mux(stores[n], addr, row.addr)),
            ]
        was_reading = Signal(2)
        m.d.sync += was_reading.eq(Cat(reading, was_reading))
        m.d.sync += self.word.eq(Mux(was_reading[1], shown[1], shown[0]))
        return m
