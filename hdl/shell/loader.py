"""Loops over the blocks of a job: what is fetched, computed and stored, and in which order."""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..arith.divide import ceil_div_by
from ..config.machine import MachineConfig
from ..contract.job import Kind, block_layout, job_layout, step_layout
from .addressing import addressing
from .addressing.base import settled
from .choose import choose
from .position import Position
from .residency import residency

__all__ = ["Loader"]


class Loader(wiring.Component):
    """Walks the blocks of jobs in one fixed order, the order of use.

    Per step along K: with the first, what its block of C needs (biases and scales if its columns
    are new, then D); then the step's block of A if it is not there already, then that of B.

    Parameters
    ----------
    config : MachineConfig

    Members
    -------
    jobs : In(ArrayLayout(job_layout, 2))
        Jobs by slot.
    i : ``In(stream.Signature(1))``
        Slot of the next job; steady for two cycles before it is valid, as the job is for one.
        ``i.ready`` is a register.
    rows : ``Out(stream.Signature(rows_layout))``
        Blocks to be fetched; of ``loads_layout`` where operands are fetched by element.
    rows_end : In(addr_bits)
        See :class:`~insitu.hdl.shell.rows.Rows`.
    a_last, b_last : In(addr_bits)
        Instead of that: see :class:`~insitu.hdl.shell.addressing.loads.Loads`.
    steps : ``Out(stream.Signature(step_layout))``
        To the engine; a step may wait while its words are fetched.
    blocks : ``Out(stream.Signature(block_layout))``
        To what stores C, in the order of the steps. From registers.
    set_free, half_free : In(1)
        There is room for the biases and scales of another block of columns; D may be loaded for
        the next block of C.
    takes_set : Out(1)
        The room is taken. A register.
    opens, has_d : Out(1)
        The next block of C begins, of the size that ``steps`` shows; D is fetched for it. From
        registers.
    abort : In(2)
        By slot: the job is to end early. The step under way is its last one.
    """

    def __init__(self, config: MachineConfig):
        self._config = config
        self._addressing = addressing(config)
        super().__init__(
            {
                "jobs": In(data.ArrayLayout(job_layout(config), 2)),
                "i": In(stream.Signature(1)),
                "rows": Out(stream.Signature(self._addressing.asked_layout())),
                **{name: In(config.addr_bits) for name in self._addressing.ends},
                "steps": Out(stream.Signature(step_layout(config))),
                "blocks": Out(stream.Signature(block_layout())),
                "set_free": In(1),
                "takes_set": Out(1),
                "half_free": In(1),
                "opens": Out(1),
                "has_d": Out(1),
                "abort": In(2),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self._config
        slot = Signal()
        job = Signal(job_layout(config), reset_less=True)
        m.d.sync += job.eq(Mux(slot, self.jobs[1], self.jobs[0]))
        at = Position(m, config, job, self._addressing.ended(m, self, job))
        size, first, last = at.size, at.first, at.last
        columns = Signal()  # set of biases and scales in use
        stop = Signal()  # this step is the last, as the job is aborted

        # --- The step's records ---
        steps, block = self.steps.payload, Signal(block_layout())
        b_kept, b_first, b_keep = residency(config).b_of(m, steps, job, at)
        m.d.comb += [
            steps.slot.eq(slot),
            steps.m.eq(size["m"]),
            steps.n.eq(size["n"]),
            steps.k.eq(size["k"]),
            steps.first.eq(first["k"]),
            steps.last.eq(last["k"] | stop),
            steps.a_keep.eq(job.a_kept & ~last["n"]),
            steps.b_keep.eq(b_keep),
            steps.flush.eq(stop),
            steps.addend.eq(job.addend),
            block.slot.eq(slot),
            block.m.eq(size["m"]),
            block.n.eq(size["n"]),
            block.columns.eq(columns),
            block.frees.eq(job.order | last["m"] | stop),
            block.last_m.eq(last["m"]),
            block.last_n.eq(last["n"]),
            block.final.eq(stop | (last["m"] & last["n"] & at.batch_last)),
        ]

        # --- What is fetched ---
        found, sent, fetched = Signal(), Signal(), Signal()
        m.d.comb += [
            self.rows.valid.eq(found & ~sent),
            fetched.eq(sent & self.rows.ready),
            self.has_d.eq(job.addend),
        ]
        with m.If(self.rows.valid & self.rows.ready):
            m.d.sync += sent.eq(1)
        wants = self._fetched(m, job, slot, columns, at)

        def want(kind: Kind) -> None:
            m.d.sync += [picks.eq(1 << kind) for picks in wants]

        def enter(state: str, opens=0) -> None:
            """The state fetches; ``opens``: it is the first of a block of C after its columns."""
            m.d.sync += self.opens.eq(opens)
            m.next = state

        # Found out as the step begins. By order 0 a set of columns serves all rows.
        names = ("begins", "has_columns", "begins_at_d")
        begins, has_columns, begins_at_d = (Signal(name=name) for name in names)
        will_be_first = at.next_first
        m.d.sync += [
            begins.eq(will_be_first["k"]),
            has_columns.eq(will_be_first["k"] & (job.order | will_be_first["m"])),
            begins_at_d.eq(will_be_first["k"] & job.addend),
        ]

        def enter_d_or_a() -> None:
            with m.If(begins_at_d):
                m.next = "d_room"
            with m.Else():
                enter("a", begins)

        has_scale = settled(m, "has_scale", job.column_scale & (job.format != 0))

        def enter_scale() -> None:
            with m.If(has_scale):
                enter("scale")
            with m.Else():
                enter_d_or_a()

        # Wanted as soon as a state has asked for its own, so that no handshake is on the way to
        # these registers. They count in the state that follows. D is wanted by "d_room".
        def want_after_bias() -> None:
            with m.If(has_scale):
                want(Kind.SCALE)
            with m.Else():
                want(Kind.A)

        def want_first() -> None:
            with m.If(has_columns & job.bias):
                want(Kind.BIAS)
            with m.Elif(has_columns & has_scale):
                want(Kind.SCALE)
            with m.Else():
                want(Kind.A)

        m.d.sync += [self.opens.eq(0), self.takes_set.eq(0)]
        # The step is on offer while what it needs is fetched.
        step_waits = self.steps.valid
        with m.If(self.steps.ready):
            m.d.sync += step_waits.eq(0)

        def begin_step() -> None:
            m.d.sync += [step_waits.eq(1), stop.eq(self.abort.bit_select(slot, 1))]
            m.next = "columns"

        # Blocks are shown here before they are valid, so that the enables are one register.
        with m.If(~self.blocks.valid):
            m.d.sync += self.blocks.payload.eq(block)
        with m.Elif(self.blocks.ready):
            m.d.sync += self.blocks.valid.eq(0)
        with m.FSM():
            with m.State("idle"):
                # From the second cycle on `slot` is the next job's.
                m.d.sync += [slot.eq(self.i.payload), self.i.ready.eq(1)]
                with m.If(self.i.valid & self.i.ready):
                    m.d.sync += self.i.ready.eq(0)
                    at.begin()
                    m.next = "first"
            with m.State("first"):
                begin_step()
            with m.State("columns"):
                want_first()
                with m.If(~has_columns):
                    enter_d_or_a()
                with m.Elif(self.set_free):
                    m.d.sync += [self.takes_set.eq(1), columns.eq(~columns)]
                    with m.If(job.bias):
                        enter("bias")
                    with m.Else():
                        enter_scale()
            with m.State("d_room"):
                want(Kind.D)
                with m.If(self.half_free):
                    enter("d", 1)
            for state, want_next, enter_next in (
                ("bias", want_after_bias, enter_scale),
                ("scale", lambda: want(Kind.A), enter_d_or_a),
                ("d", lambda: want(Kind.A), lambda: enter("a")),
            ):
                with m.State(state):
                    m.d.sync += found.eq(~fetched)
                    with m.If(sent):
                        want_next()
                    with m.If(fetched):
                        m.d.sync += sent.eq(0)
                        if state == "d":
                            m.d.sync += at.ended["d"].eq(1)
                        enter_next()
            for x, following, kept, is_first in (
                ("a", "b", job.a_kept, first["n"]),
                ("b", "block", b_kept, b_first),
            ):
                wanted = settled(m, f"{x}_wanted", ~kept | is_first)
                with m.State(x):
                    m.d.sync += found.eq(wanted & ~fetched)
                    with m.If(~wanted | sent):
                        want(Kind.B)
                    with m.If(~wanted | fetched):
                        m.d.sync += [sent.eq(0), at.ended[x].eq(wanted)]
                        for other in self._addressing.ends_with.get(x, ()):
                            m.d.sync += at.ended[other].eq(1)
                        m.next = following
            # By the time the operands are fetched these are old.
            ends = settled(m, "ends", steps.last)
            with m.State("block"):
                with m.If(~step_waits & (~ends | ~self.blocks.valid)):
                    at.advance()
                    m.next = "advance"
                    with m.If(ends):
                        m.d.sync += self.blocks.valid.eq(1)
            with m.State("advance"):
                with m.If(stop):
                    m.next = "idle"
                with m.Elif(at.goes_on):
                    begin_step()
                with m.Elif(at.another):
                    at.next_matrix()
                    m.next = "first"
                with m.Else():
                    m.next = "idle"
        return m

    def _fetched(self, m: Module, job, slot, columns, at: Position) -> list[Signal]:
        """What is to be fetched, by a bit per kind, set in the cycle before.

        Chosen in every cycle, so that neither the states nor what they wait for are on the way to
        so many registers, and by several copies of those bits.
        """
        config, array, size = self._config, self._config.array, at.size
        rows = Signal(self.rows.payload.shape(), reset_less=True)
        m.d.comb += self.rows.payload.eq(rows)
        a_flip, b_flip = job.a_transposed, job.b_transposed
        a_along = Mux(a_flip, size["m"], size["k"])
        b_along = Mux(b_flip, size["k"], size["n"])

        # D, biases and scales begin alike, as their first columns do.
        skips = {**at.skip, "vector": at.n_skip}

        def row(name: str, length, bits: int):
            """Bus words of a row of ``length`` elements, and how many the last one has."""
            per_beat = config.bus_bits // bits
            length = self._addressing.reach(length, skips[name])
            rest = length[: per_beat.bit_length() - 1]
            return (
                settled(m, f"{name}_beats", ceil_div_by(length, per_beat)),
                settled(m, f"{name}_tail", Mux(rest == 0, per_beat, rest)),
            )

        lengths = {
            "a": row("a", a_along, array.a.bits),
            "b": row("b", b_along, array.b.bits),
            "vector": row("vector", size["n"], 32),
        }
        need = self._addressing.needs(m, job, size, a_along)
        starts = {
            Kind.A: at.start["a"],
            Kind.B: at.start["b"],
            Kind.D: at.start["d"],
            Kind.BIAS: settled(m, "bias_start", job.bias_addr + at.n_start),
            Kind.SCALE: settled(m, "scale_start", job.scale_addr + at.n_start),
        }
        by_start, by_size = (
            Signal(len(Kind), name=f"wants_{n}", attrs={"own_register": 1}) for n in range(2)
        )
        is_a, is_b, is_d = by_size[Kind.A], by_size[Kind.B], by_size[Kind.D]
        is_vector = by_size[Kind.BIAS] | by_size[Kind.SCALE]
        of_n = is_d | is_vector
        which = (is_a, is_b, is_d, is_vector)
        kinds = {"a": is_a, "b": is_b, "vector": of_n}
        amounts = self._addressing.amounts(m, rows, job, size, which, skips, need)
        m.d.sync += [
            rows.addr.eq(choose((by_start[kind], start) for kind, start in starts.items())),
            rows.stride.eq(
                choose(
                    (by_start[kind], job[f"{kind.name.lower()}_stride"])
                    for kind in (Kind.A, Kind.B, Kind.D)
                )
            ),
            amounts[0],
            rows.beats.eq(choose((is_it, lengths[x][0]) for x, is_it in kinds.items())),
            *amounts[1:],
            rows.tag.tail.eq(choose((is_it, lengths[x][1]) for x, is_it in kinds.items())),
            rows.tag.kind.eq(choose((bit, Const(n, 3)) for n, bit in enumerate(by_size))),
            rows.tag.slot.eq(slot),
            rows.tag.columns.eq(columns),
        ]
        return [by_start, by_size]
