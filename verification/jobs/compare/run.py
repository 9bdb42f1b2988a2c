"""The compared work on a machine's RTL: bit-exact, counters against models, energy by level."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

from insitu.hdl.config import Config, MachineConfig
from insitu.program.descriptor import Descriptor
from insitu.sim_models.energy import NODES, Bill, bus_bits, charge, table
from insitu.sim_models.energy.words import (  # fmt: skip
    PER_PRODUCT,
    by_formula,
    closed_form,
    counted,
    kind_of,
    per_product,
    text,
)
from insitu.sim_models.timing import temporal

from ...bench.machine_run import MachineRunner, RunResult
from ...bench.workload import Work
from .. import report
from ..machine import facts
from .tables import formula_works, held_bytes, works_of

__all__ = ["bill", "bound_bits", "by_model", "energy", "energy_of", "measure", "summary"]


def bound_bits(m: int, n: int, k: int, held: int, *, load_b: bool = True) -> float:
    """Bits that any machine with ``held`` fast bytes must move for 8-bit matrices, at least.

    Each matrix once, or 2MNK/√S − 2S (Hong and Kung 1981; Smith et al., arXiv:1702.02017); a byte
    counts as a word, though sums are wider. Without ``load_b`` B is there: A and C once.
    """
    if not load_b:
        return 8 * (m * k + m * n)
    return 8 * max(m * k + k * n + m * n, 2 * m * n * k / held**0.5 - 2 * held)


def bill(shell: MachineConfig, counters: dict[str, int], node: str, pool: str) -> Bill:
    """Energy of ``counters`` at a node, with a memory."""
    return charge(shell, counters, table(node), pool)


def energy_of(found: Bill) -> dict[str, Any]:
    """pJ as low, value, high: by level and in all, and what is not in it."""
    levels = {x: [e.low, e.value, e.high] for x, e in found.levels.items()}
    total = found.total
    return {
        "levels_pj": levels,
        "total_pj": [total.low, total.value, total.high],
        "uncharged": dict(found.uncharged),
    }


def energy(shell: MachineConfig, counters: dict[str, int]) -> dict[str, Any]:
    """By node and memory."""
    return {
        node: {pool: energy_of(bill(shell, counters, node, pool)) for pool in table(node).pools}
        for node in NODES
    }


def _summed(rows: list[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for row in rows:
        total.update(row)
    return dict(total)


def summary(
    shell: MachineConfig, done: Sequence[tuple[Descriptor, dict[str, int]]]
) -> dict[str, Any]:
    """What descriptors with these counters took: cycles, bits, element words, energy.

    Element words are those of descriptors whose B is stored K×N.
    """
    counters = _summed([x for _, x in done])
    macs, cycles, held = counters["macs"], counters["cycles"], held_bytes(shell)
    bits = bus_bits(shell, counters)
    plain = [(job, x) for job, x in done if not job.b_transposed]
    words = [(counted(shell, x), by_formula(shell, job)) for job, x in plain]
    bound = sum(bound_bits(job.m, job.n, job.k, held, load_b=job.load_b) for job, _ in done)
    return {
        "macs": macs,
        "cycles": cycles,
        "utilisation": macs / (shell.array.macs_per_cycle * cycles),
        "counters": counters,
        "bus_bits": bits,
        "bits_per_mac": bits / macs,
        "bound_bits_per_mac": bound / macs,
        "words_per_mac": sum(x.total for x, _ in words) / sum(x["macs"] for _, x in plain),
        "words_as_formula": all(x == y for x, y in words),
        "energy": energy(shell, counters),
    }


def by_model(config: Config, works: Sequence[Work]) -> dict[str, Any]:
    """The summary of works by the models alone, each after the one before."""
    shell, done = config.shell, []
    for work in works:
        (timing,) = temporal(shell, [work.job], [0], ones=work.ones)
        done.append((work.job, work.counters | asdict(timing)))
    return summary(shell, done)


def _case(config: Config, works: list[Work], run: RunResult) -> dict[str, Any]:
    """The keys of a report on ``gemm`` or ``sim``, and what was moved."""
    layers = [facts(config, work, run, n) for n, work in enumerate(works)]
    alone = {key: layers[0][key] for key in "mnk"} if len(layers) == 1 else {"layers": layers}
    done = [(work.job, x["counters"]) for work, x in zip(works, layers, strict=True)]
    return alone | {
        "status": report.verdict(layers),
        "bit_exact": all(x["bit_exact"] for x in layers),
        "model_cycles": sum(x["model_cycles"] for x in layers),
        "model_counters": _summed([x["model_counters"] for x in layers]),
        **summary(config.shell, done),
        "wall_s": round(run.wall_s, 3),
        "cycles_per_s": round(run.cycles / run.wall_s),
    }


def _words(config: Config, work: Work, found: dict[str, Any]) -> dict[str, Any]:
    """Element words of a GEMM, counted and by the closed formula."""
    shell, job = config.shell, work.job
    words = counted(shell, found["counters"])
    closed = closed_form(shell, job.m, job.n, job.k)
    macs = found["macs"]
    parts = Fraction(words.a + words.b, macs), Fraction(words.sums, macs)
    return {
        "m": job.m,
        "n": job.n,
        "k": job.k,
        "formula": text(shell),
        "bit_exact": found["bit_exact"],
        "counted": {"a": words.a, "b": words.b, "sums": words.sums},
        "words": words.total,
        "by_formula": closed,
        "words_per_mac": words.total / macs,
        "per_product": PER_PRODUCT[kind_of(shell.array)],
        "operands_per_mac": float(parts[0]),
        "sums_per_mac": float(parts[1]),
        "equal": words.total == closed and parts == per_product(shell, job.m, job.k),
    }


def measure(
    config: Config, cases: Sequence[str], sim_name: str, images: int, seed: int, folder: Path
) -> dict[str, Any]:
    """All ``cases`` on the RTL of a machine, built if need be; the keys of a report on ``sim``.

    ``layers`` are the cases; ``words``: the GEMM of the closed formula. Each case has a report in
    ``folder`` as well.
    """
    shell = config.shell
    runner = MachineRunner(config, sim_name, folder / "run")
    began = time.monotonic()
    found: list[dict[str, Any]] = []
    head = report.header("compare", config, runner.text, sim_name, seed)
    for case in cases:
        works = works_of(config, case, images=images, seed=seed)
        # One after the other, as layers of a network are.
        run = runner.run(works, ahead=1, seed=seed)
        found.append({"layer": case} | _case(config, works, run))
        report.write(folder / case, head | found[-1])
    works = formula_works(config, seed)
    run = runner.run(works, ahead=1, seed=seed)
    last = facts(config, works[-1], run, len(works) - 1)
    macs, cycles = (sum(x[key] for x in found) for key in ("macs", "cycles"))
    wall = time.monotonic() - began
    return head | {
        "status": next((x["status"] for x in found if x["status"] != "ok"), "ok"),
        "bit_exact": all(x["bit_exact"] for x in found),
        "peak_macs_per_cycle": shell.array.macs_per_cycle,
        "held_bytes": held_bytes(shell),
        "bus_bits_wide": shell.bus_bits,
        "macs": macs,
        "cycles": cycles,
        "model_cycles": sum(x["model_cycles"] for x in found),
        "utilisation": macs / (shell.array.macs_per_cycle * cycles),
        "counters": _summed([x["counters"] for x in found]),
        "model_counters": _summed([x["model_counters"] for x in found]),
        "layers": found,
        "words": _words(config, works[-1], last),
        "wall_s": round(wall, 3),
        "cycles_per_s": round(cycles / wall),
    }
