"""Descriptors into jobs: reads one from the queue, checks it, chooses its blocks."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config.machine import MachineConfig
from ..contract.job import TIME_BITS, Status, job_layout
from .addressing import addressing
from .checks import NAMES, WordChecks, reserved, word_order
from .control import USED_WORDS, WINDOW_WORDS, completion_layout
from .extents import Extents
from .fit import Fit
from .residency import residency

__all__ = ["Parse"]


class Parse(wiring.Component):
    """Reads a descriptor while the job before it runs; at most two jobs are under way.

    A good descriptor becomes a job 39 cycles after it was first seen waiting (a word per cycle,
    then the checks), or later if two jobs are under way. A bad one completes with its status once
    all jobs before it have.

    Parameters
    ----------
    config : MachineConfig

    Members
    -------
    waiting, level, tag, posted, word_addr, word, take, abort
        The queue; see :class:`~insitu.hdl.shell.control.Control`. All that wait at an ``abort``
        complete with status aborted.
    jobs : Out(ArrayLayout(job_layout, 2))
        Jobs by slot.
    o : ``Out(stream.Signature(1))``
        Slot of a job that may start, from registers. Withdrawn two cycles after an abort.
        ``o.ready`` must be low in the cycle after a job was taken.
    ended : In(1)
        The oldest job has completed.
    running : Out(2)
        By slot: it has a job.
    checked : Out(2)
        By slot: the job may write.
    refused : Out(2)
        By slot: it must not, see :class:`~insitu.hdl.shell.extents.Extents`; for a cycle, two
        cycles before ``checked``.
    begins : Out(1)
        A descriptor began in the cycle before, bad ones too. Descriptor n is in slot n modulo 2.
    counting : In(2)
        By slot: the counters of the descriptor before are still needed, so that none may begin.
    busy : Out(1)
        A descriptor was taken and has not completed.
    bad : ``Out(stream.Signature(completion_layout))``
        Completion of a bad descriptor, in slot ``o.payload``. From registers.
    bad_posted : Out(TIME_BITS)
        When that was posted.
    completes, completes_slot, failed : In(1)
        With banks: the job in that slot has ended in the cycle before; it failed.
    port_writes, port_bank : In
        With a bank port: see :class:`~insitu.hdl.shell.residency.residents.Residents`.
    """

    def __init__(self, config: MachineConfig):
        self._config, self._residency = config, residency(config)
        told = self._residency.parse_ports()
        super().__init__(
            {name: In(shape) for name, shape in told.items()}
            | {
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
        order, rest = word_order(config), reserved(config)
        slot = Signal()  # the next job's
        starts, refuses = Signal(), Signal()
        starting = Signal()  # a cycle late
        m.d.sync += [
            self.begins.eq(starts | refuses),
            self.take.eq(starts | refuses),
            starting.eq(starts),
        ]
        active = self._slots(m, slot, starts, refuses)
        is_doomed = self._doom(m)

        # The slot is free long before it is known whether the descriptor is good.
        job = Signal(job_layout(config), reset_less=True)
        copies = Signal(2)
        for n in range(2):
            with m.If(copies[n]):
                m.d.sync += self.jobs[n].eq(job)
        index = Signal(range(WINDOW_WORDS))
        word = Signal(32, reset_less=True)
        # Four bits at a time, as the word comes from far away.
        zeros = Signal(8, reset_less=True, attrs={"own_register": 1})
        is_zero = zeros.all()
        m.d.sync += word.eq(self.word)
        m.d.sync += zeros.eq(Cat(self.word[n : n + 4] == 0 for n in range(0, 32, 4)))
        begins = Signal()
        # One bit that moves on while words are read; the first one comes two cycles later.
        coming = Signal(2 + USED_WORDS)
        m.d.sync += coming.eq(Cat(begins, coming))
        arrives = coming[2:]
        m.d.comb += [self.word_addr.eq(index), self.o.payload.eq(slot)]
        m.d.sync += copies.eq(Mux(coming[-4], Cat(~slot, slot), 0))
        with m.If(arrives[0]):
            m.d.sync += [job.tag.eq(self.tag), job.posted.eq(self.posted)]

        places = {name: order.index(place) for place, name in NAMES.items()}
        check = WordChecks(m, config, job, word, is_zero, lambda name: arrives[places[name]])
        # A block is in the job a cycle after its word.
        fit = addressing(config).fit(m, job, arrives[places["k_block"] + 1 :][: Fit.STEPS])
        misfit = Signal()  # told if all words are good
        nonzero = Signal()  # one of those words after the others that must be zero
        is_rest = Signal()  # it comes
        m.d.sync += is_rest.eq(coming[-rest - 1 : -1].any())
        # Of its own, as the other goes far.
        still = Signal(8, reset_less=True, attrs={"own_register": 1})
        m.d.sync += still.eq(Cat(self.word[n : n + 4] == 0 for n in range(0, 32, 4)))
        wrong, status = Signal(), Signal(Status)
        found = Signal(Status)
        m.d.sync += found.eq(Mux(nonzero, Status.UNSUPPORTED, Status.OK))
        for kind, failed in check.failed.items():
            with m.If(failed):
                m.d.sync += found.eq(kind)
        failed = Cat(check.failed.values()).any()
        with m.If(coming[0]):
            m.d.sync += [wrong.eq(0), nonzero.eq(0), misfit.eq(0), status.eq(Status.OK)]
        with m.Else():
            m.d.sync += [
                wrong.eq(wrong | failed),
                nonzero.eq(nonzero | (~still.all() & is_rest)),
                misfit.eq(misfit | fit.misfit),
            ]
            with m.If(status == Status.OK):
                m.d.sync += status.eq(found)

        # The spans are checked while the job begins to read.
        m.submodules.extents = extents = Extents(config)
        m.d.comb += [extents.job.eq(job), extents.start.eq(starting)]
        finds = Signal()  # a cycle later: what was refused is stopped when it is checked
        m.d.sync += finds.eq(extents.done)
        for n in range(2):
            whose = Signal(name=f"extents_{n}")  # steady while they are checked
            with m.If(starting):
                m.d.sync += whose.eq(slot == n)
            m.d.comb += self.refused[n].eq(extents.bad & whose)
            with m.If(finds & whose):
                m.d.sync += self.checked[n].eq(1)
            with m.Elif(starting & (slot == n)):
                m.d.sync += self.checked[n].eq(0)

        counting = self.counting.bit_select(slot, 1)
        refused: Value = wrong | nonzero | misfit | is_doomed
        may_start: Value = ~counting
        absent, there, shape = self._residency.judge(m, self, job, starts, slot, misfit)
        if absent is not None:
            refused |= absent
        if there is not None:
            may_start &= there
        reading = Signal()
        told = Mux(status == Status.OK, shape, status)
        alone = Signal()  # all jobs before it have ended
        m.d.sync += [
            alone.eq((active == 0) & ~counting),
            self.busy.eq((active != 0) | reading | self.bad.valid),
        ]
        m.d.comb += [
            starts.eq(self.o.valid & self.o.ready),
            refuses.eq(self.bad.valid & self.bad.ready),
            self.bad.payload.tag.eq(job.tag),
            self.bad_posted.eq(job.posted),
        ]
        with m.FSM():
            with m.State("idle"):
                # The first word is being read.
                with m.If(self.waiting & (active != 2)):
                    m.d.comb += begins.eq(1)
                    m.d.sync += index.eq(order[1])
                    m.next = "read"
            with m.State("read"):
                # One word per cycle.
                m.d.comb += reading.eq(1)
                m.d.sync += index.eq(index + 1)
                for n in range(1, USED_WORDS - 1):
                    if order[n + 1] != order[n] + 1:
                        with m.If(coming[n - 1]):
                            m.d.sync += index.eq(order[n + 1])
                with m.If(coming[-1]):
                    m.next = "judge"
            with m.State("judge"):
                m.d.comb += reading.eq(1)
                m.d.sync += index.eq(order[0])
                with m.If(refused):
                    with m.If(alone):
                        m.next = "wrong"
                with m.Elif(may_start):
                    m.d.sync += self.o.valid.eq(1)
                    m.next = "offer"
            with m.State("offer"):
                # Whether it was taken is seen a cycle late; meanwhile `o.ready` is low.
                m.d.comb += reading.eq(1)
                with m.If(starting | is_doomed):
                    m.d.sync += self.o.valid.eq(0)
                with m.If(starting):
                    m.next = "extents"
                with m.Elif(is_doomed):
                    m.next = "doubt"
            with m.State("doubt"):
                m.d.comb += reading.eq(1)
                with m.If(starting):
                    m.next = "extents"
                with m.Else():
                    m.next = "judge"
            with m.State("extents"):
                with m.If(extents.done):
                    m.d.sync += slot.eq(~slot)
                    m.next = "idle"
            with m.State("wrong"):
                # The last failure is told now.
                m.d.comb += reading.eq(1)
                m.next = "told"
            with m.State("told"):
                m.d.comb += reading.eq(1)
                m.d.sync += self.bad.valid.eq(1)
                m.d.sync += self.bad.payload.status.eq(Mux(is_doomed, Status.ABORTED, told))
                m.next = "bad"
            with m.State("bad"):
                m.d.comb += reading.eq(1)
                with m.If(refuses):
                    m.d.sync += self.bad.valid.eq(0)
                    m.d.sync += slot.eq(~slot)
                    m.next = "take"
            with m.State("take"):
                # The queue shows its next descriptor in the cycle after the one taken.
                m.next = "rest"
            with m.State("rest"):
                m.next = "idle"
        return m

    def _slots(self, m: Module, slot, starts, refuses):
        """Which slots have a job; how many are under way."""
        active, oldest, held = Signal(range(3)), Signal(), Signal(2)
        m.d.sync += active.eq(active + starts - self.ended)
        m.d.sync += oldest.eq(oldest ^ (self.ended | refuses))
        for n in range(2):
            with m.If(starts & (slot == n)):
                m.d.sync += held[n].eq(1)
            with m.Elif(self.ended & (oldest == n)):
                m.d.sync += held[n].eq(0)
        m.d.comb += self.running.eq(held)
        return active

    def _doom(self, m: Module):
        """Whether the next descriptor waited when an abort came."""
        doomed, is_doomed = Signal.like(self.level), Signal()
        with m.If(self.abort):
            m.d.sync += [doomed.eq(self.level - self.take), is_doomed.eq(self.level != self.take)]
        with m.Elif(self.take & is_doomed):
            m.d.sync += [doomed.eq(doomed - 1), is_doomed.eq(doomed != 1)]
        return is_doomed
