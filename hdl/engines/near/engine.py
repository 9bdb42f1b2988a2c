"""A mesh or memory banks with multipliers between operand buffers and sums of a block of C."""

from amaranth.hdl import Array, Const, Module, Mux
from amaranth.lib import wiring

from ...config import MachineConfig, NearConfig
from ...contract.events import Event
from ...operands.operand import Operand
from ..blocks import block_events
from ..resident import ResidentEngine
from .ported import PortedCore

__all__ = ["NearEngine", "near_events"]


def near_events(config: MachineConfig) -> tuple[Event, ...]:
    """What the engine counts."""
    core = config.array
    assert isinstance(core, NearConfig)
    own = [Event(move.name, move.most.bit_length(), move.desc) for move in core.moves]
    return (*block_events(config), *own)


class NearEngine(ResidentEngine):
    """Computes with a :class:`~insitu.hdl.near.NearCore`, whose banks have an AXI slave besides.

    Parameters
    ----------
    config : MachineConfig

    Members
    -------
    s_axi, port_busy, port_writes, port_bank
        See :class:`~insitu.hdl.contract.engine.EnginePort`.
    """

    def __init__(self, config: MachineConfig):
        super().__init__(config, near_events(config))

    def _tile(self) -> PortedCore:
        return PortedCore(self._config)

    def _activity(self, m: Module, a: Operand, b: Operand) -> None:
        event, tile = self.events, m.submodules.tile
        m.d.sync += tile.busy.eq(self.port_busy)  # which comes from far away
        m.d.comb += [
            self.port_writes.eq(tile.port_writes),
            self.port_bank.eq(tile.word.bank),
        ]
        wiring.connect(m, wiring.flipped(self.s_axi), tile.axi)
        self._nonzero(m, a, tile.word, tile.write)
        a_taken = a.o.valid & a.o.ready
        core = self._config.array
        assert isinstance(core, NearConfig)
        for move in core.moves:
            happens, slot, amount = a_taken, a.o.payload.slot, Const(move.vector)
            if not move.vector:
                happens, slot = tile.w.valid, self._row_slot
                amount = Array(Const(n, move.most.bit_length()) for n in move.rows)[
                    tile.w.payload.row
                ]
            m.d.sync += [
                event[move.name].amount.eq(Mux(happens, amount, 0)),
                event[move.name].slot.eq(slot),
            ]
