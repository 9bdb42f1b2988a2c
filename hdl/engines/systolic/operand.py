"""An operand on its way from memory words to the array's port."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...config.machine import BLOCK_BITS, MachineConfig
from ...machine.job import job_layout, of_job, step_layout
from ...machine.unpack import Unpack
from ...stream import Transpose
from ..ring import Ring
from .loops import operand_loops
from .walk import Walk

__all__ = ["Operand"]


class Operand(wiring.Component):
    """Buffer of one operand, filled from memory and read in the order in which the array wants it.

    Rows become words of the buffer, filled up with the zero point. Words are read as soon as they
    are there, block after block without a gap, and turned where the matrix is stored the other way
    round than the array takes it. A block is given up when its step ends, or kept for the next row
    of steps along K.

    Parameters
    ----------
    config : MachineConfig
    operand : "a" or "b"

    Members
    -------
    jobs, need, room, reserve
        See :class:`~hdl.engines.port.EnginePort`.
    valid, data, tail, last, slot, ready
        Words from memory.
    steps : ``In(stream.Signature(step_layout()))``
    gate : In(1)
        The next step may start.
    starts, next : Out
        It does; that step.
    writes, write_slot, reads, read_slot, waits, waits_gate : Out(1)
        A word of the buffer is written, or read; a word that is not there yet is waited for, or the
        gate.
    o : ``Out(stream.Signature({"word", "first", "last", "slot"}))``
        ``word``: elements for the array's lanes. ``first`` and ``last`` of a tile.
    """

    def __init__(self, config: MachineConfig, operand: str):
        self._config, self._operand = config, operand
        array = config.array
        is_a = operand == "a"
        self._bits = (array.a if is_a else array.b).bits
        self._words = config.a_words if is_a else config.b_words
        lanes = array.rows if is_a else array.cols
        self._lanes = lanes
        # Elements of a word as it is stored and as it is stored transposed.
        self._stored = config.a_word if is_a else config.b_word
        self._turned = config.a_word if is_a else config.b_turned_word
        word = data.StructLayout(
            {
                "word": data.ArrayLayout(unsigned(self._bits), lanes * array.dot),
                "first": 1,
                "last": 1,
                "slot": 1,
            }
        )
        super().__init__(
            {
                "jobs": In(data.ArrayLayout(job_layout(config), 2)),
                "need": In(BLOCK_BITS),
                "room": Out(1),
                "reserve": In(1),
                "valid": In(1),
                "data": In(config.bus_bits),
                "tail": In(range(config.bus_bits // self._bits + 1)),
                "last": In(1),
                "slot": In(1),
                "ready": Out(1),
                "steps": In(stream.Signature(step_layout())),
                "gate": In(1),
                "starts": Out(1),
                "next": Out(step_layout()),
                "writes": Out(1),
                "write_slot": Out(1),
                "reads": Out(1),
                "read_slot": Out(1),
                "waits": Out(1),
                "waits_gate": Out(1),
                "o": Out(stream.Signature(word)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, x, bits = self._config, self._operand, self._bits
        width = max(self._stored, self._turned) * bits
        group, block_rows, block_cols = self._block()
        count = range(max(block_rows, block_cols) + 1)
        tag = data.StructLayout(
            {
                "slot": 1,
                "first": 1,
                "last": 1,
                "turn": 1,
                "count": count,
                "block_first": 1,
                "block_last": 1,
            }
        )
        note = data.StructLayout(
            {
                "words": range(self._words + 1),
                "end": 1,
                "keep": 1,
                "step_last": 1,
                "flush": 1,
                "slot": 1,
            }
        )
        m.submodules.ring = ring = Ring(width, self._words, tag, note, target=config.array.target)

        # --- In: rows of bus words to words of the buffer ---
        # Both ways of storing may ask for words of different sizes. A row waits until the one
        # before, stored the other way, has left: one word is written per cycle.
        sizes = sorted({self._stored, self._turned})
        per_beat = config.bus_bits // bits
        transposed = of_job(self.jobs, self.slot, f"{x}_transposed")
        unpacks = {size: Unpack(bits, per_beat, size) for size in sizes}
        readies = []
        for size, unpack in unpacks.items():
            m.submodules[f"unpack_{size}"] = unpack
            others = Cat(other.o.valid for n, other in unpacks.items() if n != size)
            wanted = Mux(transposed, self._turned, self._stored) == size if len(sizes) > 1 else 1
            may = wanted & ~others.any()
            m.d.comb += [
                unpack.i.valid.eq(self.valid & may),
                unpack.i.payload.data.eq(self.data),
                unpack.i.payload.last.eq(self.last),
                unpack.i.payload.tail.eq(self.tail),
                unpack.i.payload.pad.eq(of_job(self.jobs, self.slot, f"{x}_zero")),
                unpack.o.ready.eq(1),
            ]
            readies.append(unpack.i.ready & may)
        writes = [unpack.o for unpack in unpacks.values()]
        m.d.comb += [
            self.ready.eq(Cat(readies).any()),
            ring.need.eq(self.need),
            self.room.eq(ring.room),
            ring.reserve.eq(self.reserve),
            ring.write.eq(Cat(o.valid for o in writes).any()),
            ring.word.eq(writes[0].payload.word),
        ]
        # Whose row is inside: it changes with a row's first word.
        with m.If(self.valid & self.ready):
            m.d.sync += self.write_slot.eq(self.slot)
        m.d.comb += self.writes.eq(ring.write)
        for o in writes[1:]:
            with m.If(o.valid):
                m.d.comb += ring.word.eq(o.payload.word)

        # --- Out: which word when ---
        def choice(transposed: bool):
            return lambda sizes: operand_loops(config, x, transposed, sizes)

        choices = [choice(transposed) for transposed in (False, True)]
        m.submodules.walk = walk = Walk(config, choices)
        wiring.connect(m, wiring.flipped(self.steps), walk.i)
        m.d.comb += [
            walk.choice.eq(of_job(self.jobs, self.steps.payload.slot, f"{x}_transposed")),
            walk.gate.eq(self.gate),
            self.starts.eq(walk.starts),
            self.next.eq(walk.next),
            self.waits_gate.eq(walk.waits),
        ]
        # The greatest offset comes last in every order, so with a step's last word it tells how
        # many words the block has.
        word = walk.o.payload
        step = word.step
        greatest = Signal(range(self._words), reset_less=True)
        with m.If(ring.i.valid & ring.i.ready & ~word.skip):
            m.d.sync += greatest.eq(word.offset)
        asks, now = ring.i.payload, ring.note
        m.d.comb += [
            ring.i.valid.eq(walk.o.valid),
            walk.o.ready.eq(ring.i.ready),
            asks.offset.eq(word.offset),
            asks.skip.eq(word.skip),
            asks.tag.slot.eq(step.slot),
            asks.tag.first.eq(word.first),
            asks.tag.last.eq(word.last),
            asks.tag.turn.eq(word.turn),
            asks.tag.count.eq(word.count),
            asks.tag.block_first.eq(word.block_first),
            asks.tag.block_last.eq(word.block_last),
            asks.note.words.eq(Mux(word.skip, greatest, word.offset) + 1),
            asks.note.end.eq(word.end),
            asks.note.keep.eq(step[f"{x}_keep"]),
            asks.note.step_last.eq(step.last),
            asks.note.flush.eq(step.flush),
            asks.note.slot.eq(step.slot),
            self.reads.eq(ring.takes & ~ring.skips),
            self.read_slot.eq(now.slot),
            self.waits.eq(ring.waits),
        ]

        # Words between the oldest one and this block, less than nothing.
        back = Signal(signed(self._words.bit_length() + 1))
        words, keep = now.words, now.keep
        ends, flushes, flushing = Signal(), Signal(), Signal(range(4))
        m.d.comb += [
            ends.eq(ring.takes & now.end & ~now.flush),
            flushes.eq(ring.takes & now.end & now.flush),
            ring.stop.eq(flushes | (flushing != 0)),
        ]
        with m.If(ends & keep & ~now.step_last):
            m.d.sync += back.eq(back - words)
        with m.Elif(ends & keep):
            m.d.sync += back.eq(0)
        # Nothing is behind a block that is not kept.
        m.d.comb += [
            ring.move.eq(ends),
            ring.distance.eq(words),
            ring.returns.eq(keep & now.step_last),
            ring.back.eq(back),
            ring.free.eq(ends & ~keep),
            ring.amount.eq(words),
        ]
        self._flush(m, ring, ends, flushes, keep, back, words, flushing)

        # --- Out: straight on, or turned ---
        got, o = ring.o.payload, self.o
        zeros = of_job(self.jobs, got.tag.slot, f"{x}_zero").replicate(width // bits)
        shown = Signal(width)
        m.d.comb += shown.eq(Mux(got.skip, zeros, got.word))
        m.submodules.turn = turn = Transpose(unsigned(bits * group), block_rows, block_cols)
        # What belongs to the two blocks in the transposer.
        layout = data.StructLayout({"count": count, "first": 1, "last": 1, "slot": 1})
        flags = [Signal(layout, name=f"flags_{n}", reset_less=True) for n in range(2)]
        entered, left, inside = Signal(), Signal(), Signal(range(3))
        flag = Signal(layout)
        enters, leaves, turning = Signal(), Signal(), Signal()
        m.d.comb += [
            turn.i.payload.as_value().eq(shown[: len(turn.i.payload.as_value())]),
            turn.i.valid.eq(ring.o.valid & got.tag.turn),
            enters.eq(turn.i.valid & turn.i.ready),
            flag.eq(Mux(left, flags[1], flags[0])),
        ]
        with m.If(enters & got.tag.last):
            m.d.sync += entered.eq(~entered)
            for n in range(2):
                with m.If(entered == n):
                    m.d.sync += flags[n].eq(
                        Cat(got.tag.count, got.tag.block_first, got.tag.block_last, got.tag.slot)
                    )
        m.d.sync += [left.eq(left ^ leaves), inside.eq(inside + (enters & got.tag.last) - leaves)]
        column = Signal(range(block_cols))
        real = Signal()
        straight = Signal()
        m.d.comb += [
            turning.eq(turn.o.valid),
            real.eq(column < flag.count),
            straight.eq(ring.o.valid & ~got.tag.turn & (inside == 0)),
            turn.o.ready.eq(turning & (o.ready | ~real)),
            leaves.eq(turn.o.ready & (column == block_cols - 1)),
            o.valid.eq(straight | (turning & real)),
            ring.o.ready.eq(Mux(got.tag.turn, enters, straight & o.ready)),
        ]
        with m.If(turn.o.ready):
            m.d.sync += column.eq(Mux(column == block_cols - 1, 0, column + 1))
        with m.If(turning):
            m.d.comb += [
                o.payload.word.eq(turn.o.payload.as_value()),
                o.payload.first.eq(flag.first & (column == 0)),
                o.payload.last.eq(flag.last & (column == flag.count - 1)),
                o.payload.slot.eq(flag.slot),
            ]
        with m.Else():
            m.d.comb += [
                o.payload.word.eq(shown),
                o.payload.first.eq(got.tag.first),
                o.payload.last.eq(got.tag.last),
                o.payload.slot.eq(got.tag.slot),
            ]
        return m

    def _flush(self, m: Module, ring: Ring, ends, flushes, keep, back, words, flushing) -> None:
        """Gives up all that is kept for a job that ends early, three cycles after its last word."""
        size = range(self._words + 1)
        kept = Signal(size)  # words from the oldest one to the end of those kept
        ended, kept_on = Signal(), Signal()
        after, given = Signal(size), Signal(size)
        m.d.sync += [ended.eq(ends), kept_on.eq(keep), after.eq(words - back)]
        m.d.sync += given.eq(words)
        with m.If(ended & kept_on):
            m.d.sync += kept.eq(Mux(kept > after, kept, after))
        with m.Elif(ended):
            m.d.sync += kept.eq(Mux(kept > given, kept - given, 0))
        with m.If(flushes):
            m.d.sync += flushing.eq(1)
        with m.Switch(flushing):
            with m.Case(1):
                m.d.sync += [kept.eq(Mux(kept > after, kept, after)), flushing.eq(2)]
            with m.Case(2):
                m.d.comb += [ring.move.eq(1), ring.returns.eq(1)]
                m.d.sync += [back.eq(0), flushing.eq(3)]
            with m.Case(3):
                m.d.comb += [
                    ring.move.eq(1),
                    ring.returns.eq(0),
                    ring.distance.eq(kept),
                    ring.free.eq(1),
                    ring.amount.eq(kept),
                ]
                m.d.sync += [kept.eq(0), flushing.eq(0)]

    def _block(self) -> tuple[int, int, int]:
        """Elements that stay together, and rows and columns, in those, of what is transposed."""
        array = self._config.array
        if array.flow == "ws" and self._operand == "a":
            return 1, array.k_per_tile, array.k_per_tile
        return array.dot, self._lanes, self._turned // array.dot
