"""The compute-in-memory tile: every size, width and latency of it."""

from dataclasses import dataclass

from ..formats import FORMAT_NAMES, Interval, IntFormat
from .array import TARGETS
from .cores import register_core
from .fields import ConfigError, ceil_log2, check_fields, choice, limits
from .resident import DEEPEST, ResidentConfig
from .widths import MOST_ROWS

__all__ = ["READ", "SEEN", "WAITING", "CimConfig"]

TREES = ("binary", "3:2", "4:2")
WAITING = 8
"""Vectors taken before their turn, as many as are needed for one per cycle."""
READ = 5
"""Cycles from a plane's number to the plane."""
SEEN = 3
"""Cycles, where planes are skipped, until it is known which have ones."""


@register_core
@dataclass(frozen=True)
class CimConfig(ResidentConfig):
    """A digital compute-in-memory tile.

    Parameters
    ----------
    rows : int
        Activations of a vector, along K, 1 to 1024.
    cols : int
        Outputs, along N, 1 to 256.
    act_bits : int
        Bit planes of an activation at most, 1 to 16; each vector has as many as it says. 4, 8 or 16
        in a machine.
    weight_format : str
        Element format of weights, from :data:`FORMAT_NAMES`.
    slice_bits : int
        Bits of a weight that share an adder tree; divides those of the weight. 0: 8, or all of a
        narrower weight; 1 with an ADC.
    banks : int
        Weights that each multiplier holds, 1 to 1024; up to 64 in a machine.
    skip : bool
        Planes that are zero in all rows take no cycle.
    tree : "binary", "3:2" or "4:2"
        Adders of two, or compressors of three or four and one adder at the end.
    adc_bits : int
        Bits of the converter that reads out each slice of each column; 0: exact sums. Wants slices
        of one bit, as a cell of a memory has.
    adc_rows : int
        Rows that are read out together; 0: all.
    adc_clip : int
        Largest count that a converter tells from a larger one; 0: that of the rows.
    acc_bits : int
        Width in which a machine sums up a whole GEMM outside the CIM tile, where it is at most 32.
        Bounds K, see :attr:`max_k`.
    target : "generic", "ecp5" or "ice40"
        Device family whose primitives are instantiated; ``generic`` has none.

    Raises
    ------
    ConfigError
        For any value out of range and any combination that cannot be built.
    """

    rows: int = limits(1, 1024, 64)
    cols: int = limits(1, 256, 16)
    act_bits: int = limits(1, 16, 8)
    weight_format: str = choice(*FORMAT_NAMES, default="int8")
    slice_bits: int = limits(0, 16, 0)
    banks: int = limits(1, 1024, 16)
    skip: bool = False
    tree: str = choice(*TREES, default="binary")
    adc_bits: int = limits(0, 16, 0)
    adc_rows: int = limits(0, 1024, 0)
    adc_clip: int = limits(0, 1024, 0)
    acc_bits: int = limits(8, 64, 32)
    target: str = choice(*TARGETS, default="generic")

    def __post_init__(self) -> None:
        check_fields(self, "cim")
        if self.weight.bits % self.slice_width:
            rule = f"a divisor of the weight's {self.weight.bits} bits, or 0"
            raise ConfigError("cim.slice_bits", rule, self.slice_bits)
        if not self.adc_bits:
            for name in ("adc_rows", "adc_clip"):
                if getattr(self, name):
                    raise ConfigError(f"cim.{name}", "0 without adc_bits", getattr(self, name))
        else:
            if self.slice_width != 1:
                raise ConfigError("cim.slice_bits", "0 or 1 with adc_bits", self.slice_bits)
            if self.adc_rows > self.rows:
                raise ConfigError("cim.adc_rows", f"at most rows = {self.rows}", self.adc_rows)
            if self.adc_clip > self.group_rows:
                rule = f"at most the {self.group_rows} rows of a group"
                raise ConfigError("cim.adc_clip", rule, self.adc_clip)

    # --- Weights and their slices, the lowest first ---

    @property
    def slice_width(self) -> int:
        """Bits of a slice."""
        if self.slice_bits:
            return self.slice_bits
        return 1 if self.adc_bits else min(8, self.weight.bits)

    @property
    def slices(self) -> int:
        """Slices of a weight."""
        return self.weight.bits // self.slice_width

    def slice_values(self, n: int) -> Interval:
        """Values of slice ``n``: only the top one has a sign.

        One bit with a sign is -1 or 0, but is summed as 1 or 0 and its sum subtracted.
        """
        signed = self.weight.signed and n == self.slices - 1 and self.slice_width > 1
        return IntFormat(self.slice_width, signed).values

    def subtracts(self, n: int) -> bool:
        """Whether the sums of slice ``n`` are subtracted: its one bit is the weight's sign."""
        return self.weight.signed and n == self.slices - 1 and self.slice_width == 1

    # --- Sums of one plane ---

    @property
    def group_rows(self) -> int:
        """Rows that are read out together; the last group may have fewer."""
        return (self.adc_rows or self.rows) if self.adc_bits else self.rows

    @property
    def groups(self) -> list[int]:
        """Rows of each group."""
        size = self.group_rows
        return [min(size, self.rows - start) for start in range(0, self.rows, size)]

    def group_values(self, n: int, rows: int) -> Interval:
        """Sums of slice ``n`` over ``rows`` rows, exact."""
        return self.slice_values(n).some(rows)

    @property
    def clip(self) -> int:
        """Largest count that the converter tells from a larger one."""
        return self.adc_clip or self.group_rows

    @property
    def adc_shift(self) -> int:
        """Its step is 2 to this: the least with which codes of ``adc_bits`` reach ``clip``."""
        most = (1 << self.adc_bits) - 1
        return next(s for s in range(16) if (self.clip + ((1 << s) >> 1)) >> s <= most)

    def read_values(self, n: int, rows: int) -> Interval:
        """The same as they are read out."""
        if not self.adc_bits:
            return self.group_values(n, rows)
        step = 1 << self.adc_shift
        return Interval(0, (min(rows, self.clip) + step // 2) // step * step)

    @property
    def slice_sum(self) -> list[Interval]:
        """By slice: what its groups make together, as read out."""
        found = []
        for n in range(self.slices):
            values = [self.read_values(n, rows) for rows in self.groups]
            found.append(Interval(sum(v.lo for v in values), sum(v.hi for v in values)))
        return found

    @property
    def plane(self) -> Interval:
        """Sum of a column for one plane."""
        lo = hi = 0
        for n, values in enumerate(self.slice_sum):
            part = Interval(-values.hi, -values.lo) if self.subtracts(n) else values
            lo, hi = lo + (part.lo << n * self.slice_width), hi + (part.hi << n * self.slice_width)
        return Interval(lo, hi)

    @property
    def out(self) -> Interval:
        """Values of an output, for vectors of either signedness."""
        plane, top = self.plane, 1 << (self.act_bits - 1)
        most = 2 * top - 1
        signed = [-top * plane.hi + (top - 1) * plane.lo, -top * plane.lo + (top - 1) * plane.hi]
        lo = min(plane.lo * most, signed[0])
        return Interval(lo, max(plane.hi * most, signed[1]))

    # --- Cycles ---

    @property
    def is_deep(self) -> bool:
        """Banks are in block RAM."""
        return self.banks > DEEPEST

    @property
    def bank_latency(self) -> int:
        """Cycles from a bank's number to its weights."""
        return 2 if self.is_deep else 1

    def tree_latency(self, count: int) -> int:
        """Cycles of a tree of ``count`` inputs, a gate in front of each."""
        if self.tree == "binary" or count <= 2:
            return max(1, ceil_log2(count))
        levels = 0
        while count > 2:
            count, levels = self.compressed(count), levels + 1
        return levels + 1

    def compressed(self, count: int) -> int:
        """What a level of compressors leaves of ``count`` rows."""
        if self.tree == "3:2":
            return count - count // 3
        fours, rest = divmod(count, 4)
        return 2 * fours + min(rest, 2)

    @property
    def column_latency(self) -> int:
        """Cycles from a plane and its weights to the sum of all planes so far."""
        readout = 1 + ceil_log2(len(self.groups)) if self.adc_bits else 0
        shift = 2 if self.skip else 0
        tree = self.tree_latency(max(self.groups))
        return tree + readout + ceil_log2(self.slices) + shift + 1

    @property
    def front_latency(self) -> int:
        """Cycles from the acceptance of a vector to its first plane beside the weights."""
        return 4 + READ + (SEEN if self.skip else 0) + self.bank_latency

    @property
    def latency(self) -> int:
        """Cycles from the acceptance of a vector of one plane to its output, both included."""
        return self.front_latency + self.column_latency + 5

    @property
    def macs_per_cycle(self) -> float:
        """Peak, where no plane is skipped: products of ``act_bits`` by a weight's bits."""
        return self.cells / self.act_bits

    # --- As an engine: a weight-stationary array of rows × cols, its weights resident ---

    table = "cim"
    hashed = "tile"
    bank_port = False
    moves = ()

    @property
    def planes(self) -> int:  # type: ignore[override]
        """Bit planes of an activation, which are worked on one by one."""
        return self.act_bits

    @property
    def vector_cycles(self) -> int:
        """Cycles of a vector, if no plane is skipped."""
        return self.act_bits

    @property
    def wave_latency(self) -> int:
        """Cycles from a vector's last plane to its sums, whole, at the output queue."""
        return self.bank_latency + self.column_latency + 7

    def check_machine(self) -> None:
        super().check_machine()
        if self.adc_bits:
            raise ConfigError("cim.adc_bits", "0 in a machine, whose sums are exact", self.adc_bits)
        if self.banks > DEEPEST:
            raise ConfigError("cim.banks", f"at most {DEEPEST} in a machine", self.banks)
        if self.rows > MOST_ROWS:
            raise ConfigError("cim.rows", f"at most {MOST_ROWS} in a machine", self.rows)
