"""Stores blocks of C: finishing, packing, addresses, completion."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..arith.divide import ceil_div_by
from ..bus.bursts import segment_layout
from ..bus.writer import write_layout
from ..config.machine import MachineConfig
from ..config.widths import BLOCK_BITS
from ..contract.job import block_layout, job_layout
from ..stream import ReservedQueue, Skid
from .addressing import addressing
from .columns import Columns
from .finishing import Lanes, finishing
from .pack import Pack, lanes_of, result_layout
from .residency import residency
from .rows import Rows
from .sums import Sums

__all__ = ["Store"]


class Store(wiring.Component):
    """Takes blocks of C from their buffer to memory, row after row, ``lanes`` results per cycle.

    The job's last block is followed by ``done``, once every write is answered.

    Parameters
    ----------
    config : MachineConfig

    Members
    -------
    jobs : In(ArrayLayout(job_layout, 2))
    blocks : ``In(stream.Signature(block_layout()))``
        Blocks in the order of the loops.
    full, addr, word, stored
        See :class:`~insitu.hdl.shell.sums.Sums`.
    set, column, bias, scale, frees
        See :class:`~insitu.hdl.shell.columns.Columns`.
    columns_here : In(2)
        With banks: its ``here``. Where B is resident and A kept, nothing but columns need come for
        a block.
    checked, discard : In(2)
        By slot: it may write, nothing before; nothing more is to be written.
    segments, words, idle
        To the write master.
    finishes, reads : Out
        So many elements are finished; a word of sums is read. Counted for ``slot``.
    done : Out(1)
        The job in slot ``slot`` is complete. For a cycle, after one in which ``may_end`` is high.
        A register.
    may_end : In(1)
    """

    def __init__(self, config: MachineConfig):
        self._config, self._addressing = config, addressing(config)
        self._residency = residency(config)
        lanes = config.lanes
        self._depth = config.n_max // lanes
        super().__init__(
            {
                "jobs": In(data.ArrayLayout(job_layout(config), 2)),
                "blocks": In(stream.Signature(block_layout())),
                "full": In(1),
                "addr": Out(range(config.c_words)),
                "word": In(data.ArrayLayout(signed(config.sum_bits), config.array.cols)),
                "stored": Out(1),
                "set": Out(1),
                "column": Out(range(self._depth)),
                "bias": In(data.ArrayLayout(signed(32), lanes)),
                "scale": In(data.ArrayLayout(32, lanes)),
                "frees": Out(1),
                "checked": In(2),
                "discard": In(2),
                "segments": Out(stream.Signature(segment_layout(config.addr_bits))),
                "words": Out(stream.Signature(write_layout(config.bus_bits))),
                "idle": In(1),
                "finishes": Out(range(lanes + 1)),
                "reads": Out(1),
                "done": Out(1),
                "slot": Out(1),
                "may_end": In(1),
            }
            | self._residency.store_ports()
        )

    def elaborate(self, platform):
        m = Module()
        config, array, lanes = self._config, self._config.array, self._config.lanes
        block = self.blocks.payload
        job = Signal(job_layout(config))
        m.d.sync += job.eq(Mux(block.slot, self.jobs[1], self.jobs[0]))
        m.d.comb += self.slot.eq(block.slot)
        finish = finishing(config)
        # Whether results have more than a byte, and how many, by their names.
        flags_of = {name: Signal(name=name, reset_less=True) for name in finish.sizes}
        m.d.sync += [flag.eq(finish.is_size(job, name)) for name, flag in flags_of.items()]
        wide = flags_of["wide"]

        def by_size(narrow, of: dict[str, Any]):
            """What is meant for results of a byte, or ``of`` larger ones."""
            for name, value in reversed(of.items()):
                narrow = Mux(flags_of[name], value, narrow)
            return narrow

        # --- Where it goes: worked out a cycle before it is used ---
        m.submodules.rows = rows = Rows(config.addr_bits, 0)
        base = Signal(config.addr_bits, reset_less=True)
        row = Signal(config.addr_bits, reset_less=True)
        offset = Signal(32, reset_less=True)
        # The next block is a job's first, a matrix's first; the one before has ended. From then on
        # there are cycles enough to go to where the next one begins.
        begins, begins_matrix, ended = Signal(init=1), Signal(), Signal()
        asks = Signal()
        bus = config.bus_bytes.bit_length() - 1
        length = Signal(BLOCK_BITS + 2, reset_less=True)
        asked = Signal(rows.i.payload.shape(), reset_less=True)
        # Bytes before the block's first bus word, and before its first element in there.
        outside, skip = self._addressing.c_words(offset, bus)
        m.d.sync += [
            length.eq(
                by_size(block.n, {x: block.n << size // 2 for x, size in finish.sizes.items()})
            ),
            asked.addr.eq(row + outside),
            asked.stride.eq(job.c_stride),
            asked.rows.eq(block.m),
            asked.beats.eq(ceil_div_by(self._addressing.c_length(length, skip), 1 << bus)),
        ]
        m.d.comb += [rows.i.valid.eq(asks), rows.i.payload.eq(asked), rows.room.eq(1)]
        wiring.connect(m, rows.o, wiring.flipped(self.segments))

        # --- Elements: a word of sums per `slices` cycles ---
        slices = array.cols // lanes
        word_addr = Signal(range(config.c_words))
        row_left, col_left = Signal(BLOCK_BITS), Signal(BLOCK_BITS)
        slice_, column = Signal(range(slices)), Signal(range(self._depth))
        # Whether there is a step is known a cycle before, as much depends on it.
        walking, starts, step = Signal(), Signal(), Signal()
        row_ends, word_ends = Signal(), Signal()  # col_left <= lanes; the word of sums ends
        one_step = Signal()  # a row is
        m.d.sync += one_step.eq(block.n <= lanes)
        next_slice = Mux(row_ends | (slice_ == slices - 1), 0, slice_ + 1)
        next_row_ends = Mux(row_ends, one_step, col_left <= 2 * lanes)
        m.d.comb += [
            self.addr.eq(word_addr),
            self.finishes.eq(Mux(step, Mux(row_ends, col_left, lanes), 0)),
            self.reads.eq(step & (slice_ == 0)),
            self.set.eq(block.columns),
            self.column.eq(column),
        ]
        with m.If(step):
            m.d.sync += [
                slice_.eq(next_slice),
                column.eq(column + 1),
                col_left.eq(col_left - lanes),
                row_ends.eq(next_row_ends),
                word_ends.eq(next_row_ends | (next_slice == slices - 1)),
            ]
            with m.If(word_ends):
                m.d.sync += word_addr.eq(word_addr + 1)
            with m.If(row_ends):
                m.d.sync += [row_left.eq(row_left - 1), column.eq(0), col_left.eq(block.n)]

        # --- Pipeline: the queue after it has room for all that is inside ---
        latency, depth = Sums.READ + finish.narrow_cycles, finish.depth
        result = result_layout(config)
        m.submodules.queue = queue = ReservedQueue(result, depth)
        m.submodules.pack = pack = Pack(config)
        # On both sides, so that the way back from the bus ends at registers.
        m.submodules.skid = skid = Skid(result, far=True)
        m.submodules.packed = packed = Skid(self.words.payload.shape(), far=True)
        credit, taken = Signal(range(depth + 1), init=depth), Signal()
        still_walking = Mux(step & row_ends, row_left != 1, walking) | starts
        m.d.comb += taken.eq(queue.o.valid & queue.o.ready)
        m.d.sync += [
            walking.eq(still_walking),
            credit.eq(credit + taken - step),
            step.eq(still_walking & (taken | Mux(step, credit != 1, credit != 0))),
        ]
        wiring.connect(m, queue.o, skid.i)
        wiring.connect(m, skid.o, pack.i)
        wiring.connect(m, pack.o, packed.i)
        wiring.connect(m, packed.o, wiring.flipped(self.words))

        flags = data.StructLayout(
            {
                "valid": 1,
                "count": range(lanes + 1),
                "more": result["more"].shape,
                "last": 1,
                "slice": range(max(2, slices)),
            }
            | self._addressing.marks()
        )
        stages = [Signal(flags, name=f"flags_{n}") for n in range(latency)]
        m.d.sync += [
            stages[0].valid.eq(step),
            stages[0].count.eq(Mux(row_ends, col_left, lanes)),
            stages[0].last.eq(row_ends),
            stages[0].slice.eq(slice_),
        ]
        self._addressing.mark(m, stages[0], step, row_ends, skip)
        m.d.sync += [after.eq(before) for before, after in zip(stages, stages[1:], strict=False)]
        count = (stages[0].count - 1)[: len(stages[0].count)]
        further = {x: count // lanes_of(config, size) for x, size in finish.sizes.items()}
        m.d.sync += stages[1].more.eq(by_size(0, further))
        # Words and biases come together, are picked, added up, and scaled.
        assert Sums.READ == Columns.READ
        now = stages[Sums.READ - 1]

        def pick(n: int):
            lane = Cat(self.word[s * lanes + n] for s in range(slices))
            return lane.word_select(now.slice, config.sum_bits)

        sums, narrow = finish.lanes(m, config, Lanes(job, pick, self.bias, self.scale))
        ends = Mux(wide, stages[Sums.READ + finish.wide_cycles - 1], stages[-1])
        given = queue.word
        end = Signal(flags)
        m.d.comb += [
            end.eq(ends),
            queue.write.eq(end.valid),
            given.count.eq(end.count),
            given.more.eq(end.more),
            given.last.eq(end.last),
            *(given[name].eq(flag) for name, flag in flags_of.items()),
        ]
        for n in range(lanes):
            m.d.comb += given.y[n].eq(Mux(wide, sums[n], narrow[n]))
        self._addressing.pass_marks(m, given, end)

        # --- One block after the other ---
        discard = self.discard.bit_select(block.slot, 1)
        drained = Signal()  # a cycle late
        m.d.sync += drained.eq((credit == depth) & ~skid.o.valid & ~pack.o.valid & ~packed.o.valid)
        # The block ends; it is still shown then.
        ending = Signal()
        m.d.comb += [self.blocks.ready.eq(ending), self.stored.eq(ending)]
        m.d.sync += [ending.eq(0), ended.eq(0), self.frees.eq(0), self.done.eq(0)]

        def leave() -> None:
            m.d.sync += [ending.eq(1), self.frees.eq(block.frees)]
            m.next = "idle"

        # The block has been shown for so long that all that is worked out from it is there.
        shown = Signal(3)
        m.d.sync += shown.eq(Mux(ending, 0, Cat(self.blocks.valid, shown)))
        here = (base, row, offset, outside)
        self._next_place(m, job, block, length, here, rows.end, (begins, begins_matrix, ended))
        with m.FSM():
            with m.State("idle"):
                m.d.sync += [
                    word_addr.eq(0),
                    slice_.eq(0),
                    column.eq(0),
                    row_left.eq(block.m),
                    col_left.eq(block.n),
                    row_ends.eq(one_step),
                    word_ends.eq(one_step | (slices == 1)),
                ]
                may_write = self._residency.may_store(
                    self, self.checked.bit_select(block.slot, 1), block.columns
                )
                # `full` may be of the block before, whose end it has not seen yet.
                with m.If(shown[-1] & self.full & ~ending & may_write):
                    m.d.sync += [begins.eq(0), begins_matrix.eq(0)]
                    with m.If(discard):
                        m.next = "end"
                    with m.Else():
                        m.next = "begin"
            with m.State("begin"):
                # Rows are ready: they were when the block before ended.
                m.d.comb += [asks.eq(1), starts.eq(1)]
                m.next = "rows"
            with m.State("rows"):
                # Its words may still be on their way when the next block begins: sums and biases
                # are not needed any more.
                with m.If(~walking & ~stages[0].valid & ~stages[1].valid & rows.i.ready):
                    m.next = "end"
            with m.State("end"):
                m.d.sync += ended.eq(1)
                with m.If(block.last_m & block.last_n):
                    m.d.sync += begins_matrix.eq(1)
                with m.If(block.final):
                    m.next = "final"
                with m.Else():
                    leave()
            with m.State("final"):
                # An error in the last response is known when the job is done.
                with m.If(drained & self.idle & self.may_end):
                    m.d.sync += [self.done.eq(1), begins.eq(1)]
                    leave()
        return m

    def _next_place(self, m, job, block, length, here, end, when):
        """Goes to where the next block begins, which is known when the one before has ended."""
        base, row, offset, outside = here
        begins, begins_matrix, ended = when
        back = Signal.like(row, reset_less=True)
        further = Signal.like(offset, reset_less=True)
        next_base = Signal.like(base, reset_less=True)
        to_base, to_end, along, to_side, next_matrix = (
            Signal(name=name) for name in ("to_base", "to_end", "along", "to_side", "next_matrix")
        )
        m.d.sync += [
            back.eq(end - outside),
            further.eq(offset + length),
            next_base.eq(base + job.c_batch),
            to_end.eq(Mux(job.order, block.last_n, ~block.last_m)),
            to_base.eq(~job.order & block.last_m),
            along.eq(Mux(job.order, ~block.last_n, block.last_m)),
            to_side.eq(job.order & block.last_n),
            next_matrix.eq(block.last_m & block.last_n),
        ]
        with m.If(begins):
            m.d.sync += base.eq(job.c_addr)
        with m.Elif(ended & next_matrix):
            m.d.sync += base.eq(next_base)
        with m.If(begins):
            m.d.sync += row.eq(job.c_addr)
        with m.Elif(begins_matrix | (ended & to_base)):
            m.d.sync += row.eq(base)
        with m.Elif(ended & to_end):
            m.d.sync += row.eq(back)
        with m.If(begins | begins_matrix | (ended & to_side)):
            m.d.sync += offset.eq(0)
        with m.Elif(ended & along):
            m.d.sync += offset.eq(further)
