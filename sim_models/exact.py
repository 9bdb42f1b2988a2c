"""Plans by the exact models: which order and blocks a descriptor had best."""

from collections.abc import Sequence

from insitu.hdl.config import MachineConfig
from insitu.program import plan as program_plan
from insitu.program.descriptor import Descriptor
from insitu.program.plan import Plan

from . import traffic
from .timing.run import temporal

__all__ = ["plan", "planned"]


class _Models:
    """See :class:`~insitu.program.plan.Models`."""

    def cycles(self, config: MachineConfig, jobs: Sequence[Descriptor]) -> list[int]:
        return [timing.cycles for timing in temporal(config, list(jobs))]

    def words(self, config: MachineConfig, job: Descriptor) -> int:
        moved = traffic.counters(config, job)
        return sum(value for name, value in moved.items() if name.endswith("_words"))

    def busy(self, config: MachineConfig, job: Descriptor) -> int:
        return traffic.counters(config, job)["busy"]


MODELS = _Models()


def plan(config: MachineConfig, job: Descriptor, *, goal: str = "cycles", tries: int = 1) -> Plan:
    """:func:`insitu.program.plan.plan` with the exact models."""
    return program_plan.plan(config, job, goal=goal, tries=tries, models=MODELS)


def planned(
    config: MachineConfig, job: Descriptor, *, goal: str = "cycles", tries: int = 1
) -> Descriptor:
    """:func:`insitu.program.plan.planned` with the exact models."""
    return program_plan.planned(config, job, goal=goal, tries=tries, models=MODELS)
