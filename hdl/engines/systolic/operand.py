"""An operand on its way from memory words to the array's port."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...config.machine import BLOCK_BITS, MachineConfig
from ...machine.job import job_layout, of_job, step_layout, word_layout
from ...machine.unpack import Unpack
from ...stream import Skid, Transpose
from ..ring import Ring
from .kept import Kept
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
    words : ``In(stream.Signature(word_layout(config)))``
        Words from memory.
    steps : ``In(stream.Signature(step_layout()))``
    gate : In(1)
        The next step may start.
    starts, next : Out
        It does; that step.
    writes, write_slot, reads, read_slot, waits, waits_gate : Out(1)
        A word of the buffer is written, or read; a word that is not there yet is waited for, or the
        gate.
    o : ``Out(stream.Signature({"word", "zero", "signed", "first", "last", "slot"}))``
        ``word``: elements for the array's lanes. ``first`` and ``last`` of a tile. From registers.
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
                "zero": self._bits,
                "signed": 1,
                "first": 1,
                "last": 1,
                "slot": 1,
            }
        )
        self._word = word
        super().__init__(
            {
                "jobs": In(data.ArrayLayout(job_layout(config), 2)),
                "need": In(BLOCK_BITS),
                "room": Out(1),
                "reserve": In(1),
                "words": In(stream.Signature(word_layout(config))),
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

        # A copy of its own, as those who hold the jobs are far away.
        jobs = Signal(self.jobs.shape(), reset_less=True)
        m.d.sync += jobs.eq(self.jobs)

        # --- In: rows of bus words to words of the buffer ---
        # Both ways of storing may ask for words of different sizes. A row waits until the one
        # before, stored the other way, has left: one word is written per cycle.
        sizes = sorted({self._stored, self._turned})
        per_beat = config.bus_bits // bits
        given = self.words.payload
        transposed = of_job(jobs, given.tag.slot, f"{x}_transposed")
        unpacks = {size: Unpack(bits, per_beat, size) for size in sizes}
        readies = []
        for size, unpack in unpacks.items():
            m.submodules[f"unpack_{size}"] = unpack
            others = Cat(other.o.valid for n, other in unpacks.items() if n != size)
            wanted = Mux(transposed, self._turned, self._stored) == size if len(sizes) > 1 else 1
            may = wanted & ~others.any()
            m.d.comb += [
                unpack.i.valid.eq(self.words.valid & may),
                unpack.i.payload.data.eq(given.data),
                unpack.i.payload.last.eq(given.last),
                unpack.i.payload.tail.eq(given.tag.tail),
                unpack.i.payload.pad.eq(of_job(jobs, given.tag.slot, f"{x}_zero")),
                unpack.o.ready.eq(1),
            ]
            readies.append(unpack.i.ready & may)
        writes = [unpack.o for unpack in unpacks.values()]
        m.d.comb += [
            self.words.ready.eq(Cat(readies).any()),
            ring.need.eq(self.need),
            self.room.eq(ring.room),
            ring.reserve.eq(self.reserve),
            ring.write.eq(Cat(o.valid for o in writes).any()),
            ring.word.eq(writes[0].payload.word),
        ]
        # Whose row is inside: it changes with a row's first word.
        with m.If(self.words.valid & self.words.ready):
            m.d.sync += self.write_slot.eq(given.tag.slot)
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
            walk.choice.eq(of_job(jobs, self.steps.payload.slot, f"{x}_transposed")),
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
        ends, flushes = Signal(), Signal()
        flushing = Signal(3)  # one bit per cycle of it
        m.d.comb += [
            ends.eq(ring.takes & now.end & ~now.flush),
            flushes.eq(ring.takes & now.end & now.flush),
            ring.stop.eq(flushes | flushing.any()),
        ]
        # Nothing is behind a block that is not kept. All that is kept is given up by going back to
        # the first word of it, and then on to the end.
        m.submodules.kept = kept = Kept(self._words)
        m.d.sync += flushing.eq(Cat(flushes, flushing))
        with m.If(flushing[1]):
            m.d.sync += back.eq(kept.words)
        with m.Elif(flushing[2]):
            m.d.sync += back.eq(0)
        with m.Elif(ends & keep):
            m.d.sync += back.eq(Mux(now.step_last, 0, back - words))
        m.d.comb += [
            kept.ends.eq(ends),
            kept.keep.eq(keep),
            kept.amount.eq(words),
            kept.reach.eq(words - back),
            kept.flush.eq(flushing[0]),
            kept.clear.eq(flushing[2]),
            ring.move.eq(ends | flushing[1] | flushing[2]),
            ring.distance.eq(words),
            ring.returns.eq((keep & now.step_last) | flushing[1] | flushing[2]),
            ring.back.eq(back),
            ring.free.eq((ends & ~keep) | flushing[2]),
            ring.amount.eq(Mux(flushing[2], kept.words, words)),
        ]

        # --- Out: straight on, or turned ---
        m.submodules.words = words = Skid(data.StructLayout({"word": width, "tag": tag}))
        read = ring.o.payload
        zeros = of_job(jobs, read.tag.slot, f"{x}_zero").replicate(width // bits)
        m.d.comb += [
            words.i.valid.eq(ring.o.valid),
            ring.o.ready.eq(words.i.ready),
            words.i.payload.word.eq(Mux(read.skip, zeros, read.word)),
            words.i.payload.tag.eq(read.tag),
        ]
        m.submodules.shown = out = Skid(self._word)
        wiring.connect(m, out.o, wiring.flipped(self.o))
        got, o = words.o.payload, out.i
        shown = got.word
        m.submodules.turn = turn = Transpose(unsigned(bits * group), block_rows, block_cols)
        # What is in or around it counts as inside.
        m.submodules.to_turn = to_turn = Skid(turn.i.payload.shape())
        m.submodules.turned = turned = Skid(turn.o.payload.shape())
        wiring.connect(m, to_turn.o, turn.i)
        wiring.connect(m, turn.o, turned.i)
        # What belongs to the two blocks inside.
        layout = data.StructLayout({"count": count, "first": 1, "last": 1, "slot": 1})
        flags = [Signal(layout, name=f"flags_{n}", reset_less=True) for n in range(2)]
        entered, left, inside = Signal(), Signal(), Signal(range(3))
        flag = Signal(layout)
        fits, enters, leaves, turning = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            to_turn.i.payload.as_value().eq(shown[: len(turn.i.payload.as_value())]),
            fits.eq(to_turn.i.ready & ~(got.tag.last & inside[1])),
            to_turn.i.valid.eq(words.o.valid & got.tag.turn & fits),
            enters.eq(to_turn.i.valid),
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
        real, takes, straight = Signal(), Signal(), Signal()
        m.d.comb += [
            turning.eq(turned.o.valid),
            real.eq(column < flag.count),
            straight.eq(words.o.valid & ~got.tag.turn & (inside == 0)),
            takes.eq(turning & (o.ready | ~real)),
            turned.o.ready.eq(takes),
            leaves.eq(takes & (column == block_cols - 1)),
            o.valid.eq(straight | (turning & real)),
            words.o.ready.eq(Mux(got.tag.turn, fits, (inside == 0) & o.ready)),
        ]
        with m.If(takes):
            m.d.sync += column.eq(Mux(column == block_cols - 1, 0, column + 1))
        with m.If(turning):
            m.d.comb += [
                o.payload.word.eq(turned.o.payload.as_value()),
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
        for name in ("zero", "signed"):
            m.d.comb += o.payload[name].eq(of_job(jobs, o.payload.slot, f"{x}_{name}"))
        return m

    def _block(self) -> tuple[int, int, int]:
        """Elements that stay together, and rows and columns, in those, of what is transposed."""
        array = self._config.array
        if array.flow == "ws" and self._operand == "a":
            return 1, array.k_per_tile, array.k_per_tile
        return array.dot, self._lanes, self._turned // array.dot
