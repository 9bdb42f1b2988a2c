"""The systolic array between its operand buffers and the sums of a block of C."""

from amaranth.hdl import Cat, Module

from ...array import SystolicArray
from ...config import ArrayConfig, MachineConfig
from ...operands.operand import Operand
from ..blocks import BlockEngine, block_events
from .activity import Activity

__all__ = ["SystolicEngine"]


class SystolicEngine(BlockEngine):
    """Computes with a :class:`~insitu.hdl.array.SystolicArray` of either dataflow.

    Parameters
    ----------
    config : MachineConfig
    """

    def __init__(self, config: MachineConfig):
        super().__init__(config, block_events(config))

    def _core(self, m: Module) -> SystolicArray:
        config = self._config.array
        assert isinstance(config, ArrayConfig)
        m.submodules.array = array = self._array(config)
        return array

    def _array(self, config: ArrayConfig) -> SystolicArray:
        """What computes."""
        return SystolicArray(config)

    def _activity(self, m: Module, a: Operand, b: Operand) -> None:
        event = self.events
        m.submodules.activity = activity = Activity(self._config)
        m.d.comb += [
            activity.a.eq(a.o.payload.word),
            activity.b.eq(b.o.payload.word),
            activity.a_zero.eq(a.o.payload.zero),
            activity.b_zero.eq(b.o.payload.zero),
            activity.a_taken.eq(a.o.valid & a.o.ready),
            activity.a_first.eq(a.o.payload.first),
            activity.b_taken.eq(b.o.valid & b.o.ready),
            activity.b_last.eq(b.o.payload.last),
            activity.slot.eq(a.o.payload.slot),
            event.nonzero_macs.amount.eq(activity.products),
            event.nonzero_macs.slot.eq(activity.products_slot),
        ]

    def _operands(self, m: Module, array: SystolicArray, a: Operand, b: Operand) -> None:
        """Connects both operands to the array's inputs."""
        config = self._config.array

        def signs(port, name: str, part: Operand):
            if config.zero_points:
                m.d.comb += [
                    port[f"{name}_signed"].eq(part.o.payload.signed),
                    port[f"{name}_zero"].eq(part.o.payload.zero),
                ]

        def elements(part: Operand) -> Cat:
            return Cat(part.o.payload.word)

        if config.flow == "ws":
            m.d.comb += [
                array.a.valid.eq(a.o.valid),
                a.o.ready.eq(array.a.ready),
                array.a.payload.a.as_value().eq(elements(a)),
                array.a.payload.swap.eq(a.o.payload.first),
                array.a.payload.last.eq(a.o.payload.last),
                array.w.valid.eq(b.o.valid),
                b.o.ready.eq(array.w.ready),
                array.w.payload.w.as_value().eq(elements(b)),
                array.w.payload.last.eq(b.o.payload.last),
            ]
            signs(array.a.payload, "a", a)
            signs(array.w.payload, "b", b)
            return
        m.d.comb += [
            array.i.valid.eq(a.o.valid & b.o.valid),
            a.o.ready.eq(b.o.valid & array.i.ready),
            b.o.ready.eq(a.o.valid & array.i.ready),
            array.i.payload.a.as_value().eq(elements(a)),
            array.i.payload.b.as_value().eq(elements(b)),
            array.i.payload.last.eq(a.o.payload.last),
        ]
        signs(array.i.payload, "a", a)
        signs(array.i.payload, "b", b)
