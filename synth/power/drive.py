"""Puts operands on the ports of a unit, counts, and checks what comes out of it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .simulate import LANES, Simulation, pack, unpack

__all__ = [
    "CYCLES",
    "Activity",
    "Script",
    "Sink",
    "Source",
    "WrongResult",
    "bits",
    "reset",
    "stream",
]

Bits = NDArray[np.uint8]
Ints = NDArray[np.int64]
RESET = 4  # cycles
CYCLES = 448  # counted, in each of 64 lanes


@dataclass(frozen=True)
class Activity:
    """What was done while ``sim`` counted: ``macs`` products that are no padding, in all lanes.

    ``checked``: outputs compared with the golden model, all equal.
    """

    sim: Simulation
    macs: float
    checked: int


def bits(values: Ints, width: int) -> Bits:
    """[…][n] integers to […][n·width] bits, element 0 in the low ones."""
    spread = (values[..., None] >> np.arange(width)) & 1
    return spread.reshape(*values.shape[:-1], -1).astype(np.uint8)


def reset(sim: Simulation) -> None:
    """All inputs 0, and ``rst`` for some cycles, uncounted."""
    for name in sim.netlist.inputs:
        sim.set(name, 0)
    has_reset = "rst" in sim.netlist.inputs
    for _ in range(RESET):
        if has_reset:
            sim.set("rst", 1)
        sim.cycle(count=False)
    if has_reset:
        sim.set("rst", 0)


class WrongResult(AssertionError):
    """The netlist computed something else than the golden model."""


@dataclass
class Script:
    """Values for each cycle, for units without handshakes.

    ``ports``: bits [lanes][cycles][width]; ``expected``: the same of outputs, from ``valid[port]``
    on; ``macs``: by cycle, in all lanes. The first ``warm`` cycles are not counted.
    """

    ports: dict[str, Bits]
    macs: NDArray[np.float64]
    warm: int
    expected: dict[str, Bits] = field(default_factory=dict)
    valid: dict[str, NDArray[np.bool_]] = field(default_factory=dict)

    def run(self, sim: Simulation) -> Activity:
        """Play it; raises :class:`WrongResult` if an output is not as expected."""
        reset(sim)
        checked = 0
        for t in range(len(self.macs)):
            for name, values in self.ports.items():
                if name in sim.netlist.inputs:
                    sim.set(name, pack(values[:, t]))
            sim.cycle(count=t >= self.warm)
            for name, values in self.expected.items():
                if not self.valid[name][t]:
                    continue
                if not np.array_equal(unpack(sim.get(name)), values[:, t]):
                    raise WrongResult(f"{name}: not as the golden model in cycle {t}")
                checked += LANES
        return Activity(sim, float(self.macs[self.warm :].sum()), checked)


class Source:
    """Offers beats on stream ``name``, each lane at its own pace.

    ``fields``: bits [lanes][beats][width] by port. ``limit``: beats that each lane may send so far.
    """

    def __init__(self, sim: Simulation, name: str, fields: dict[str, Bits]) -> None:
        self._sim, self.name = sim, name
        self._fields = {f"{name}_{port}": values for port, values in fields.items()}
        self.beats = next(iter(fields.values())).shape[1]
        self.sent = np.zeros(LANES, np.int64)
        self.limit = np.full(LANES, self.beats)

    def before(self) -> None:
        """Set valid and payload for this cycle."""
        self._valid = self.sent < self.limit
        at = np.minimum(self.sent, self.beats - 1)
        for port, values in self._fields.items():
            if port in self._sim.netlist.inputs:
                self._sim.set(port, pack(values[np.arange(LANES), at]))
        self._sim.set(f"{self.name}_valid", pack(self._valid[:, None]))

    def after(self) -> NDArray[np.bool_]:
        """Lanes whose beat was taken."""
        ready = np.ones(LANES, bool)
        if f"{self.name}_ready" in self._sim.netlist.outputs:
            ready = unpack(self._sim.get(f"{self.name}_ready"))[:, 0].astype(bool)
        taken = self._valid & ready
        self.sent += taken
        return taken


class Sink:
    """Takes every beat of stream ``o`` and compares port ``o_c`` with ``expected``."""

    def __init__(self, sim: Simulation, expected: Bits) -> None:
        self._sim, self._expected = sim, expected
        self.taken = np.zeros(LANES, np.int64)

    def before(self) -> None:
        """Ready always."""
        self._sim.set("o_ready", 1)

    def after(self) -> None:
        """Compare; raises :class:`WrongResult`."""
        valid = unpack(self._sim.get("o_valid"))[:, 0].astype(bool)
        if not valid.any():
            return
        found = unpack(self._sim.get("o_c"))
        lanes = np.flatnonzero(valid)
        if not np.array_equal(found[lanes], self._expected[lanes, self.taken[lanes]]):
            raise WrongResult("o_c: not as the golden model")
        self.taken += valid


def stream(
    sim: Simulation,
    sources: list[Source],
    sink: Sink,
    macs: Ints,
    *,
    warm: int,
    cycles: int,
    gate: Callable[[], None] = lambda: None,
) -> Activity:
    """Run until ``cycles`` are counted or the last source has nothing left to send in a lane.

    ``macs`` [lanes][beats]: products of each beat of the last source. ``gate`` is called before
    every cycle and may move sources' limits. Counting begins ``warm`` cycles after the first beat.
    """
    reset(sim)
    main = sources[-1]
    total, since = 0, -1
    for _ in range(50 * (cycles + warm)):
        if sim.cycles == cycles or (main.sent == main.beats).any():
            break
        gate()
        for source in sources:
            source.before()
        sink.before()
        count = since >= warm
        sim.cycle(count=count)
        began = main.sent.copy()
        for source in sources:
            taken = source.after()
        sink.after()
        if count:
            total += int(macs[taken, began[taken]].sum())
        since += bool(since >= 0 or taken.any())
    if not sim.cycles or not sink.taken.any():
        raise WrongResult("the unit gave no output")
    return Activity(sim, total, int(sink.taken.sum()))
