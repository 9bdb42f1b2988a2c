"""Whole networks by the exact models, on arrays and CIM tiles of equal peak and equal bytes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any

from insitu.hdl.config import (  # fmt: skip
    ArrayConfig,
    CimConfig,
    ConfigError,
    InbankConfig,
    MachineConfig,
    MeshConfig,
    SimdConfig,
)
from insitu.hdl.config.resident import DEEPEST
from insitu.sim_models.energy import bus_bits
from insitu.sim_models.network import run_layers

from .cases import PEAKS
from .orders import Counted, ranking
from .run import bound_bits, energy
from .tables import POOLS, held_bytes

__all__ = ["KINDS", "Point", "at_one_peak", "points", "sized", "unequal"]

KIB_PER_SIDE = 16
"""Buffers and weights of a machine of peak P²: so many KiB times P."""


def _array(flow: str, side: int) -> MachineConfig:
    """A quarter of the bytes for A, for B and for each half of the sums."""
    quarter = KIB_PER_SIDE * 1024 * side // 4
    array = ArrayConfig(flow, side, side, zero_points=False, psum_bits=26)
    return MachineConfig(
        array, lanes=8, a_words=quarter // side, b_words=quarter // side,
        c_words=quarter // (4 * side), n_max=1024,
    )  # fmt: skip


def _tile(side: int) -> MachineConfig:
    """A quarter for the weights and for each half of the sums, an eighth for A and for B."""
    quarter = KIB_PER_SIDE * 1024 * side // 4
    rows, cols = 4 * side, 2 * side
    tile = CimConfig(rows, cols, banks=max(1, min(64, quarter // (rows * cols))))
    return MachineConfig(
        tile, lanes=8, a_words=quarter // 2 // rows, b_words=quarter // 2 // cols,
        c_words=quarter // (4 * cols), n_max=1024,
    )  # fmt: skip


def _near(core: type[MeshConfig] | type[InbankConfig], side: int) -> MachineConfig:
    """An eighth for the weights and for B, a quarter for A and for each half of the sums.

    Up to 16 × 16 the weights that a multiplier can have are less than that: they are beside what
    an array of that size has.
    """
    quarter = KIB_PER_SIDE * 1024 * side // 4
    banks = min(DEEPEST, quarter // 2 // side**2)
    b_words = quarter // side
    if banks * side**2 == quarter // 2:
        b_words //= 2
    return MachineConfig(
        core(side, side, banks=banks), lanes=8, a_words=quarter // side, b_words=b_words,
        c_words=quarter // (4 * side), n_max=1024,
    )  # fmt: skip


def _lanes(side: int) -> MachineConfig:
    """A quarter for the register tile, as square as can be, and for each half of the sums, which
    take as much; for A and B as many steps of k as fit into the last one."""
    quarter = KIB_PER_SIDE * 1024 * side // 4
    lanes, sums = side**2, quarter // (4 * side**2)
    rm = min(64, sums)
    simd = SimdConfig("os", 1, lanes, rm=rm, rn=max(1, sums // rm), zero_points=False)
    steps = quarter // (simd.rm + simd.tile_cols)
    steps = 1 << (steps.bit_length() - 1)
    return MachineConfig(simd, a_words=steps, b_words=steps, c_words=sums, n_max=simd.tile_cols)


KINDS: dict[str, Callable[[int], MachineConfig]] = {
    "ws": lambda side: _array("ws", side),
    "os": lambda side: _array("os", side),
    "cim": _tile,
    "mesh": lambda side: _near(MeshConfig, side),
    "inbank": lambda side: _near(InbankConfig, side),
    "simd": _lanes,
}
"""Machines that can be made of any size: by the side of a square array of equal peak."""

APART = 1 / 8
"""Bytes of a machine differ from those of the others by this part at most, and are named."""


WHY = {
    "mesh": "a multiplier has at most 64 weights beside it, and buffers are powers of two",
    "inbank": "a multiplier has at most 64 weights beside it, and buffers are powers of two",
    "simd": "the register tile is a quarter, and steps of k that wait are a power of two",
}
"""Why bytes are not equal."""


def _asked(peak: int) -> int:
    """Bytes that machines of a peak should hold."""
    return KIB_PER_SIDE * 1024 * isqrt(peak)


def sized(kind: str, peak: int) -> MachineConfig:
    """A machine of ``peak`` products per cycle and as many bytes as others of that peak.

    Not quite so many where :func:`unequal` says so. :class:`~insitu.hdl.config.ConfigError` if
    there is none of that size.
    """
    if kind not in KINDS:
        raise ConfigError("kind", f"one of {', '.join(KINDS)}", kind)
    shell, asked = KINDS[kind](isqrt(peak)), _asked(peak)
    held = held_bytes(shell)
    if shell.array.macs_per_cycle != peak or abs(held - asked) > APART * asked:
        rule = f"one with {asked >> 10} KiB and {peak} products per cycle as {kind}"
        raise ConfigError("peak", rule, f"{held} bytes")
    return shell


def unequal() -> list[str]:
    """What cannot be made equal, a sentence each: machines and sizes, and why."""
    found = []
    for kind in KINDS:
        missing: dict[int, ConfigError] = {}
        for peak in PEAKS:
            try:
                held, asked = held_bytes(sized(kind, peak)), _asked(peak)
            except ConfigError as error:
                missing[peak] = error
                continue
            if held != asked:
                found.append(
                    f"{kind} of {peak:,} products per cycle holds {held / 1024:.0f} KiB, not "
                    f"{asked >> 10}: {WHY[kind]}"
                )
        if missing:
            sizes = " or ".join(f"{peak:,}" for peak in missing)
            first = next(iter(missing.values()))
            found.append(f"no {kind} of {sizes} products per cycle: {first}")
    return [*found, *OTHERWISE]


OTHERWISE = (
    "simd has its activations stored K × M, where the others have them M × K: of a row it fetches "
    "a bus word per element",
    "scalar is one product per cycle and the sum of it: at any other peak it is simd",
)
"""What else is not equal, and cannot be."""


@dataclass(frozen=True)
class Point:
    """A network on a machine of a kind and a size, by the models."""

    network: str
    kind: str
    peak: int
    shell: MachineConfig
    macs: int
    cycles: int
    bound_bits: float
    counters: dict[str, int]

    @property
    def bits(self) -> int:
        """Over the memory bus."""
        return bus_bits(self.shell, self.counters)

    @property
    def utilisation(self) -> float:
        """Of the peak."""
        return self.macs / (self.peak * self.cycles)

    def report(self) -> dict[str, Any]:
        """As JSON."""
        array = self.shell.array
        return {
            "network": self.network,
            "kind": self.kind,
            "peak_macs_per_cycle": self.peak,
            "rows": array.rows,
            "cols": array.cols,
            "held_bytes": held_bytes(self.shell),
            "macs": self.macs,
            "cycles": self.cycles,
            "utilisation": self.utilisation,
            "bus_bits": self.bits,
            "bits_per_mac": self.bits / self.macs,
            "bound_bits_per_mac": self.bound_bits / self.macs,
            "counters": self.counters,
            "energy": energy(self.shell, self.counters),
        }


def point(network: str, kind: str, peak: int) -> Point:
    """All layers of a network, each alone, by its plan."""
    shell = sized(kind, peak)
    held = held_bytes(shell)
    macs = cycles = 0
    bound, counters = 0.0, dict[str, int]()
    for layer in run_layers(shell, network, a_transposed=shell.array.addressing.by_element):
        gemm = layer.gemm
        macs += gemm.macs * gemm.repeats
        cycles += layer.timing.cycles * gemm.repeats
        bound += bound_bits(gemm.m, gemm.n, gemm.k, held) * gemm.batch * gemm.repeats
        for name, count in layer.counters.items():
            counters[name] = counters.get(name, 0) + count * gemm.repeats
    return Point(network, kind, peak, shell, macs, cycles, bound, counters)


def points(network: str, peaks: Sequence[int]) -> list[dict[str, Any]]:
    """Reports of a network on each kind and size there is."""
    found = []
    for kind in KINDS:
        for peak in peaks:
            try:
                sized(kind, peak)
            except ConfigError:
                continue
            found.append(point(network, kind, peak).report())
    return found


def at_one_peak(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Of reports of points: rankings by network and node at the largest peak that all kinds have.

    With the usual memory of each node; networks that not all kinds were given are left out.
    """
    have = [{x["peak_macs_per_cycle"] for x in found if x["kind"] == kind} for kind in KINDS]
    shared = set.intersection(*have)
    if not shared:
        return {}
    peak = max(shared)
    counted: dict[str, Counted] = {}
    for x in found:
        if x["peak_macs_per_cycle"] == peak:
            one = (sized(x["kind"], peak), x["counters"])
            counted.setdefault(x["network"], {})[x["kind"]] = one
    orders = {
        network: {node: ranking(of, node, pools[0]) for node, pools in POOLS.items()}
        for network, of in counted.items()
        if len(of) == len(KINDS)
    }
    return {"peak": peak, "orders": orders}
