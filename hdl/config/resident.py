"""What configurations of engines have in common whose B is resident beside the multipliers."""

from abc import ABC, abstractmethod
from typing import ClassVar

from ..formats import Interval, IntFormat
from .addressing import Addressing, ByRows
from .fields import ConfigError, ceil_log2

__all__ = ["DEEPEST", "ResidentConfig"]

DEEPEST = 64
"""Banks up to which they are in distributed RAM, beyond in block RAM."""


class ResidentConfig(ABC):
    """A weight-stationary array of ``rows`` × ``cols``: a bank holds a tile of B of that size.

    Vectors of either signedness go through it one after the other. Fields are those of the
    configurations below it.
    """

    rows: int
    cols: int
    act_bits: int
    weight_format: str
    acc_bits: int

    table: ClassVar[str]
    fixed: ClassVar[dict[str, object]] = {}
    addressing: ClassVar[Addressing] = ByRows()
    flow = "ws"
    dot = 1
    zero_points = False
    a_either_sign = True
    planes = 0
    """Bit planes of an activation, if they are worked on one by one."""

    def check_machine(self) -> None:
        """Refuse what no machine can be built around: :class:`ConfigError`."""
        if self.act_bits not in (4, 8, 16):
            raise ConfigError(f"{self.table}.act_bits", "4, 8 or 16 in a machine", self.act_bits)
        if self.max_k < self.rows:
            rule = "enough for the sums of a tile of B"
            raise ConfigError(f"{self.table}.acc_bits", rule, self.acc_bits)

    @property
    @abstractmethod
    def out(self) -> Interval:
        """Values of an output, for vectors of either signedness."""

    @property
    @abstractmethod
    def latency(self) -> int:
        """Cycles from the acceptance of a vector to its output, both included, at the least."""

    @property
    def a(self) -> IntFormat:
        """Activations as they are stored."""
        return IntFormat(self.act_bits, True)

    @property
    def b(self) -> IntFormat:
        """Weights as they are stored."""
        return IntFormat.parse(self.weight_format)

    @property
    def weight(self) -> IntFormat:
        """The same: format of a weight."""
        return self.b

    @property
    def k_per_tile(self) -> int:
        """Extent along K of a bank."""
        return self.rows

    @property
    def cells(self) -> int:
        """Products under way side by side."""
        return self.rows * self.cols

    @property
    def out_bits(self) -> int:
        """Width of an output."""
        return self.out.bits

    @property
    def max_k(self) -> int:
        """Largest K whose every possible sum fits ``acc_bits``."""
        most = (1 << (self.acc_bits - 1)) - 1
        return most // (((1 << self.act_bits) - 1) * self.weight.values.magnitude)

    @property
    def queue_depth(self) -> int:
        """Words of the output queue: vectors of one cycle must not run out of credits."""
        return 1 << ceil_log2(self.latency + 8)

    @property
    def credits(self) -> int:
        """Outputs that may be under way or wait."""
        return self.queue_depth - 2
