"""What `make compare` compares: the machines, the work, and what is not equal between them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.hdl.config import Config, MachineConfig, UserError, config_names, load
from insitu.hdl.config.fields import ceil_div
from insitu.hdl.engines.registry import kinds
from insitu.program.blocks import fits
from insitu.program.descriptor import Descriptor
from insitu.program.place import placed
from insitu.sim_models import digits, workloads
from insitu.sim_models.energy.words import kind_of
from insitu.sim_models.exact import planned

from ...bench.workload import Work, with_matrices
from ..machine import digits_works
from .cases import CASES

__all__ = [
    "FABRIC", "POOLS", "Machine", "fabric", "formula_works", "held_bytes", "ladder",
    "machines", "not_equal", "number", "ranged", "works_of",
]  # fmt: skip


@dataclass(frozen=True)
class Machine:
    """A rung of the ladder: a configuration and what it stands for."""

    config: str
    rung: str


def ladder() -> tuple[Machine, ...]:
    """One row per kind of engine, by its example: the order of the ladder, then plug-ins."""
    return tuple(Machine(kind.example, kind.rung or kind.name) for kind in kinds())


POOLS = {"45nm": ("dram", "lpddr4"), "7nm": ("hbm2", "ddr4", "lpddr4", "hbm3")}
"""Memories on the bus that tables show, the usual one first."""

EIGHTH = 8
TRIES = 32  # plans of single GEMMs that the exact model decides between


def machines(target: str = "") -> dict[Machine, Config | None]:
    """The machines in order; ``None`` where there is no configuration of that name yet."""
    there = config_names()
    found: dict[Machine, Config | None] = {}
    for machine in ladder():
        config = load(machine.config, target or None) if machine.config in there else None
        found[machine] = config if config and config.machine else None
    return found


def number(value: float) -> str:
    """Three digits that count."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def ranged(found: Sequence[float], count: float = 1) -> str:
    """Of low, value, high, each by ``count``: the value, and the range after it."""
    low, value, high = (number(x / count) for x in found)
    return f"{value} ({low}–{high})"


def held_bytes(shell: MachineConfig) -> int:
    """Everything that keeps operands or sums: buffers, weights beside the multipliers, and the
    register tile of lanes. Not what an array's elements pass on."""
    array = shell.array
    tile = 0
    if array.addressing.by_element:
        tile = array.rm * array.tile_cols * array.acc_bits
    return shell.buffer_bytes + ceil_div(array.cells * array.banks * array.b.bits + tile, 8)


