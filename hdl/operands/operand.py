"""An operand on its way from memory words to the array's port."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config.machine import MachineConfig
from ..config.widths import BLOCK_BITS
from ..contract.job import job_layout, of_job, step_layout, word_layout
from .kept import Kept
from .loops import Sizes, operand_loops
from .ring import Ring
from .unpack import Unpack
from .walk import Walk

__all__ = ["Operand"]


class Operand(wiring.Component):
    """Buffer of one operand, filled from memory and read in the order in which the array wants it.

    Rows become words of the buffer, filled up with the zero point. Words are read as soon as they
    are there, block after block without a gap; where the matrix is stored the other way round than
    the array takes it, columns of tiles are. A block is given up when its step ends, or kept for
    the next row of steps along K.

    Parameters
    ----------
    config : MachineConfig
    operand : "a" or "b"

    Members
    -------
    jobs, need, room, reserve
        See :class:`~insitu.hdl.contract.engine.EnginePort`.
    words : ``In(stream.Signature(word_layout(config)))``
        Words from memory.
    steps : ``In(stream.Signature(step_layout(config)))``
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
        # Elements of a word as it is stored and as it is stored transposed.
        self._stored = config.a_word if is_a else config.b_word
        self._turned = config.a_word if is_a else config.b_turned_word
        self._word = data.StructLayout(
            {
                "word": data.ArrayLayout(unsigned(self._bits), lanes),
                "zero": self._bits,
                "signed": 1,
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
                "words": In(stream.Signature(word_layout(config))),
                "steps": In(stream.Signature(step_layout(config))),
                "gate": In(1),
                "starts": Out(1),
                "next": Out(step_layout(config)),
                "writes": Out(1),
                "write_slot": Out(1),
                "reads": Out(1),
                "read_slot": Out(1),
                "waits": Out(1),
                "waits_gate": Out(1),
                "o": Out(stream.Signature(self._word)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, x, bits = self._config, self._operand, self._bits
        tag = data.StructLayout({"signed": 1, "first": 1, "last": 1, "slot": 1})
        note = data.StructLayout(
            {
                "end": 1,
                "keep": 1,
                "step_last": 1,
                "flush": 1,
                "slot": 1,
            }
        )
        lanes = max(self._stored, self._turned)
        banks = config.array.banks
        m.submodules.ring = ring = Ring(
            lanes, bits, self._words, tag, note, far=bool(banks), target=config.array.target
        )

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
        # Whose row is inside, and which one of a tile that will be read by columns: both change
        # with a row's first word.
        row = Signal(range(lanes))
        tiles = [operand_loops(config, x, flip, _nothing(config)).tiles for flip in (False, True)]
        with m.If(self.words.valid & self.words.ready):
            m.d.sync += [self.write_slot.eq(given.tag.slot), ring.row.eq(row)]
            with m.If(given.last):
                for flip, found in enumerate(tiles):
                    if found is not None:
                        is_last = given.tag.end | (row == found.across - 1)
                        with m.If(transposed == flip):
                            m.d.sync += row.eq(Mux(is_last, 0, row + 1))
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
            # Banks want all rows of a tile, arrays only columns that exist.
            asks.drop.eq(0 if x == "b" and banks else word.skip & word.turn),
            asks.pad.eq(of_job(jobs, step.slot, f"{x}_zero")),
            asks.stride.eq(word.stride),
            asks.column.eq(word.column),
            asks.rows.eq(word.rows),
            asks.tag.signed.eq(of_job(jobs, step.slot, f"{x}_signed")),
            asks.tag.first.eq(word.first),
            asks.tag.last.eq(word.last),
            asks.tag.slot.eq(step.slot),
            asks.last.eq(Mux(word.skip, greatest, word.offset)),
            asks.note.end.eq(word.end),
            asks.note.keep.eq(step[f"{x}_keep"]),
            asks.note.step_last.eq(step.last),
            asks.note.flush.eq(step.flush),
            asks.note.slot.eq(step.slot),
            self.reads.eq(ring.takes & ~ring.skips),
            self.read_slot.eq(now.slot),
            self.waits.eq(ring.waits),
        ]

        if x == "b" and banks:  # what is kept is in the banks
            m.d.comb += [
                ring.move.eq(ring.takes & now.end),
                ring.free.eq(ring.move),
                ring.amount.eq(ring.distance),
            ]
        else:
            self._keep(m, ring)

        # --- To the array ---
        shown, o = ring.o.payload, self.o.payload
        m.d.comb += [
            self.o.valid.eq(ring.o.valid),
            ring.o.ready.eq(self.o.ready),
            o.word.eq(shown.word),
            o.zero.eq(shown.pad),
            o.signed.eq(shown.tag.signed),
            o.first.eq(shown.tag.first),
            o.last.eq(shown.tag.last),
            o.slot.eq(shown.tag.slot),
        ]
        return m

    def _keep(self, m: Module, ring: Ring) -> None:
        """Give blocks up when their steps end, or keep them."""
        now = ring.note
        # Words between the oldest one and this block, less than nothing.
        back = Signal(signed(self._words.bit_length() + 1))
        words, keep = ring.distance, now.keep
        ends, flushes = Signal(), Signal()
        flushing = Signal(3)  # one bit per cycle of it
        m.d.comb += [
            ends.eq(ring.takes & now.end & ~now.flush),
            flushes.eq(ring.takes & now.end & now.flush),
            ring.stop.eq(flushes | flushing.any()),
        ]
        # Nothing is after a block that is not kept. All that is kept is given up by going back to
        # the first word of it, and then on to the end.
        m.submodules.kept = kept = Kept(self._words)
        m.d.sync += flushing.eq(Cat(flushes, flushing))
        with m.If(flushing[1]):
            m.d.sync += back.eq(kept.words)
        with m.Elif(flushing[2]):
            m.d.sync += back.eq(0)
        with m.Elif(ends & keep):
            m.d.sync += back.eq(Mux(now.step_last, 0, back + ring.beyond))
        m.d.comb += [
            kept.ends.eq(ends),
            kept.keep.eq(keep),
            kept.amount.eq(words),
            kept.reach.eq(words - back),
            kept.flush.eq(flushing[0]),
            kept.clear.eq(flushing[2]),
            ring.move.eq(ends | flushing[1] | flushing[2]),
            ring.returns.eq((keep & now.step_last) | flushing[1] | flushing[2]),
            ring.back.eq(back),
            ring.free.eq((ends & ~keep) | flushing[2]),
            ring.amount.eq(Mux(flushing[2], kept.words, words)),
        ]


def _nothing(config: MachineConfig) -> Sizes:
    """Sizes to find out which loops have tiles."""
    return Sizes.of(config, Const(0, 1), Const(0, 1), Const(0, 1))
