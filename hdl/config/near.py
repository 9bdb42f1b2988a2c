"""Machines whose B sits in memories beside the multipliers: a mesh of tiles, and memory banks."""

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property

from ..formats import FORMAT_NAMES, Interval
from .array import TARGETS
from .cores import register_core
from .fields import ConfigError, ceil_div, check_fields, choice, limits
from .products import MULTIPLIERS, DotConfig
from .resident import DEEPEST, ResidentConfig

__all__ = ["InbankConfig", "MeshConfig", "Moved", "NearConfig"]

LONGEST = 500
"""Cycles of a core from a vector to its sums at most: its output queue holds 512 words."""


@dataclass(frozen=True)
class Moved:
    """A counter of what moves in a core, in elements.

    ``vector``: by each vector; ``rows``: by each row of weights that is written, by its number.
    """

    name: str
    desc: str
    vector: int = 0
    rows: tuple[int, ...] = (0,)

    @property
    def most(self) -> int:
        """Largest amount of a cycle: of a vector, or of a row of weights; never both."""
        return max(self.vector, *self.rows)


@dataclass(frozen=True)
class NearConfig(ResidentConfig):
    """What both kinds have in common: a weight-stationary array of rows × cols, weights resident.

    Parameters
    ----------
    rows : int
        Activations of a vector, along K, 1 to 256.
    cols : int
        Outputs, along N, 1 to 256.
    act_bits : int
        Bits of an activation, 1 to 16, of either signedness, which each vector says. 4, 8 or 16 in
        a machine.
    weight_format : str
        Element format of weights, from :data:`FORMAT_NAMES`.
    banks : int
        Weights that each multiplier holds, 1 to 64.
    acc_bits : int
        Width in which a machine sums up a whole GEMM outside the core, where it is at most 32.
        Bounds K, see :attr:`max_k`.
    target : "generic", "ecp5" or "ice40"
        Device family whose primitives are instantiated; ``generic`` has none.
    multiplier : "dsp", "inferred" or "lut"
        DSP instances of ``target``, a plain ``*``, or Booth multipliers in LUTs.

    Raises
    ------
    ConfigError
        For any value out of range and any combination that cannot be built.
    """

    rows: int = limits(1, 256, 8)
    cols: int = limits(1, 256, 8)
    act_bits: int = limits(1, 16, 8)
    weight_format: str = choice(*FORMAT_NAMES, default="int8")
    banks: int = limits(1, DEEPEST, 16)
    acc_bits: int = limits(8, 64, 32)
    target: str = choice(*TARGETS, default="generic")
    multiplier: str = choice(*MULTIPLIERS, default="inferred")

    vector_cycles = 1
    bank_port = True
    """Banks are written and read through an AXI slave as well."""
    hashed = "near"

    def __post_init__(self) -> None:
        check_fields(self, self.table)
        fields = [(x, getattr(self, x)) for x in ("act_bits", "weight_format")]
        self.products.check_dsp(self.table, *fields)
        if self.latency > LONGEST:
            rule = f"so few that a vector takes at most {LONGEST} cycles, not {self.latency}"
            raise ConfigError(f"{self.table}.rows", rule, self.rows)

    # --- Values and widths ---

    @property
    def a_operand(self) -> Interval:
        """Activations of either signedness."""
        return Interval(-1 << (self.act_bits - 1), (1 << self.act_bits) - 1)

    @property
    def dot_size(self) -> int:
        """Products that are summed up beside their weights."""
        return self.rows

    @cached_property
    def products(self) -> DotConfig:
        """The dot products beside the weights."""
        return DotConfig(self.a_operand, self.b.values, self.dot_size, self.target, self.multiplier)

    @property
    def out(self) -> Interval:
        """Values of an output."""
        return self.products.product.sum(self.rows)

    # --- Sizes ---

    @property
    def macs_per_cycle(self) -> int:
        """Peak."""
        return self.cells

    # --- Cycles ---

    @property
    @abstractmethod
    def wave_latency(self) -> int:
        """Cycles from the acceptance of a vector to its sums, whole, at the output queue."""

    @property
    def latency(self) -> int:
        """Cycles from the acceptance of a vector to its output, both included."""
        return self.wave_latency + 4

    # --- What moves ---

    @property
    def moves(self) -> tuple[Moved, ...]:
        """What is counted of the core's own."""
        return (
            Moved("weights_read", "weights read from the memories beside", vector=self.cells),
            Moved(
                "weights_written",
                "weights written to the memories beside",
                rows=(self.cols,) * self.rows,
            ),
        )


@register_core
@dataclass(frozen=True)
class MeshConfig(NearConfig):
    """Tiles that pass operands and sums to their neighbours only.

    Other parameters are those of :class:`NearConfig`.

    Parameters
    ----------
    tile_rows, tile_cols : int
        Multipliers of a mesh tile, along K and N: divisors of ``rows`` and ``cols``.
    """

    tile_rows: int = limits(1, 64, 2)
    tile_cols: int = limits(1, 64, 2)

    table = "mesh"

    def __post_init__(self) -> None:
        super().__post_init__()
        for x in ("rows", "cols"):
            if (whole := getattr(self, x)) % (part := getattr(self, f"tile_{x}")):
                raise ConfigError(f"mesh.tile_{x}", f"a divisor of {x} = {whole}", part)

    @property
    def dot_size(self) -> int:
        return self.tile_rows

    @property
    def tiles_down(self) -> int:
        """Tiles along K."""
        return self.rows // self.tile_rows

    @property
    def tiles_across(self) -> int:
        """Tiles along N."""
        return self.cols // self.tile_cols

    @property
    def tile_latency(self) -> int:
        """Cycles from activations at a tile's input to its sums, from registers."""
        return 3 + self.products.multiplier_latency + self.products.tree_latency

    @property
    def wave_latency(self) -> int:
        return 1 + self.tile_latency + (self.tiles_down - 1) + (self.tiles_across - 1)

    @property
    def moves(self) -> tuple[Moved, ...]:
        down, across = self.tiles_down, self.tiles_across
        # Along an edge, from its corner: none for the first tile, one more for each further one.
        west = self.tile_rows * (down * (down - 1) // 2)
        along = self.tile_cols * (across * (across - 1) // 2)
        rows = tuple(along + self.cols * (row // self.tile_rows + 1) for row in range(self.rows))
        return (
            *super().moves,
            Moved("a_hops", "activations passed on by a tile", vector=west + self.rows * across),
            Moved("sum_hops", "sums passed on by a tile", vector=self.cols * down + along),
            Moved("weight_hops", "weights passed on by a tile", rows=rows),
        )


@register_core
@dataclass(frozen=True)
class InbankConfig(NearConfig):
    """Memory banks, one per column, each with ``rows`` multipliers and an adder tree beside it."""

    table = "inbank"

    SPREAD = 4
    """Registers that one of the broadcast drives."""

    @property
    def broadcast(self) -> list[int]:
        """Registers of each level of the broadcast, the first one's being one."""
        found = [self.cols]
        while found[0] > 1:
            found.insert(0, ceil_div(found[0], self.SPREAD))
        return found

    @property
    def wave_latency(self) -> int:
        return (
            len(self.broadcast) + 2 + self.products.multiplier_latency + self.products.tree_latency
        )

    @property
    def moves(self) -> tuple[Moved, ...]:
        text = "activations broadcast, each to all memory banks"
        return (*super().moves, Moved("a_broadcast", text, vector=self.rows))
