"""Descriptors into jobs: reads one from the queue, checks it, chooses its blocks."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..arith.divide import ceil_div_by
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
        By slot: it has a job, or gets one in this cycle.
    checked : Out(2)
        By slot: the job may write.
    refused : Out(2)
        By slot: it must not, see :class:`~hdl.machine.extents.Extents`; for a cycle.
    begins : Out(1)
        A descriptor begins, bad ones too. Descriptor n is in slot n modulo 2.
    busy : Out(1)
        A descriptor was taken and has not completed.
    bad : ``Out(stream.Signature(completion_layout))``
        Completion of a bad descriptor.
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
                "busy": Out(1),
                "bad": Out(stream.Signature(completion_layout)),
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
        m.d.comb += self.begins.eq(starts | refuses)
        held = Signal(2)
        for n in range(2):
            with m.If(starts & (slot == n)):
                m.d.sync += held[n].eq(1)
            with m.Elif(self.ended & (oldest == n)):
                m.d.sync += held[n].eq(0)
        m.d.comb += self.running.eq(held | (starts << slot)[:2])
        doomed = Signal.like(self.level)
        with m.If(self.abort):
            m.d.sync += doomed.eq(self.level - self.take)
        with m.Elif(self.take & (doomed != 0)):
            m.d.sync += doomed.eq(doomed - 1)

        job = Signal(job_layout(config), reset_less=True)
        for n in range(2):
            with m.If(starts & (slot == n)):
                m.d.sync += self.jobs[n].eq(job)
        index = Signal(range(WINDOW_WORDS))
        asked = Signal.like(index)  # index of the cycle before
        arrives = Signal(USED_WORDS)  # which word `word` is
        reading = Signal()
        m.d.comb += [
            self.word_addr.eq(index),
            self.busy.eq((active != 0) | reading | self.bad.valid),
            self.bad.payload.tag.eq(self.tag),
            self.bad.payload.status.eq(Mux(doomed != 0, Status.ABORTED, status)),
        ]

        cause, found = Signal(Status), Signal(Status)
        m.d.sync += found.eq(cause)

        def fail(condition, kind: Status):
            """The first failure is the one that is told; ``status`` has it two cycles later."""
            with m.If(condition):
                m.d.comb += cause.eq(kind)

        with m.If(status == Status.OK):
            m.d.sync += status.eq(found)
        m.d.sync += arrives.eq(0)
        check = Checks(m, config, job, fail)
        check.words(arrives, self.word)
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
                m.d.sync += [index.eq(0), status.eq(Status.OK)]
                with m.If(self.waiting & (active != 2)):
                    m.next = "read"
            with m.State("read"):
                # One word per cycle; each arrives two cycles after its address.
                m.d.comb += reading.eq(1)
                m.d.sync += [index.eq(index + 1), asked.eq(index)]
                with m.If(index != 0):
                    m.d.sync += arrives.eq(1 << asked)
                with m.If(index == USED_WORDS + 1):
                    m.d.sync += [job.tag.eq(self.tag), job.posted.eq(self.posted)]
                    m.next = "check_0"
            for n in range(check.STEPS):
                with m.State(f"check_{n}"):
                    m.d.comb += reading.eq(1)
                    check.step(n)
                    m.next = f"check_{n + 1}" if n + 1 < check.STEPS else "judge"
            with m.State("judge"):
                m.d.comb += reading.eq(1)
                with m.If((status != Status.OK) | (doomed != 0)):
                    with m.If(active == 0):
                        m.next = "bad"
                with m.Else():
                    m.d.comb += self.o.valid.eq(1)
                    with m.If(self.o.valid & self.o.ready):
                        m.d.comb += [self.take.eq(1), starts.eq(1)]
                        m.next = "extents"
            with m.State("extents"):
                with m.If(extents.done):
                    m.d.sync += slot.eq(~slot)
                    m.next = "idle"
            with m.State("bad"):
                m.d.comb += self.bad.valid.eq(1)
                with m.If(self.bad.valid & self.bad.ready):
                    m.d.comb += [self.take.eq(1), refuses.eq(1)]
                    m.d.sync += slot.eq(~slot)
                    m.next = "rest"
            with m.State("rest"):
                # The queue shows its next descriptor in the cycle after the one taken.
                m.next = "idle"
        m.d.comb += self.o.payload.eq(slot)
        return m


class Checks:
    """The rules, word by word and then step by step.

    Parameters
    ----------
    m : Module
    config : MachineConfig
    job : View of job_layout
        Where fields go; sizes of blocks are what the descriptor says until they were chosen.
    fail : function of a condition and a Status
    """

    STEPS = 10

    def __init__(self, m: Module, config: MachineConfig, job, fail):
        self._m, self._config, self._job, self._fail = m, config, job, fail
        # One multiplier for all products; a product is here two steps after its factors.
        self._x, self._y = Signal(16), Signal(16)
        self._product = Signal(32)
        self._beyond = Signal()  # the product of the step before does not fit
        self._odd = {x: Signal(name=f"{x}_odd") for x in ("m", "n", "k", "limit")}
        self._x_next, self._y_next = Signal(16), Signal(16)
        m.d.sync += [
            self._x.eq(self._x_next),
            self._y.eq(self._y_next),
            self._product.eq(self._x * self._y),
        ]

    def words(self, arrives, word):
        """Word n of the descriptor where bit n of ``arrives`` is high."""
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
                        fail(word == 0, Status.BAD_SHAPE)
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
                        fail(word[16:].any() | word[BLOCK_BITS:16].any(), Status.BAD_SHAPE)
                        m.d.sync += job[name].eq(word)
                    elif name == "batch":
                        m.d.sync += job.batch.eq(Mux(word == 0, 1, word))
                    elif name.endswith("_batch"):
                        used = job.batch != 1
                        if name == "d_batch":
                            used &= job.addend
                        fail(used & (word & align).any(), Status.MISALIGNED)
                        m.d.sync += job[name].eq(word)
                    elif name in ("bank_first", "reserved"):
                        fail(word != 0, Status.UNSUPPORTED)
                else:
                    fail(word != 0, Status.UNSUPPORTED)  # the other reserved words

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

    def step(self, n: int):
        """Step ``n`` of those behind the last word."""
        m, config, job, fail = self._m, self._config, self._job, self._fail
        array = config.array
        fits = {"a": config.a_words, "b": config.b_words, "c": config.c_words}

        def words(size, per_word: int):
            return ceil_div_by(size, per_word)

        def multiply(x, y):
            m.d.comb += [self._x_next.eq(x), self._y_next.eq(y)]

        if n == 0:
            # Choose what was left open; a block is no larger than the matrix.
            for x, choice in zip("mnk", config.default_blocks, strict=True):
                block = job[f"{x}_block"]
                with m.If(block == 0):
                    m.d.sync += block.eq(choice)
        if n == 1:
            for x in "mnk":
                with m.If(job[x] < job[f"{x}_block"]):
                    m.d.sync += job[f"{x}_block"].eq(job[x])
        if n == 3:
            fail(Cat(self._odd.values()).any(), Status.BAD_SHAPE)
        if n == 2:
            for x in "mnk":
                granule = getattr(config, f"{x}_granule")
                block = job[f"{x}_block"]
                m.d.sync += self._odd[x].eq((job[x] != block) & ~_divides(granule, block))
            m.d.sync += self._odd["limit"].eq(job.n_block > config.n_max)
            a_along = Mux(job.a_transposed, job.m_block, job.k_block)
            multiply(Mux(job.a_transposed, job.k_block, job.m_block), words(a_along, config.a_word))
        b_across = Mux(job.b_transposed, job.n_block, job.k_block)
        if n == 3:
            multiply(
                b_across,
                Mux(
                    job.b_transposed,
                    words(job.k_block, config.b_turned_word),
                    words(job.n_block, config.b_word),
                ),
            )
        if n == 4:
            multiply(job.m_block, words(job.n_block, array.cols))
            m.d.sync += self._beyond.eq(self._product > fits["a"])
        if n in (5, 6, 7):
            fail(self._beyond, Status.BAD_SHAPE)
        if n == 5:
            # All of K for one block of A, and (in the next step) of B.
            k_words = words(job.k[:16], config.a_word)
            a_words = words(job.m_block, config.a_word)
            multiply(
                Mux(job.a_transposed, job.k[:16], job.m_block),
                Mux(job.a_transposed, a_words, k_words),
            )
            m.d.sync += self._beyond.eq(self._product > fits["b"])
        if n == 6:
            k_words = words(job.k[:16], config.b_turned_word)
            b_words = words(job.n_block, config.b_word)
            multiply(
                Mux(job.b_transposed, job.n_block, job.k[:16]),
                Mux(job.b_transposed, k_words, b_words),
            )
            m.d.sync += self._beyond.eq(self._product > fits["c"])
        if n in (7, 8):
            m.d.sync += self._beyond.eq(self._product > fits["a" if n == 7 else "b"])
        small_k = ~job.k[16:].any()
        if n == 8:
            m.d.sync += job.a_kept.eq(job.order & small_k & ~self._beyond)
        if n == 9:
            m.d.sync += job.b_kept.eq(~job.order & small_k & ~self._beyond)


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
