"""B is fetched whenever a block needs it: what the parts of a shell ask, and the plain answers."""

from typing import Any

from amaranth.hdl import Module, Value

from ...config.machine import MachineConfig
from ...contract.job import Status

__all__ = ["Fetched"]


class Fetched:
    """Nothing stays in an engine from job to job.

    Parameters
    ----------
    config : MachineConfig

    Attributes
    ----------
    early : tuple of str
        Words of a descriptor that come before the others, besides sizes.
    zeros : int
        Words at its end that must be zero.
    """

    early: tuple[str, ...] = ()
    zeros = 5

    def __init__(self, config: MachineConfig):
        self._config = config

    # --- Ports of the shell's parts, by the part ---

    def machine_ports(self) -> dict[str, Any]:
        """The machine's own."""
        return {}

    def capabilities(self) -> dict[str, int]:
        """Fields of the register ``capabilities``."""
        return {}

    def registers(self) -> dict[str, int]:
        """Read-only registers."""
        return {"banks": 0}

    def parse_ports(self) -> dict[str, Any]:
        """What is told to :class:`~insitu.hdl.shell.parse.Parse`."""
        return {}

    def columns_ports(self) -> dict[str, Any]:
        """What :class:`~insitu.hdl.shell.columns.Columns` keeps account of."""
        return {}

    def store_ports(self) -> dict[str, Any]:
        """What :class:`~insitu.hdl.shell.store.Store` waits for."""
        return {}

    # --- A descriptor ---

    def flags(self, m: Module, job, checks, comes: Value, loads: Value) -> Value:
        """The flag ``load_b``, if the descriptor ``comes``: what of it is to be 1."""
        return loads

    def used(self, job) -> dict[str, Value]:
        """Operands that a job needs only if a bit says so."""
        return {}

    def fetched(self, job, b: Value) -> Value:
        """Whether the span of ``b`` is read."""
        return b

    def judge(
        self, m: Module, parse, job, starts, slot, misfit
    ) -> tuple[Value | None, Value | None, Value | Status]:
        """Why a job is refused besides its words, when it may start, and what a misfit is."""
        return None, None, Status.BAD_SHAPE

    # --- Blocks ---

    def first_matrix(self, m: Module, position, begins, next_batch) -> None:
        """Keep account of the batch."""

    def b_of(self, m: Module, steps, job, at) -> tuple[Value, Value, Value | int]:
        """Whether B is kept, whether this step is the first to need its block, and whether the
        buffer keeps it for another."""
        first, last = at.first, at.last
        return job.b_kept, first["m"], job.b_kept & ~last["m"]

    def columns_account(self, m: Module, columns, ends: Value) -> None:
        """Keep account of rows of biases and scales."""

    def may_store(self, store, checked: Value, columns: Value) -> Value:
        """Whether a block of a job may be stored: it is ``checked``, and its ``columns`` came."""
        return checked

    # --- Wires between parts, each at its place in the machine ---

    def connect_engine(self, m: Module, machine, engine, control, parse) -> None:
        """The engine's ports of its own."""

    def connect_columns(self, m: Module, loader, columns, store) -> None:
        """What is asked for, and what has come."""

    def connect_ends(self, m: Module, store, parse) -> None:
        """That a job has ended."""

    def connect_outcome(self, m: Module, outcome, parse) -> None:
        """How it ended."""
