"""An engine of one's own: columns of multipliers, the products of each added up by a tree.

A row of activations is broadcast to all columns at once, where a systolic array would pass it on
from column to column: a sum is there after log2(rows) adders instead of rows of them.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from insitu.hdl.config import ArrayConfig, ConfigError, register_core
from insitu.hdl.config.products import DotConfig

__all__ = ["TreeConfig"]


@register_core
@dataclass(frozen=True)
class TreeConfig(ArrayConfig):
    """``cols`` dot products of ``rows`` elements, weight-stationary.

    Fields and errors are those of :class:`~insitu.hdl.config.ArrayConfig`; ``flow`` and ``dot`` are
    fixed. What the machine, the models and the planner have to know is inherited, but for the
    latency.
    """

    table = hashed = "tree"
    fixed: ClassVar[dict[str, object]] = {"flow": "ws", "dot": 1}

    def __post_init__(self) -> None:
        for name, value in self.fixed.items():
            if (given := getattr(self, name)) != value:
                raise ConfigError(f"tree.{name}", f"{value!r}, or left out", given)
        super().__post_init__()

    @cached_property
    def columns(self) -> DotConfig:
        """Multipliers and trees of the columns."""
        return DotConfig(self.a_operand, self.b_operand, self.rows, self.target, self.multiplier)

    @property
    def wave_latency(self) -> int:
        """Launch of a vector to its sums at the output queue: the payload follows its handshake,
        the operand register, a register in front of the multipliers, these, and the tree."""
        return 2 + 1 + self.columns.multiplier_latency + self.columns.tree_latency
