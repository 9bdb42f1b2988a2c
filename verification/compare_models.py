"""Whole networks by the exact models, on arrays and tiles of equal peak and equal bytes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any

from hdl.config import ArrayConfig, CimConfig, ConfigError, MachineConfig
from sim_models.energy import bus_bits
from sim_models.network import run_layers

from .compare_run import bound_bits, energy
from .compare_tables import held_bytes

__all__ = ["KINDS", "NETWORKS", "PEAKS", "Point", "points", "sized", "unequal"]

NETWORKS = {
    "resnet50": "ResNet-50",
    "bert-base": "BERT-base",
    "gpt2-small": "GPT-2 small",
    "palm-540b-layer": "a layer of PaLM 540B",
}
PEAKS = tuple(4**n for n in range(3, 9))
"""Products per cycle: of arrays from 8 × 8 to 256 × 256."""

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


KINDS: dict[str, Callable[[int], MachineConfig]] = {
    "ws": lambda side: _array("ws", side),
    "os": lambda side: _array("os", side),
    "cim": _tile,
}
"""Machines that can be made of any size: by the side of a square array of equal peak."""


def sized(kind: str, peak: int) -> MachineConfig:
    """A machine of ``peak`` products per cycle, with as many bytes as all others of that peak.

    :class:`~hdl.config.ConfigError` if there is none of that size.
    """
    if kind not in KINDS:
        raise ConfigError("kind", f"one of {', '.join(KINDS)}", kind)
    side = isqrt(peak)
    shell = KINDS[kind](side)
    if shell.array.macs_per_cycle != peak or held_bytes(shell) != KIB_PER_SIDE * 1024 * side:
        rule = f"one with {KIB_PER_SIDE * side} KiB and {peak} products per cycle as {kind}"
        raise ConfigError("peak", rule, f"{held_bytes(shell)} bytes")
    return shell


def unequal() -> list[str]:
    """Machines that cannot be made as large as the others, and why."""
    found = []
    for kind in KINDS:
        for peak in PEAKS:
            try:
                sized(kind, peak)
            except ConfigError as error:
                found.append(f"no {kind} of {peak:,} products per cycle: {error}")
    return found


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
    for layer in run_layers(shell, network):
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
