"""The lanes of a SIMD machine; with one lane and a tile of one sum, the scalar machine."""

from dataclasses import dataclass

from .array import ArrayConfig
from .fields import ceil_log2, limits

__all__ = ["SimdConfig"]


@dataclass(frozen=True)
class SimdConfig(ArrayConfig):
    """``cols`` lanes side by side along N, which share the activation of a cycle.

    In a machine their operands are fetched for each k anew, element by element, and the sums of a
    block of C stay in registers. Fields and errors as of :class:`ArrayConfig`, with one row.

    Parameters
    ----------
    rm, rn : int
        Register tile: rows of C, and vectors of ``cols`` columns, whose sums the lanes hold. 1…64.
    """

    table = "simd"

    rm: int = limits(1, 64, 1)
    rn: int = limits(1, 64, 1)

    @property
    def tile_cols(self) -> int:
        """Columns of the register tile."""
        return self.rn * self.cols

    @property
    def sums_latency(self) -> int:
        """Cycles from operands at the lanes' inputs to their sums, from registers: select, subtract
        the zero point, multiply, add."""
        return 2 + self.multiplier_latency + 1

    @property
    def wave_latency(self) -> int:
        """The same as the timing model counts it."""
        return self.sums_latency - 1

    @property
    def count_latency(self) -> int:
        """The same to the number of their products that move something."""
        return 2 + ceil_log2(self.cols)
