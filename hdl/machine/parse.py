"""Descriptors into jobs: reads one from the queue, checks it, chooses its blocks."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..arith.divide import ceil_div_by
from ..arith.product import product
from ..config.machine import BLOCK_BITS, MachineConfig
from .control import TIME_BITS, USED_WORDS, WINDOW, WINDOW_WORDS, completion_layout
from .extents import Extents
from .job import Status, job_layout
from .registers import registers

__all__ = ["Parse"]


class Parse(wiring.Component):
    """Reads a descriptor while the job before it runs; at most two jobs are under way.

    A good descriptor becomes a job some 50 cycles after it was first seen waiting (a word per
    cycle, then the checks), or later if two jobs are under way. A bad one completes with its status
    once all jobs before it have.

    Parameters
    ----------
    config : MachineConfig

    Members
    -------
    waiting, level, tag, posted, word_addr, word, take, abort
        The queue; see :class:`~hdl.machine.control.Control`. All that wait at an ``abort`` complete
        with status aborted.
    jobs : Out(ArrayLayout(job_layout, 2))
        Jobs by slot.
    o : ``Out(stream.Signature(1))``
        Slot of a job that may start. Withdrawn by an abort.
    ended : In(1)
        The oldest job has completed.
    running : Out(2)
        By slot: it has a job.
    checked : Out(2)
        By slot: the job may write.
    refused : Out(2)
        By slot: it must not, see :class:`~hdl.machine.extents.Extents`; for a cycle.
    begins : Out(1)
        A descriptor began in the cycle before, bad ones too. Descriptor n is in slot n modulo 2.
    counting : In(2)
        By slot: the counters of the descriptor before are still needed, so that none may begin.
    busy : Out(1)
        A descriptor was taken and has not completed.
    bad : ``Out(stream.Signature(completion_layout))``
        Completion of a bad descriptor, in slot ``o.payload``.
    bad_posted : Out(TIME_BITS)
        When that was posted.
    """

    def __init__(self, config: MachineConfig):
        self._config = config
        super().__init__(
            {
                "waiting": In(1),
                "level": In(range(config.queue + 1)),
                "abort": In(1),
                "tag": In(16),
                "posted": In(TIME_BITS),
                "word_addr": Out(range(WINDOW_WORDS)),
                "word": In(32),
                "take": Out(1),
                "jobs": Out(data.ArrayLayout(job_layout(config), 2)),
                "o": Out(stream.Signature(1)),
                "ended": In(1),
                "running": Out(2),
                "checked": Out(2),
                "refused": Out(2),
                "begins": Out(1),
                "counting": In(2),
                "busy": Out(1),
                "bad": Out(stream.Signature(completion_layout)),
                "bad_posted": Out(TIME_BITS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self._config
        slot = Signal()  # the next job's
        active = Signal(range(3))
        status = Signal(Status)
        starts = Signal()
        oldest = Signal()
        refuses = Signal()
        m.d.sync += active.eq(active + starts - self.ended)
        m.d.sync += oldest.eq(oldest ^ (self.ended | refuses))
        m.d.sync += [self.begins.eq(starts | refuses), self.take.eq(starts | refuses)]
        held = Signal(2)
        for n in range(2):
            with m.If(starts & (slot == n)):
                m.d.sync += held[n].eq(1)
            with m.Elif(self.ended & (oldest == n)):
                m.d.sync += held[n].eq(0)
        m.d.comb += self.running.eq(held)
        counting = self.counting.bit_select(slot, 1)
        doomed = Signal.like(self.level)
        with m.If(self.abort):
            m.d.sync += doomed.eq(self.level - self.take)
        with m.Elif(self.take & (doomed != 0)):
            m.d.sync += doomed.eq(doomed - 1)

        # The slot is free long before it is known whether the descriptor is good.
        job = Signal(job_layout(config), reset_less=True)
        copies = Signal(2)
        m.d.sync += copies.eq(0)
        for n in range(2):
            with m.If(copies[n]):
                m.d.sync += self.jobs[n].eq(job)
        index = Signal(range(WINDOW_WORDS))
        word, is_zero = Signal(32, reset_less=True), Signal(reset_less=True)
        m.d.sync += [word.eq(self.word), is_zero.eq(self.word == 0)]
        # One bit that moves on while words are read; three cycles later the word is here.
        begins, coming = Signal(), Signal(3 + max(USED_WORDS, Checks.FIRST + Checks.STEPS))
        arrives = coming[3 : 3 + USED_WORDS]  # which word `word` is
        steps = coming[3 + Checks.FIRST :][: Checks.STEPS]
        reading = Signal()
        m.d.comb += [
            self.word_addr.eq(index),
            self.busy.eq((active != 0) | reading | self.bad.valid),
            self.bad.payload.tag.eq(job.tag),
            self.bad_posted.eq(job.posted),
        ]

        found = Signal(Status)
        misfit = Signal()  # told if all words are good
        told = Mux(status == Status.OK, Status.BAD_SHAPE, status)
        m.d.comb += self.bad.payload.status.eq(Mux(doomed != 0, Status.ABORTED, told))
        failures: dict[Status, list[Signal]] = {}

        def fail(condition, kind: Status):
            """The first failure is the one that is told; ``status`` has it three cycles later."""
            fails = Signal(name=f"fails_{kind.name}")
            m.d.comb += fails.eq(condition)
            failures.setdefault(kind, []).append(fails)

        m.d.sync += coming.eq(Cat(begins, coming))
        check = Checks(m, config, job, fail)
        check.words(arrives, word, is_zero)
        check.steps(steps, misfit)
        # The last fields of the job come a cycle after the others.
        with m.If(steps[-2:].any()):
            m.d.sync += copies.eq(Cat(~slot, slot))
        # The spans are checked while the job begins to read.
        m.submodules.extents = extents = Extents(config)
        m.d.comb += [extents.job.eq(job), extents.start.eq(starts)]
        for n in range(2):
            with m.If(extents.done & (slot == n)):
                m.d.sync += self.checked[n].eq(1)
                m.d.comb += self.refused[n].eq(extents.bad)
            with m.Elif(starts & (slot == n)):
                m.d.sync += self.checked[n].eq(0)
        with m.FSM():
            with m.State("idle"):
                m.d.sync += index.eq(0)
                with m.If(self.waiting & (active != 2)):
                    m.d.comb += begins.eq(1)
                    m.next = "read"
            with m.State("read"):
                # One word per cycle.
                m.d.comb += reading.eq(1)
                m.d.sync += index.eq(index + 1)
                with m.If(arrives[0]):
                    m.d.sync += [job.tag.eq(self.tag), job.posted.eq(self.posted)]
                with m.If(coming[-1]):
                    m.next = "judge"
            with m.State("judge"):
                m.d.comb += reading.eq(1)
                is_bad = (status != Status.OK) | (found != Status.OK) | misfit
                with m.If(is_bad | (doomed != 0)):
                    with m.If((active == 0) & ~counting):
                        m.next = "bad"
                with m.Elif(~counting):
                    m.d.comb += self.o.valid.eq(1)
                    with m.If(self.o.valid & self.o.ready):
                        m.d.comb += starts.eq(1)
                        m.next = "extents"
            with m.State("extents"):
                with m.If(extents.done):
                    m.d.sync += slot.eq(~slot)
                    m.next = "idle"
            with m.State("bad"):
                m.d.comb += self.bad.valid.eq(1)
                with m.If(self.bad.valid & self.bad.ready):
                    m.d.comb += refuses.eq(1)
                    m.d.sync += slot.eq(~slot)
                    m.next = "take"
            with m.State("take"):
                # The queue shows its next descriptor in the cycle after the one taken.
                m.next = "rest"
            with m.State("rest"):
                m.next = "idle"
        # A failure has a register of its own, then each kind has one.
        for kind, conditions in failures.items():
            failed = Signal(len(conditions), name=f"failed_{kind.name}")
            m.d.sync += failed.eq(Cat(conditions))
            failures[kind] = [failed.any()]
        m.d.sync += found.eq(Status.OK)
        for kind, (fails,) in failures.items():
            with m.If(fails):
                m.d.sync += found.eq(kind)
        with m.If(status == Status.OK):
            m.d.sync += status.eq(found)
        with m.If(begins):
            m.d.sync += [status.eq(Status.OK), misfit.eq(0)]
        m.d.comb += self.o.payload.eq(slot)
        return m


class Checks:
    """The rules: words one by one, and behind the sizes of blocks, step by step, whether they fit.

    Parameters
    ----------
    m : Module
    config : MachineConfig
    job : View of job_layout
        Where fields go; sizes of blocks are what the descriptor says until they were chosen.
    fail : function of a condition and a Status
    """

    FIRST = 26  # word that comes with the first step; the one behind the blocks' sizes is before it
    STEPS = 10  # the last word comes two steps before the last one

    def __init__(self, m: Module, config: MachineConfig, job, fail):
        self._m, self._config, self._job, self._fail = m, config, job, fail
        # One multiplier for all products; a product is here four steps after its factors.
        self._x, self._y = Signal(16), Signal(16)
        self._product = product(m, self._x, self._y, "product", config.array.target)
        self._beyond = Signal(3)  # the product of the step before does not fit A, B, C
        self._odd = {x: Signal(name=f"{x}_odd") for x in ("m", "n", "k", "limit")}
        self._x_next, self._y_next = Signal(16), Signal(16)
        fits = (config.a_words, config.b_words, config.c_words)
        m.d.sync += [
            self._x.eq(self._x_next),
            self._y.eq(self._y_next),
            self._beyond.eq(Cat(self._product > words for words in fits)),
        ]

    def words(self, arrives, word, is_zero):
        """Word n of the descriptor where bit n of ``arrives`` is high; whether it is 0."""
        m, config, job, fail = self._m, self._config, self._job, self._fail
        align = (1 << (config.bus_bytes.bit_length() - 1)) - 1
        names = {
            (r.address - WINDOW) // 4: r.name.removeprefix("descriptor_")
            for r in registers().values()
            if r.name.startswith("descriptor_")
        }
        flags = registers()["descriptor_flags"]
        fields = {f.name: word[f.low : f.high + 1] for f in flags.fields}
        clamp = {f.name: word[f.low : f.high + 1] for f in registers()["descriptor_clamp"].fields}

        batched = Signal()
        for place in range(USED_WORDS):
            with m.If(arrives[place]):
                if name := names.get(place):
                    if name == "flags":
                        fail(fields["version"] != 1, Status.UNSUPPORTED)
                        fail((word >> 19).any() | ~fields["load_b"], Status.UNSUPPORTED)
                        fail(fields["format"] == 3, Status.UNSUPPORTED)
                        if not config.array.zero_points:
                            odd = (fields["a_signed"] != config.array.a.signed) | (
                                fields["b_signed"] != config.array.b.signed
                            )
                            fail(odd, Status.UNSUPPORTED)
                        for key in ("a_transposed", "b_transposed", "a_signed", "b_signed", "bias",
                                    "addend", "format", "column_scale", "order"):  # fmt: skip
                            m.d.sync += job[key].eq(fields[key])
                    elif name in ("m", "n", "k"):
                        fail(is_zero, Status.BAD_SHAPE)
                        if name == "k":
                            fail(word > config.array.max_k, Status.UNSUPPORTED)
                        m.d.sync += job[name].eq(word)
                    elif name == "scale":
                        m.d.sync += [job.scale.eq(word), job.scale_addr.eq(word)]
                        exponent = word[23:31]
                        bad = word[31] | (exponent == 0) | exponent.all()
                        fail((job.format != 0) & ~job.column_scale & bad, Status.BAD_SCALE)
                        fail((job.format != 0) & job.column_scale & (word & align).any(),
                             Status.MISALIGNED)  # fmt: skip
                    elif name == "scale_high" or name.endswith("_high"):
                        x = name.removesuffix("_high")
                        unused = {"d": ~job.addend, "bias": ~job.bias}.get(x, Const(0, 1))
                        if x == "scale":
                            unused = (job.format == 0) | ~job.column_scale
                        beyond = word[max(0, config.addr_bits - 32) :]
                        fail(~unused & beyond.any(), Status.UNSUPPORTED)
                        if config.addr_bits > 32:
                            m.d.sync += job[f"{x}_addr"][32:].eq(word)
                    elif name.endswith(("_low", "_stride")):
                        x = name.split("_")[0]
                        unused = {"d": ~job.addend, "bias": ~job.bias}.get(x, Const(0, 1))
                        fail(~unused & (word & align).any(), Status.MISALIGNED)
                        if name.endswith("_low"):
                            m.d.sync += job[f"{x}_addr"].eq(word)
                        else:
                            m.d.sync += job[name].eq(word)
                    elif name == "zeros":
                        self._zeros(word)
                    elif name == "clamp":
                        self._clamp(clamp)
                    elif name.endswith("_block"):
                        # Choose what was left open.
                        choice = dict(zip("mnk", config.default_blocks, strict=True))[name[0]]
                        fail(word[BLOCK_BITS:].any(), Status.BAD_SHAPE)
                        m.d.sync += job[name].eq(Mux(is_zero, choice, word))
                    elif name == "batch":
                        m.d.sync += job.batch.eq(Mux(is_zero, 1, word))
                        m.d.sync += batched.eq(~is_zero & (word != 1))
                    elif name.endswith("_batch"):
                        used = batched
                        if name == "d_batch":
                            used &= job.addend
                        fail(used & (word & align).any(), Status.MISALIGNED)
                        m.d.sync += job[name].eq(word)
                    elif name in ("bank_first", "reserved"):
                        fail(~is_zero, Status.UNSUPPORTED)
                else:
                    fail(~is_zero, Status.UNSUPPORTED)  # the other reserved words
        with m.If(arrives[self.FIRST - 1]):
            # A block is no larger than the matrix.
            for x in "mnk":
                with m.If(job[x] < job[f"{x}_block"]):
                    m.d.sync += job[f"{x}_block"].eq(job[x])

    def _zeros(self, word):
        m, array, job, fail = self._m, self._config.array, self._job, self._fail
        for x, fmt, low in (("a", array.a, 0), ("b", array.b, 16)):
            value = word[low : low + 16]
            kept = value[: fmt.bits]
            # Beyond the format only copies of the sign, or zeros if elements are unsigned.
            sign = kept[-1] & job[f"{x}_signed"]
            fail((value[fmt.bits :] ^ sign.replicate(16 - fmt.bits)).any(), Status.UNSUPPORTED)
            if not array.zero_points:
                fail(value != 0, Status.UNSUPPORTED)
            m.d.sync += job[f"{x}_zero"].eq(kept)

    def _clamp(self, clamp: dict):
        m, job, fail = self._m, self._job, self._fail
        values = {name: value.as_signed() for name, value in clamp.items()}
        for name, value in values.items():
            low = Mux(job.format == 1, -128, 0)
            high = Mux(job.format == 1, 127, 255)
            fail((job.format != 0) & ((value < low) | (value > high)), Status.UNSUPPORTED)
            m.d.sync += job[name].eq(value)
        fail((job.format != 0) & (values["low"] > values["high"]), Status.UNSUPPORTED)

    def steps(self, goes, misfit):
        """Step n where bit n of ``goes`` is high; sets ``misfit`` if blocks are too large."""
        for n in range(self.STEPS):
            with self._m.If(goes[n]):
                self._step(n, misfit)

    def _step(self, n: int, misfit):
        m, config, job = self._m, self._config, self._job
        array = config.array

        def words(size, per_word: int):
            return ceil_div_by(size, per_word)

        def multiply(x, y):
            m.d.comb += [self._x_next.eq(x), self._y_next.eq(y)]

        b_across = Mux(job.b_transposed, job.n_block, job.k_block)
        if n == 0:
            for x in "mnk":
                granule = getattr(config, f"{x}_granule")
                block = job[f"{x}_block"]
                m.d.sync += self._odd[x].eq((job[x] != block) & ~_divides(granule, block))
            m.d.sync += self._odd["limit"].eq(job.n_block > config.n_max)
            a_along = Mux(job.a_transposed, job.m_block, job.k_block)
            multiply(Mux(job.a_transposed, job.k_block, job.m_block), words(a_along, config.a_word))
        if n == 1:
            with m.If(Cat(self._odd.values()).any()):
                m.d.sync += misfit.eq(1)
            multiply(
                b_across,
                Mux(
                    job.b_transposed,
                    words(job.k_block, config.b_turned_word),
                    words(job.n_block, config.b_word),
                ),
            )
        if n == 2:
            multiply(job.m_block, words(job.n_block, array.cols))
        if n == 3:
            # All of K for one block of A, and (in the next step) of B.
            k_words = words(job.k[:16], config.a_word)
            a_words = words(job.m_block, config.a_word)
            multiply(
                Mux(job.a_transposed, job.k[:16], job.m_block),
                Mux(job.a_transposed, a_words, k_words),
            )
        if n == 4:
            k_words = words(job.k[:16], config.b_turned_word)
            b_words = words(job.n_block, config.b_word)
            multiply(
                Mux(job.b_transposed, job.n_block, job.k[:16]),
                Mux(job.b_transposed, k_words, b_words),
            )
        # The same five again, as their products come.
        if 5 <= n <= 7:
            with m.If(self._beyond[n - 5]):
                m.d.sync += misfit.eq(1)
        small_k = ~job.k[16:].any()
        if n == 8:
            m.d.sync += job.a_kept.eq(job.order & small_k & ~self._beyond[0])
        if n == 9:
            m.d.sync += job.b_kept.eq(~job.order & small_k & ~self._beyond[1])


def _divides(divisor: int, value):
    """Whether ``value``, at least 1, is a multiple of ``divisor``."""
    odd = divisor
    twos = 0
    while odd % 2 == 0:
        odd //= 2
        twos += 1
    exact = value[:twos] == 0
    if odd == 1:
        return exact
    # ceil(v / odd) · odd == v
    return exact & (ceil_div_by(value, odd) * odd == value)
