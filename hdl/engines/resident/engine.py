"""Blocks of B in banks beside the arithmetic, vectors that meet them, sums of a block of C."""

from abc import abstractmethod
from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring

from ...contract.job import of_job
from ...operands.operand import Operand
from ..blocks import BlockEngine
from .activity import Activity
from .tiles import AHEAD, Placement, Tiles

__all__ = ["ResidentEngine"]


class ResidentEngine(BlockEngine):
    """Computes with a tile of weights in banks.

    Blocks of B go from their buffer to the banks, a row per cycle, and stay there as long as the
    job's B is resident; see :class:`~insitu.hdl.shell.residency.residents.Residents`. Where it is
    streamed, a tile may be loaded once the one that used its bank before has left. The first step
    of a job that loads waits until all before it are over.

    The tile is a component with streams ``w``, rows of weights, always ready: ``bank``, ``row``,
    ``w``; ``a``, vectors: ``a``, ``bank``, ``signed``, ``last``; ``o``, their sums in order: ``c``,
    ``last``. Vectors meet the rows that were given before them.

    Parameters
    ----------
    config : MachineConfig
    events : tuple of Event
    """

    @abstractmethod
    def _tile(self) -> wiring.Component:
        """What has the banks and computes."""

    def _marks(self, vector) -> dict[str, Any]:
        """What else the tile wants of a vector, by field."""
        return {}

    def _core(self, m: Module) -> wiring.Component:
        m.submodules.tile = tile = self._tile()
        m.submodules.placement = self._placement = Placement(self._config)
        m.d.comb += self._placement.jobs.eq(self.jobs)
        m.submodules.tiles_a = self._tiles_a = Tiles(self._config)
        m.submodules.tiles_b = self._tiles_b = Tiles(self._config)
        wiring.connect(m, self._placement.all, self._tiles_a.i)
        wiring.connect(m, self._placement.loads, self._tiles_b.i)
        self._idle = Signal(init=1)
        return tile

    def _steps(self, m: Module, takers: dict) -> None:
        step = self.steps.payload
        self._may_step = self._idle | ~(step.begins & step.load)
        self._wanted = {"b": step.load}
        super()._steps(m, takers | {"tiles": self._placement.i})

    def _operands(self, m: Module, tile, a: Operand, b: Operand) -> None:
        config = self._config.array
        # --- Weights: rows of a tile, row 0 first ---
        given, w = self._tiles_b.o, tile.w
        row = Signal(range(config.rows))
        begun = Signal(range(config.banks + 1))  # tiles loaded or being loaded whose use goes on
        size = Signal(range(config.banks + 1))  # banks that are streamed through
        complete = Signal(range(config.banks + 1))  # loaded, their use has not begun
        has_complete = Signal()  # complete != 0
        is_first, is_last = Signal(init=1), Signal(init=config.rows == 1)  # of `row`
        may_load, loads, ended = (Signal() for _ in range(3))
        has_bank = Signal()  # begun != size
        completes = Signal()  # the row under way is a tile's last one
        self._row_slot = Signal()  # whose row is under way
        m.d.comb += [
            may_load.eq(given.valid & (~given.payload.streams | ~is_first | has_bank)),
            loads.eq(b.o.valid & may_load),
            b.o.ready.eq(may_load),
            given.ready.eq(loads & is_last),
        ]
        # The banks are far from the buffer.
        m.d.sync += [
            w.valid.eq(loads),
            w.payload.bank.eq(given.payload.bank),
            w.payload.row.eq(row),
            w.payload.w.as_value().eq(Cat(b.o.payload.word)),
            completes.eq(loads & is_last),
            self._row_slot.eq(b.o.payload.slot),
        ]
        with m.If(loads):
            m.d.sync += [
                row.eq(row + 1),
                is_first.eq(is_last),
                is_last.eq(row == (config.rows - 2) % config.rows),
            ]
            with m.If(is_last):
                m.d.sync += row.eq(0)

        # --- Vectors: the first one of a tile waits until that is complete ---
        used, vector = self._tiles_a.o, a.o.payload
        claims, may_take, takes = Signal(), Signal(), Signal()
        taken = tile.a.payload
        marks = {
            "bank": used.payload.bank,
            "signed": vector.signed,
            "last": vector.last & used.payload.load,
            **self._marks(vector),
        }
        m.d.comb += [
            may_take.eq(used.valid & (~vector.first | ~used.payload.load | has_complete)),
            tile.a.valid.eq(a.o.valid & may_take),
            a.o.ready.eq(tile.a.ready & may_take),
            takes.eq(a.o.valid & a.o.ready),
            claims.eq(takes & vector.first & used.payload.load),
            used.ready.eq(takes & vector.last),
            taken.a.as_value().eq(Cat(vector.word)),
            *(taken[name].eq(marks[name]) for name, _ in taken.shape() if name != "a"),
        ]
        # Both ways, as whether a vector is taken is known late.
        loaded = complete + completes
        with m.If(claims):
            m.d.sync += [complete.eq(loaded - 1), has_complete.eq(completes | (complete != 1))]
        with m.Else():
            m.d.sync += [complete.eq(loaded), has_complete.eq(completes | (complete != 0))]

        # --- What is under way ---
        gives = tile.o.valid & tile.o.ready
        m.d.comb += ended.eq(gives & tile.o.payload.last)
        begins = loads & is_first
        # Worked out for each way in which `begun` may go: which one is known late.
        for change, goes in ((-1, ended & ~begins), (0, ended == begins), (1, begins & ~ended)):
            with m.If(goes):
                m.d.sync += [begun.eq(begun + change), has_bank.eq(begun + change != size)]
        vectors = Signal(range(config.credits + 16))
        steps, sends = Signal(range(2 * AHEAD)), Signal()  # each has a tile or more
        step = self.steps.payload
        m.d.comb += sends.eq(self.steps.valid & self.steps.ready)
        m.d.sync += [
            vectors.eq(vectors + takes - gives),
            steps.eq(steps + sends - (used.ready & used.payload.end)),
            self._idle.eq((vectors == 0) & (steps == 0)),
        ]
        first, end = (of_job(self.jobs, step.slot, name) for name in ("bank_first", "b_end"))
        with m.If(sends & step.begins & step.load):
            m.d.sync += [size.eq(end - first), has_bank.eq(1)]  # idle: `begun` is 0

    def _nonzero(self, m: Module, a: Operand, word, written) -> None:
        """Connect the event ``nonzero_macs``; ``word`` is a row of weights that is ``written``."""
        event, tile = self.events, m.submodules.tile
        m.submodules.activity = activity = Activity(self._config)
        m.d.comb += [
            activity.w.eq(word),
            activity.w_taken.eq(written),
            activity.a.eq(a.o.payload.word),
            activity.bank.eq(tile.a.payload.bank),
            activity.slot.eq(a.o.payload.slot),
            activity.a_taken.eq(a.o.valid & a.o.ready),
            event.nonzero_macs.amount.eq(activity.products),
            event.nonzero_macs.slot.eq(activity.products_slot),
        ]
