"""Loops over the blocks of a job: what is fetched, computed and stored, and in which order."""

from amaranth.hdl import Module, Mux, Shape, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..arith.divide import ceil_div_by
from ..config.machine import BLOCK_BITS, MachineConfig
from .job import Kind, block_layout, job_layout, step_layout, tag_layout
from .rows import rows_layout

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
        Slot of the next job; steady for two cycles before it is valid, as the job is for one, but
        for ``a_kept`` and ``b_kept``, which may come a cycle later.
    rows : ``Out(stream.Signature(rows_layout))``
        Blocks to be fetched.
    rows_end : In(addr_bits)
        See :class:`~hdl.machine.rows.Rows`.
    steps : ``Out(stream.Signature(step_layout))``
        To the engine; a step may wait while its words are fetched.
    blocks : ``Out(stream.Signature(block_layout))``
        To what stores C, in the order of the steps.
    set_free, half_free : In(1)
        There is room for the biases and scales of another block of columns; D may be loaded for
        the next block of C.
    takes_set : Out(1)
        The room is taken.
    opens, has_d : Out(1)
        The next block of C begins, of the size that ``steps`` shows; D is fetched for it.
    abort : In(2)
        By slot: the job is to end early. The step under way is its last one.
    """

    def __init__(self, config: MachineConfig):
        self._config = config
        super().__init__(
            {
                "jobs": In(data.ArrayLayout(job_layout(config), 2)),
                "i": In(stream.Signature(1)),
                "rows": Out(stream.Signature(rows_layout(config.addr_bits, tag_layout(config)))),
                "rows_end": In(config.addr_bits),
                "steps": Out(stream.Signature(step_layout())),
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
        config, array = self._config, self._config.array
        slot = Signal()
        job = Signal(job_layout(config), reset_less=True)
        m.d.sync += job.eq(Mux(slot, self.jobs[1], self.jobs[0]))

        # --- Where we are ---
        def registers(names: str, what: str, shape) -> dict[str, Signal]:
            return {x: Signal(shape, name=f"{x}_{what}", reset_less=True) for x in names}

        left, size = registers("mnk", "left", 32), registers("mnk", "size", BLOCK_BITS)
        first, last = registers("mnk", "first", 1), registers("mnk", "last", 1)
        batch_left = Signal(32, reset_less=True)
        batch_last = Signal()  # a cycle late
        m.d.sync += batch_last.eq(batch_left == 1)
        columns = Signal()  # set of biases and scales in use
        stop = Signal()  # this step is the last, as the job is aborted

        # A block begins at row + offset: `row` moves down the rows of the matrix as it is stored,
        # `offset` along them. Rows tells where a block's rows end; no product is ever needed.
        base = registers("abd", "base", config.addr_bits)
        row, end = (registers("abd", what, config.addr_bits) for what in ("row", "end"))
        offset = registers("abd", "offset", 32)
        n_offset = Signal(32, reset_less=True)  # of biases and scales

        # --- The step's records ---
        new_columns = Signal()  # settled
        steps, blocks = self.steps.payload, self.blocks.payload
        # By order 0 a set of columns serves all rows.
        m.d.sync += new_columns.eq(first["k"] & (job.order | first["m"]))
        m.d.comb += [
            steps.slot.eq(slot),
            steps.m.eq(size["m"]),
            steps.n.eq(size["n"]),
            steps.k.eq(size["k"]),
            steps.first.eq(first["k"]),
            steps.last.eq(last["k"] | stop),
            steps.a_keep.eq(job.a_kept & ~last["n"]),
            steps.b_keep.eq(job.b_kept & ~last["m"]),
            steps.flush.eq(stop),
            steps.addend.eq(job.addend),
            blocks.slot.eq(slot),
            blocks.m.eq(size["m"]),
            blocks.n.eq(size["n"]),
            blocks.columns.eq(columns),
            blocks.frees.eq(job.order | last["m"] | stop),
            blocks.last_m.eq(last["m"]),
            blocks.last_n.eq(last["n"]),
            blocks.final.eq(stop | (last["m"] & last["n"] & batch_last)),
        ]

        # --- What is fetched ---
        # What is to be fetched is worked out in one cycle and offered from a register in the next.
        rows = Signal(self.rows.payload.shape(), reset_less=True)
        found, sent, fetched = Signal(), Signal(), Signal()
        m.d.comb += [
            self.rows.payload.eq(rows),
            self.rows.valid.eq(found & ~sent),
            fetched.eq(sent & self.rows.ready),
        ]
        with m.If(self.rows.valid & self.rows.ready):
            m.d.sync += sent.eq(1)

        wants = Signal(Kind, reset_less=True)  # steady from the cycle before it is found
        ended = {x: Signal(name=f"{x}_ended") for x in end}
        rows_end = Signal.like(self.rows_end, reset_less=True)
        m.d.sync += [rows_end.eq(self.rows_end), rows.tag.kind.eq(wants)]
        m.d.sync += [rows.tag.slot.eq(slot), rows.tag.columns.eq(columns)]
        for x, is_ended in ended.items():
            m.d.sync += is_ended.eq(0)
            with m.If(is_ended):
                m.d.sync += end[x].eq(rows_end - offset[x])

        def fetch(state, following, then, wanted, kind, start, stride, count, length, bits, need=0):
            """A state that fetches ``count`` rows of ``length`` elements, if that is ``wanted``.

            The next thing to be fetched is ``then``.
            """
            per_beat = config.bus_bits // bits
            rest = length[: per_beat.bit_length() - 1]
            x = kind.name.lower()
            wanted = settled(f"{x}_wanted", wanted)
            with m.State(state):
                with m.If(~wanted | fetched):
                    m.d.sync += [found.eq(0), sent.eq(0), wants.eq(then)]
                    if x in ended:
                        m.d.sync += ended[x].eq(wanted)
                    m.next = following
                with m.Else():
                    m.d.sync += found.eq(1)
            options[kind] = [
                rows.addr.eq(start),
                rows.stride.eq(stride),
                rows.rows.eq(count),
                rows.beats.eq(settled(f"{x}_beats", ceil_div_by(length, per_beat))),
                rows.need.eq(need),
                rows.tag.tail.eq(settled(f"{x}_tail", Mux(rest == 0, per_beat, rest))),
            ]

        options: dict[Kind, list] = {}

        def settled(name: str, value):
            """``value`` a cycle later: what it depends on changes some cycles before it is used."""
            out = Signal(Shape.cast(value.shape()), name=name, reset_less=True)
            m.d.sync += out.eq(value)
            return out

        a_flip, b_flip = job.a_transposed, job.b_transposed
        a_along = Mux(a_flip, size["m"], size["k"])
        b_along = Mux(b_flip, size["k"], size["n"])
        a_need = settled("a_need", ceil_div_by(a_along, config.a_word))
        b_need = settled(
            "b_need",
            Mux(
                b_flip,
                ceil_div_by(size["k"], config.b_turned_word),
                ceil_div_by(size["n"], config.b_word),
            ),
        )
        start = {x: settled(f"{x}_start", row[x] + offset[x]) for x in "abd"}
        bias_start = settled("bias_start", job.bias_addr + n_offset)
        scale_start = settled("scale_start", job.scale_addr + n_offset)
        lengths = {
            ("a", 0): size["k"] * array.a.bits,
            ("a", 1): size["m"] * array.a.bits,
            ("b", 0): size["n"] * array.b.bits,
            ("b", 1): size["k"] * array.b.bits,
            ("d", 0): size["n"] * 32,
        }
        # Bytes along a stored row of the block.
        length = {
            "a": settled("a_length", Mux(a_flip, lengths["a", 1], lengths["a", 0]) >> 3),
            "b": settled("b_length", Mux(b_flip, lengths["b", 1], lengths["b", 0]) >> 3),
            "d": settled("d_length", lengths["d", 0] >> 3),
        }
        # The innermost loop that has not ended goes on; those inside it start over.
        inner_last, outer_last = (
            Mux(job.order, last[x], last[y]) for x, y in (("n", "m"), ("m", "n"))
        )
        inner_on = settled("inner_on", last["k"] & ~inner_last)
        outer_on = settled("outer_on", last["k"] & inner_last & ~outer_last)
        on = {
            "m": settled("m_on", Mux(job.order, outer_on, inner_on)),
            "n": settled("n_on", Mux(job.order, inner_on, outer_on)),
            "k": settled("k_on", ~last["k"]),
        }
        back = {
            "m": settled("m_back", ~job.order & outer_on),
            "n": settled("n_back", job.order & outer_on),
            "k": settled("k_back", inner_on | outer_on),
        }
        goes_on = settled("goes_on", ~last["k"] | inner_on | outer_on)
        another = settled("another", last["k"] & ~inner_on & ~outer_on & ~batch_last & ~stop)

        # States of one cycle that concern many registers have a flag each.
        begins, goes_back, sizes, advances = flags = tuple(
            Signal(name=name) for name in ("begins", "goes_back", "sizes", "advances")
        )
        m.d.sync += [flag.eq(0) for flag in flags]
        with m.If(begins):
            m.d.sync += batch_left.eq(job.batch)
            m.d.sync += [base[x].eq(job[f"{x}_addr"]) for x in "abd"]
        with m.If(begins | goes_back):
            m.d.sync += [left[x].eq(job[x]) for x in "mnk"]
            m.d.sync += [first[x].eq(1) for x in "mnk"]
            m.d.sync += [row[x].eq(Mux(begins, job[f"{x}_addr"], base[x])) for x in "abd"]
            m.d.sync += [offset[x].eq(0) for x in "abd"]
            m.d.sync += n_offset.eq(0)
        with m.If(sizes):
            for x in "mnk":
                block = job[f"{x}_block"]
                m.d.sync += size[x].eq(Mux(left[x] > block, block, left[x]))
                m.d.sync += last[x].eq(left[x] <= block)
        with m.If(advances):
            for x in "mnk":
                with m.If(on[x]):
                    m.d.sync += [left[x].eq(left[x] - size[x]), first[x].eq(0)]
                with m.Elif(back[x]):
                    m.d.sync += [left[x].eq(job[x]), first[x].eq(1)]
            for x, down, along, flip in (
                ("a", "m", "k", a_flip),
                ("b", "k", "n", b_flip),
                ("d", "m", "n", 0),
            ):
                with m.If(Mux(flip, on[along], on[down])):
                    m.d.sync += row[x].eq(end[x])
                with m.Elif(Mux(flip, back[along], back[down])):
                    m.d.sync += row[x].eq(base[x])
                with m.If(Mux(flip, on[down], on[along])):
                    m.d.sync += offset[x].eq(offset[x] + length[x])
                with m.Elif(Mux(flip, back[down], back[along])):
                    m.d.sync += offset[x].eq(0)
            with m.If(on["n"]):
                m.d.sync += n_offset.eq(n_offset + (size["n"] << 2))
            with m.Elif(back["n"]):
                m.d.sync += n_offset.eq(0)
            with m.If(another):
                m.d.sync += batch_left.eq(batch_left - 1)
                m.d.sync += [base[x].eq(base[x] + job[f"{x}_batch"]) for x in "abd"]

        was_idle = Signal()
        # The step is on offer while what it needs is fetched.
        step_waits = self.steps.valid
        with m.If(self.steps.ready):
            m.d.sync += step_waits.eq(0)
        with m.FSM():
            with m.State("idle"):
                # From the second cycle on `slot` is the next job's.
                m.d.comb += self.i.ready.eq(was_idle)
                m.d.sync += [slot.eq(self.i.payload), was_idle.eq(1)]
                with m.If(self.i.valid & self.i.ready):
                    m.d.sync += was_idle.eq(0)
                    m.d.sync += begins.eq(1)
                    m.next = "first"
            with m.State("first"):
                m.d.sync += sizes.eq(1)
                m.next = "sizes"
            with m.State("matrix"):
                m.d.sync += sizes.eq(1)
                m.next = "sizes"
            with m.State("sizes"):
                m.d.sync += stop.eq(self.abort.bit_select(slot, 1))
                m.d.sync += step_waits.eq(1)
                m.next = "columns"
            with m.State("columns"):
                m.d.sync += wants.eq(Mux(new_columns, Kind.BIAS, Kind.D))
                with m.If(~new_columns):
                    m.next = "d_room"
                with m.Elif(self.set_free):
                    m.d.comb += self.takes_set.eq(1)
                    m.d.sync += columns.eq(~columns)
                    m.next = "bias"
            fetch("bias", "scale", Kind.SCALE, job.bias, Kind.BIAS, bias_start, 0, 1,
                  size["n"], 32)  # fmt: skip
            fetch("scale", "d_room", Kind.D, job.column_scale & (job.format != 0), Kind.SCALE,
                  scale_start, 0, 1, size["n"], 32)  # fmt: skip
            d_wanted = settled("d_first", job.addend & first["k"])
            m.d.comb += self.has_d.eq(job.addend)
            with m.State("d_room"):
                with m.If(~d_wanted):
                    m.d.comb += self.opens.eq(first["k"])
                    m.d.sync += wants.eq(Kind.A)
                    m.next = "a"
                with m.Elif(self.half_free):
                    m.d.comb += self.opens.eq(1)
                    m.next = "d"
            fetch("d", "a", Kind.A, d_wanted, Kind.D, start["d"], job.d_stride,
                  size["m"], size["n"], 32)  # fmt: skip
            fetch("a", "b", Kind.B, ~job.a_kept | first["n"], Kind.A, start["a"],
                  job.a_stride, Mux(a_flip, size["k"], size["m"]), a_along, array.a.bits,
                  a_need)  # fmt: skip
            fetch("b", "block", Kind.BIAS, ~job.b_kept | first["m"], Kind.B, start["b"],
                  job.b_stride, Mux(b_flip, size["n"], size["k"]), b_along, array.b.bits,
                  b_need)  # fmt: skip
            with m.State("block"):
                m.d.comb += self.blocks.valid.eq(steps.last & ~step_waits)
                with m.If(~step_waits & (~steps.last | self.blocks.ready)):
                    m.d.sync += advances.eq(1)
                    m.next = "advance"
            with m.State("advance"):
                with m.If(stop):
                    m.next = "idle"
                with m.Elif(goes_on):
                    m.d.sync += sizes.eq(1)
                    m.next = "sizes"
                with m.Elif(another):
                    m.d.sync += goes_back.eq(1)
                    m.next = "matrix"
                with m.Else():
                    m.next = "idle"
        # Chosen by a register of its own in every cycle, so that neither the states nor what they
        # wait for are on the way to so many registers.
        with m.Switch(wants):
            for kind, option in options.items():
                with m.Case(kind):
                    m.d.sync += option
        return m
