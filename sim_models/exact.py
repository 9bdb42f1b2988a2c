"""Plans by the exact models: which order and blocks a descriptor had best."""

from collections import Counter
from collections.abc import Mapping, Sequence

from insitu.hdl.config import MachineConfig
from insitu.program import plan as program_plan
from insitu.program.descriptor import Descriptor
from insitu.program.plan import Plan

from . import traffic
from .energy import charge, table
from .timing.run import temporal

__all__ = ["MEMORIES", "MODELS", "plan", "planned"]

MEMORIES = {"45nm": "dram", "7nm": "hbm2"}
"""What the memory bus leads to where nothing else is said, by process."""


class _Models:
    """See :class:`~insitu.program.plan.Models`."""

    def cycles(self, config: MachineConfig, jobs: Sequence[Descriptor]) -> list[int]:
        return [timing.cycles for timing in temporal(config, list(jobs))]

    def words(self, config: MachineConfig, job: Descriptor) -> int:
        moved = traffic.counters(config, job)
        return sum(value for name, value in moved.items() if name.endswith("_words"))

    def busy(self, config: MachineConfig, job: Descriptor) -> int:
        return traffic.counters(config, job)["busy"]

    def energy(
        self, config: MachineConfig, jobs: Sequence[Descriptor], counters: Mapping[str, int]
    ) -> dict[str, tuple[float, float, float]]:
        total = Counter(counters)
        for job in [] if counters else jobs:
            total.update(traffic.counters(config, job))
        found = {}
        for node, pool in MEMORIES.items():
            bill = charge(config, total, table(node), pool).total
            found[f"{node}, {pool}"] = bill.low, bill.value, bill.high
        return found


MODELS = _Models()


def plan(config: MachineConfig, job: Descriptor, *, goal: str = "cycles", tries: int = 1) -> Plan:
    """:func:`insitu.program.plan.plan` with the exact models."""
    return program_plan.plan(config, job, goal=goal, tries=tries, models=MODELS)


def planned(
    config: MachineConfig, job: Descriptor, *, goal: str = "cycles", tries: int = 1
) -> Descriptor:
    """:func:`insitu.program.plan.planned` with the exact models."""
    return program_plan.planned(config, job, goal=goal, tries=tries, models=MODELS)