def _gemms(case: str) -> Iterator[tuple[int, int, int, bool]]:
    """M, N, K and whether B is stored transposed, one descriptor after the other."""
    if case.startswith("cube-"):
        size = int(case.removeprefix("cube-"))
        yield size, size, size, False
    elif case == "gemv":
        yield 1, 256, 256, False
    elif case == "vectors":
        yield from [(1, 32, 32, False)] * 16
    else:
        layers = 12
        for gemm in workloads.load("bert-base"):
            m, n, k = (ceil_div(x, EIGHTH) for x in (gemm.m, gemm.n, gemm.k))
            for _ in range(gemm.repeats // layers * gemm.batch):
                yield m, n, k, gemm.b_transposed


def _random(
    shell: MachineConfig,
    job: Descriptor,
    rng: np.random.Generator,
    base: int,
    b: NDArray[np.int64] | None = None,
) -> tuple[Work, int]:
    """A descriptor with random operands, or with this B, and where its matrices end."""
    job, end = placed(shell, job, base)
    if not job.m_block and kind_of(shell.array) != "simd":
        job = planned(shell, job, tries=TRIES if base == 0 else 1)
    low, high = -128, 127
    a = rng.integers(low, high, (job.m, job.k), endpoint=True)
    if b is None:
        b = rng.integers(low, high, (job.k, job.n), endpoint=True)
    bias = rng.integers(-1000, 1000, job.n) if job.has_bias else None
    return with_matrices(shell, job, a, b, bias=bias), end


def works_of(config: Config, case: str, *, images: int, seed: int) -> list[Work]:
    """Descriptors of a case with the same numbers on every machine: int8, no zero points.

    Of "vectors" machines with banks load the weights once, others each time: a vector is not known
    before the one before is through. The digits network has the same weights on all; machines
    without zero points take its activations unsigned.
    """
    shell = config.shell
    if case == "digits":
        network, _ = digits.load(signed=shell.array.zero_points)
        return digits_works(shell, network, digits.images()[2][:images])
    if case not in CASES:
        raise UserError(f"CASES: must be some of {', '.join(CASES)}, not {case!r}")
    rng = np.random.default_rng(seed)
    found: list[Work] = []
    base = 0
    for m, n, k, turned in _gemms(case):
        stays = case == "vectors" and bool(found)
        scale = float(np.float32(32 / (np.sqrt(k) * 2.0**12)))
        job = Descriptor(
            m, n, k, b_transposed=turned, has_bias=True, format="int8", low=-128, high=127,
            scale=scale, load_b=not (stays and shell.array.banks),
        )  # fmt: skip
        work, base = _random(shell, job, rng, base, found[0].b if stays else None)
        found.append(work)
    return found


def _in_one_block(shell: MachineConfig) -> Descriptor:
    """A GEMM that the array divides, in one block: up to 64 rows, four arrays wide and deep."""
    array = shell.array
    if kind_of(array) == "simd":
        return Descriptor(64, 4 * array.cols, 4 * array.cols)  # blocks are the register tile
    deep = array.k_per_tile if array.flow == "ws" else array.cols
    for tiles in range(4, 0, -1):
        for m in (64, 32, 16, 8, 4, 2, 1):
            n, k = tiles * array.cols, tiles * deep
            job = Descriptor(m, n, k, m_block=m, n_block=n, k_block=k)
            if m % (1 if array.flow == "ws" else array.rows) == 0 and fits(shell, job):
                return job
    raise UserError(f"machine: must hold a tile of {array.rows} × {array.cols} in its buffers")


def formula_works(config: Config, seed: int) -> list[Work]:
    """A GEMM that the array divides, in one block, for the closed formula.

    Where weights stay, once more with those that are there.
    """
    shell = config.shell
    job = _in_one_block(shell)
    work, _ = _random(shell, job, np.random.default_rng(seed), 0)
    if not shell.array.banks:
        return [work]
    again = replace(work.job, load_b=False)
    rng = np.random.default_rng(seed)
    sizes = ((job.m, job.k), (job.k, job.n))
    a, b = (rng.integers(-128, 127, x, endpoint=True) for x in sizes)
    return [work, with_matrices(shell, again, a, b)]


def not_equal(shells: dict[str, MachineConfig]) -> list[str]:
    """What differs between machines as they are, a sentence each."""
    found = []
    for what, of in (
        ("peak products per cycle", lambda s: f"{s.array.macs_per_cycle:g}"),
        ("bytes of buffers and weights", lambda s: f"{held_bytes(s):,}"),
        ("bits of the bus", lambda s: str(s.bus_bits)),
        ("results finished per cycle", lambda s: str(s.lanes)),
    ):
        values = {name: of(shell) for name, shell in shells.items()}
        if len(set(values.values())) > 1:
            found.append(f"{what}: " + ", ".join(f"{name} {x}" for name, x in values.items()))
    if any(s.array.zero_points for s in shells.values()) and not all(
        s.array.zero_points for s in shells.values()
    ):
        have = ", ".join(name for name, s in shells.items() if s.array.zero_points)
        found.append(f"zero points and operands a bit wider inside: only {have}")
    return found


FABRIC = [
    "LUT4",
    "FF",
    "DSP",
    "BRAM",
    "MHz, worst of 3",
    "GMAC/s at most",
    "GMAC/s",
    "Gbit/s moved",
]
"""Columns of :func:`fabric`."""


def fabric(row: dict[str, str] | None, peak: float, done: dict[str, Any]) -> list[Any]:
    """A machine on an FPGA: resources, clock, and what a case makes of it.

    ``row``: of the history of synthesis, ``None`` if it has none; ``done``: the summary of a case.
    Without a clock there are resources alone.
    """
    if row is None:
        return ["not mapped", *["–"] * 7]
    cells: list[Any] = [int(row[x]) for x in ("lut4", "ff", "dsp", "bram")]
    if not row["fmax_worst"]:
        return [*cells, "not routed", *["–"] * 3]
    clock = float(row["fmax_worst"])
    rates = [peak, done["macs"] / done["cycles"], done["bus_bits"] / done["cycles"]]
    return [*cells, clock, *(x * clock / 1000 for x in rates)]
