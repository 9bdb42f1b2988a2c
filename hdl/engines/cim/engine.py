"""The compute-in-memory tile between its operand buffers and the sums of a block of C."""

from typing import Any

from amaranth.hdl import Module

from ...cim import CimTile
from ...config import CimConfig, MachineConfig
from ...contract.events import Event
from ...operands.operand import Operand
from ..blocks import block_events
from ..resident import ResidentEngine

__all__ = ["CimEngine", "cim_events"]


def cim_events(config: MachineConfig) -> tuple[Event, ...]:
    """What the engine counts."""
    bits = config.array.a.bits.bit_length()
    return (
        *block_events(config),
        Event("planes", 1, "bit planes of vectors that were worked on"),
        Event("planes_skipped", bits, "bit planes that were left out, as they are zero"),
    )


class CimEngine(ResidentEngine):
    """Computes with a :class:`~insitu.hdl.cim.CimTile`.

    Parameters
    ----------
    config : MachineConfig
    """

    def __init__(self, config: MachineConfig):
        super().__init__(config, cim_events(config))

    def _tile(self) -> CimTile:
        config = self._config.array
        assert isinstance(config, CimConfig)
        return CimTile(config)

    def _marks(self, vector) -> dict[str, Any]:
        return {"planes": self._config.array.a.bits, "tag": vector.slot}

    def _activity(self, m: Module, a: Operand, b: Operand) -> None:
        event, tile = self.events, m.submodules.tile
        self._nonzero(m, a, tile.w.payload, tile.w.valid)
        m.d.comb += [
            event.planes.amount.eq(tile.done),
            event.planes.slot.eq(tile.done_tag),
            event.planes_skipped.amount.eq(tile.skipped),
            event.planes_skipped.slot.eq(tile.skipped_tag),
        ]
