"""What ways to do a node take on a machine, by the exact models, and which is taken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

from insitu.hdl.config import Config, UserError
from insitu.program.descriptor import Descriptor
from insitu.program.lower import fill
from insitu.program.place import placed
from insitu.program.plan import Models
from insitu.program.target import Target

from .operators import Lowered
from .products import Product

__all__ = ["Choice", "Cost", "Costs"]

LINE = 64
"""Bytes at whose multiples regions of memory begin."""
SMALL = 10_000
"""Cycles of products below which what begins and ends a descriptor is felt."""
NEAR = 0.005
FEW = 0.9
"""Utilisations that are as good as equal, and one for which no reason is given."""


@dataclass(frozen=True)
class Cost:
    """``cycles`` and ``bytes`` over the bus."""

    cycles: int
    bytes: int


@dataclass(frozen=True)
class Choice:
    """Number ``way`` of the ways to do a node, and what is said of it; ``usual``: see
    :class:`~.rows.Row`."""

    way: int
    product: Product
    said: str
    usual: float | None = None


class Costs:
    """The exact models of a machine, asked once for each descriptor; of a machine without blocks
    there are none, and nothing is known."""

    def __init__(self, config: Config, target: Target) -> None:
        self.config, self.target = config, target
        self._models: Models | None = None
        if config.machine is not None:
            self._models = import_module("insitu.sim_models.exact").MODELS
        self._cycles: dict[Descriptor, int] = {}

    def of(self, jobs: Sequence[Descriptor]) -> Cost | None:
        """What ``jobs`` take, each alone."""
        models = self._models
        if models is None:
            return None
        shell = self.config.shell
        for job in jobs:
            if job not in self._cycles:
                (self._cycles[job],) = models.cycles(shell, [job])
        words = sum(models.words(shell, job) for job in jobs)
        return Cost(sum(self._cycles[job] for job in jobs), words * shell.bus_bytes)

    def energy(
        self, jobs: Sequence[Descriptor], counters: Mapping[str, int]
    ) -> dict[str, tuple[float, float, float]]:
        """See :class:`~insitu.program.plan.Models`; empty if there are no figures."""
        if self._models is None:
            return {}
        try:
            return self._models.energy(self.config.shell, jobs, counters)
        except UserError:
            return {}

    def utilisation(self, macs: int, cycles: int) -> float:
        """Products by what the array could have made."""
        return macs / (self.config.core.macs_per_cycle * cycles)

    def choose(self, ways: Sequence[tuple[int, Product]]) -> Choice:
        """The way with the fewest cycles, and of equal ones with the fewest bytes.

        A way whose array is busy for longer than the best one takes is not looked at further.
        """
        if self._models is None:
            return Choice(*ways[0], ways[0][1].work.way)
        jobs = {n: product.jobs(_apart(product)) for n, product in ways}
        products = dict(ways)
        shell = self.config.shell
        busy = {n: sum(self._models.busy(shell, x) for x in jobs[n]) for n in jobs}
        costs: dict[int, Cost] = {}
        for n in sorted(jobs, key=lambda n: busy[n]):
            if not costs or busy[n] <= min(x.cycles for x in costs.values()):
                found = self.of(jobs[n])
                assert found is not None
                costs[n] = found
        best = min(costs, key=lambda n: (costs[n].cycles, costs[n].bytes, n))
        # Of the other family the best one: by what it takes, or by what it takes at least.
        lines = products[best].work.lines is not None
        others = [n for n in jobs if (products[n].work.lines is not None) != lines]
        said = products[best].work.way
        if others:
            other = min(others, key=lambda n: costs[n].cycles if n in costs else busy[n])
            exact = other in costs
            count = costs[other].cycles if exact else busy[other]
            least = "" if exact else "at least "
            said += f"; {products[other].work.way}: {least}{count:,} cycles"
        plain = [n for n in jobs if products[n].work.lines is None]
        usual = min(
            plain, key=lambda n: (costs[n].cycles if n in costs else busy[n], n), default=best
        )
        return Choice(best, products[best], said, self._usual(products[usual].work))

    def _usual(self, work: Lowered) -> float:
        """Utilisation with A as it is in memory, and results of 8 bits."""
        batch, m, n, k = work.sizes
        job = Descriptor(m, n, k, batch=batch, format="int8", has_bias=True)
        cost = self.of([fill(self.target, placed(self.target, job)[0])])
        assert cost is not None
        return self.utilisation(work.macs, cost.cycles)

    def less(self, product: Product, used: float, usual: float | None) -> str:
        """Why ``used`` of the array is less than it could be, in a few words; "" if it is not."""
        if used >= FEW and (usual is None or used >= usual - NEAR):
            return ""
        work, core, shell = product.work, self.config.core, self.config.machine
        _, _, n, k = work.sizes
        cols = shell.array.cols if shell else 1
        deep = core.macs_per_cycle / cols
        why = [work.kind] if work.kind else []
        # The last tile of the array along either side is filled in part.
        if any(size % tile and size < 4 * tile for size, tile in ((n, cols), (k, deep))):
            why.append("few channels")
        if work.macs / core.macs_per_cycle < SMALL:
            why.append("small")
        wide = not product.ending.on_machine or "sums" in product.sizes
        if wide and usual is not None and used < usual - NEAR:
            why.append("sums through memory")
        return ", ".join(why)


def _apart(product: Product) -> dict[str, int]:
    """The product's regions one after the other."""
    found, end = {}, 0
    for name, size in product.sizes.items():
        found[name] = end
        end = -(-(end + size) // LINE) * LINE
    return found
