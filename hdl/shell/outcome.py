"""How jobs end: the first error of each, and the completions."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..contract.job import TIME_BITS, Status
from .control import completion_layout

__all__ = ["Outcome"]


class Outcome(wiring.Component):
    """Collects what goes wrong with the jobs in both slots, and gives their completions in order.

    Of errors the first one is told, an abort before any. What comes in a cycle counts for a job
    that ends two cycles later. A completion appears in the cycle after the end of its job.

    Members
    -------
    abort, running : In(1), In(2)
        All that run two cycles after an abort are aborted; by slot: it has a job.
    refused, bus_error, bad_scale : In(2)
        By slot, for a cycle: it failed.
    stops : Out(2)
        By slot: the job is to end early; two cycles after its cause, from registers.
    ends, slot, tag, posted : In
        The job in that slot ends, in this cycle; only while ``may_end``.
    may_end : Out(1)
        From a register.
    bad, bad_slot, bad_posted : ``In(stream.Signature(completion_layout))``, In(1), In
        Completions of descriptors that never were jobs. Not while a job may end.
    done : ``Out(stream.Signature(completion_layout))``
        From registers.
    completes : Out(1)
        A completion was taken in the cycle before.
    cycles, cycles_slot : Out(TIME_BITS), Out(1)
        With ``completes``: cycles from its doorbell to this one, and whose.
    """

    def __init__(self):
        completions = stream.Signature(completion_layout)
        super().__init__(
            {
                "abort": In(1),
                "running": In(2),
                "refused": In(2),
                "bus_error": In(2),
                "bad_scale": In(2),
                "stops": Out(2),
                "ends": In(1),
                "slot": In(1),
                "tag": In(16),
                "posted": In(TIME_BITS),
                "may_end": Out(1),
                "bad": In(completions),
                "bad_slot": In(1),
                "bad_posted": In(TIME_BITS),
                "done": Out(completions),
                "completes": Out(1),
                "cycles": Out(TIME_BITS),
                "cycles_slot": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        done = self.done
        failed = [Signal(Status, name=f"failed_{n}", init=Status.OK) for n in range(2)]
        aborted = Signal(2)
        abort = Signal(2)  # a job that was on offer may still have started in the cycle after it
        m.d.sync += [
            abort.eq(Cat(self.abort, abort)),
            self.stops.eq(aborted | Cat(f != Status.OK for f in failed)),
        ]
        for n in range(2):
            with m.If(self.ends & (self.slot == n)):
                m.d.sync += [aborted[n].eq(0), failed[n].eq(Status.OK)]
            with m.Else():
                with m.If(abort[-1] & self.running[n]):
                    m.d.sync += aborted[n].eq(1)
                with m.If(self.refused[n]):
                    m.d.sync += failed[n].eq(Status.BAD_SHAPE)
                with m.Elif(failed[n] == Status.OK):
                    with m.If(self.bus_error[n]):
                        m.d.sync += failed[n].eq(Status.BUS_ERROR)
                    with m.Elif(self.bad_scale[n]):
                        m.d.sync += failed[n].eq(Status.BAD_SCALE)

        posted, slot = Signal(TIME_BITS, reset_less=True), Signal()
        # The cycle after this one, counted here too, as Control is far away.
        behind = Signal(TIME_BITS, init=1)
        m.d.sync += behind.eq(behind + 1)
        m.d.comb += [self.may_end.eq(~done.valid), self.bad.ready.eq(~done.valid)]
        with m.If(~done.valid):
            status = Mux(self.slot, failed[1], failed[0])
            is_aborted = aborted.bit_select(self.slot, 1)
            m.d.sync += done.valid.eq(self.ends | self.bad.valid)
            with m.If(self.bad.valid):
                m.d.sync += [
                    done.payload.eq(self.bad.payload),
                    posted.eq(self.bad_posted),
                    slot.eq(self.bad_slot),
                ]
            with m.Else():
                m.d.sync += [
                    done.payload.tag.eq(self.tag),
                    done.payload.status.eq(Mux(is_aborted, Status.ABORTED, status)),
                    posted.eq(self.posted),
                    slot.eq(self.slot),
                ]
        with m.Elif(done.ready):
            m.d.sync += done.valid.eq(0)
        m.d.sync += [
            self.completes.eq(done.valid & done.ready),
            self.cycles.eq(behind - posted),
            self.cycles_slot.eq(slot),
        ]
        return m
