"""The lanes of a SIMD machine; with one lane and a register tile of one sum, the scalar machine."""

from dataclasses import dataclass
from typing import ClassVar

from ..formats import FORMAT_NAMES, NARROW_FORMATS
from .addressing import Addressing, ByElement
from .array import ArrayConfig
from .cores import register_core
from .fields import ConfigError, ceil_log2, choice, limits

__all__ = ["SimdConfig"]


@register_core
@dataclass(frozen=True)
class SimdConfig(ArrayConfig):
    """``cols`` lanes side by side along N, which share the activation of a cycle.

    In a machine their operands are fetched for each k anew, element by element, and the sums of a
    block of C stay in registers. Fields and errors as of :class:`ArrayConfig`; those in
    :attr:`fixed` must have the values there, which are the defaults here.

    Parameters
    ----------
    cols : int
        Lanes, along N, 1 to 256.
    rm : int
        Register tile: rows of C whose sums the lanes hold, 1 to 64.
    rn : int
        Register tile: vectors of ``cols`` columns whose sums the lanes hold, 1 to 64.
    """

    table = "simd"
    hashed = "simd"
    fixed: ClassVar[dict[str, object]] = {"flow": "os", "rows": 1, "dot": 1, "psum_bits": 24}
    """Fields of an array that lanes do not have, and what they are then."""
    addressing: ClassVar[Addressing] = ByElement()

    flow: str = choice("os", default="os")
    rows: int = limits(1, 1, 1)
    a_format: str = choice(*FORMAT_NAMES, *NARROW_FORMATS, default="int8")
    b_format: str = choice(*FORMAT_NAMES, *NARROW_FORMATS, default="int8")
    rm: int = limits(1, 64, 1)
    rn: int = limits(1, 64, 1)

    def __post_init__(self) -> None:
        for name, value in self.fixed.items():
            if (given := getattr(self, name)) != value:
                raise ConfigError(f"simd.{name}", f"{value!r}, or left out", given)
        super().__post_init__()

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
