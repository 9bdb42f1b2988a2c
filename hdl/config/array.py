"""The systolic array: every size, width and latency of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ..formats import ELEMENT_FORMATS, FORMAT_NAMES, NARROW_FORMATS, Format, Interval, parse
from .addressing import Addressing, ByRows
from .cores import register_core
from .fields import ConfigError, ceil_div, ceil_log2, check_fields, choice, limits
from .numbers import Number, number_for
from .products import MULTIPLIERS, Products

if TYPE_CHECKING:
    from amaranth.hdl import Shape

__all__ = ["ArrayConfig"]

FLOWS = ("ws", "os")
FORMATS = (*FORMAT_NAMES, *NARROW_FORMATS, *ELEMENT_FORMATS)
TARGETS = ("generic", "ecp5", "ice40")


@register_core
@dataclass(frozen=True)
class ArrayConfig(Products):
    """A systolic array.

    Parameters
    ----------
    flow : "ws" or "os"
        Weight-stationary or output-stationary.
    rows : int
        PEs along K (WS) or M (OS), 1 to 256.
    cols : int
        PEs along N, 1 to 256.
    dot : int
        Products per PE and cycle, over consecutive k, 1 to 64; 1 in a machine.
    a_format, b_format : str
        Element formats of activations and weights, of 4 bits or more in a machine: both of
        integers, or both of floating-point numbers.
    zero_points : bool
        Every input beat carries signedness and zero point of both operands; operands are one bit
        wider inside. Without it signedness is that of the format and there are no zero points.
    psum_bits : int
        WS: width of a sum that leaves the array. Must hold every one of ``rows·dot`` products. At
        most 64 for integers.
    acc_bits : int
        Width in which a whole GEMM is summed: OS accumulators, and outside the array for WS.
        Bounds K, see :attr:`max_k`. Of integers at most 64, and 32 in a machine.
    target : "generic", "ecp5" or "ice40"
        Device family whose primitives are instantiated; ``generic`` has none.
    multiplier : "dsp", "inferred" or "lut"
        DSP instances of ``target``, a plain ``*``, or Booth multipliers in LUTs.

    Raises
    ------
    ConfigError
        For any value out of range and any combination that cannot be built.
    """

    table = "array"
    hashed = "array"
    fixed: ClassVar[dict[str, object]] = {}

    flow: str = choice(*FLOWS, default="ws")
    rows: int = limits(1, 256, 8)
    cols: int = limits(1, 256, 8)
    dot: int = limits(1, 64, 1)
    a_format: str = choice(*FORMATS, default="int8")
    b_format: str = choice(*FORMATS, default="int8")
    zero_points: bool = True
    psum_bits: int = limits(4, 128, 24)
    acc_bits: int = limits(8, 128, 32)
    target: str = choice(*TARGETS, default="generic")
    multiplier: str = choice(*MULTIPLIERS, default="inferred")

    def __post_init__(self) -> None:
        check_fields(self, self.table)
        self.number.check(self)
        # Sums leave as signed numbers, whatever the operands are.
        unsigned = not self.term.signed
        need = self.row_psum(self.rows - 1).bits + unsigned
        if self.flow == "ws" and self.psum_bits < need:
            raise ConfigError(
                f"{self.table}.psum_bits",
                f"at least {need} to hold every sum of rows·dot = {self.rows * self.dot} products",
                self.psum_bits,
            )
        if self.acc_bits < (need := self.dot_sum.bits + unsigned):
            raise ConfigError(
                f"{self.table}.acc_bits",
                f"at least {need} to hold a sum of dot products",
                self.acc_bits,
            )
        note = " with zero points" if self.zero_points else ""
        fields = [(x, f"{getattr(self, x)}{note}") for x in ("a_format", "b_format")]
        self.check_dsp(self.table, *fields)

    # --- Values and widths ---

    addressing: ClassVar[Addressing] = ByRows()
    banks = 0
    bank_port = False
    moves = ()
    planes = 0
    vector_cycles = 1
    a_either_sign = False

    def check_machine(self) -> None:
        """Refuse what no machine can be built around: :class:`ConfigError`."""
        if self.dot != 1:
            raise ConfigError("array.dot", "1 in a machine", self.dot)

    @property
    def a(self) -> Format:
        """Format of stored activations."""
        return parse(self.a_format)

    @property
    def b(self) -> Format:
        """Format of stored weights."""
        return parse(self.b_format)

    @property
    def number(self) -> Number:
        """What kind of numbers these are."""
        return number_for(self.a, self.b)

    @property
    def term(self) -> Interval:
        """What one product adds to a sum."""
        return self.number.term(self)

    @property
    def a_moving(self) -> Any:
        """An activation on its way through the array: ``shape`` and ``bits``."""
        return self.number.moving(self.a, self.zero_points)

    @property
    def b_moving(self) -> Any:
        """A weight on its way through the array."""
        return self.number.moving(self.b, self.zero_points)

    def wire(self, values: Interval) -> "Shape":
        """Shape of a sum of ``values`` inside the array."""
        return self.number.wire(values)

    @property
    def a_operand(self) -> Interval:
        """Activations as they enter a multiplier."""
        return self.a.operand(self.zero_points)

    @property
    def b_operand(self) -> Interval:
        """Weights as they enter a multiplier."""
        return self.b.operand(self.zero_points)

    def row_psum(self, row: int) -> Interval:
        """WS: partial sum that leaves row ``row``, from 0."""
        return self.term.sum(self.dot * (row + 1))

    @property
    def out_bits(self) -> int:
        """Width of an element of the output stream."""
        bits = self.psum_bits if self.flow == "ws" else self.acc_bits
        return bits + self.number.flags

    @property
    def out_values(self) -> Interval:
        """Values an element of the output queue can have: no wider than sums can get."""
        if self.flow == "ws":
            return self.row_psum(self.rows - 1)
        return Interval(-1 << (self.acc_bits - 1), (1 << (self.acc_bits - 1)) - 1)

    @property
    def max_k(self) -> int:
        """Largest K whose every possible sum fits ``acc_bits`` as a signed number."""
        top, bottom = (1 << (self.acc_bits - 1)) - 1, 1 << (self.acc_bits - 1)
        limits = [top // self.term.hi] if self.term.hi > 0 else []
        if self.term.lo < 0:
            limits.append(bottom // -self.term.lo)
        return min(limits)

    @property
    def macs_per_cycle(self) -> int:
        """Peak."""
        return self.rows * self.cols * self.dot

    @property
    def cells(self) -> int:
        """Products under way side by side."""
        return self.macs_per_cycle

    @property
    def k_per_tile(self) -> int:
        """WS: extent along K of one weight set."""
        return self.rows * self.dot

    # --- Multipliers ---

    @property
    def col_group(self) -> int:
        """Adjacent columns without skew between them, so that they can share a DSP."""
        shared = self.pack_shift is not None or (self.halves and self.dot % 2 == 1)
        return 2 if shared and self.cols > 1 else 1

    @property
    def col_groups(self) -> int:
        """Wavefront steps along a row."""
        return ceil_div(self.cols, self.col_group)

    @property
    def dsps(self) -> int:
        """DSP instances, 0 unless ``multiplier`` is ``dsp``."""
        groups = range(0, self.cols, self.col_group)
        widths = (min(self.col_group, self.cols - first) for first in groups)
        return self.rows * sum(self.dsps_of(width) for width in widths)

    # --- Latencies, in cycles ---

    @property
    def tree_latency(self) -> int:
        """Products, put in their place, to their sum."""
        return self.number.align_latency + super().tree_latency

    @property
    def mux_latency(self) -> int:
        """OS: accumulator to column output, a registered 4:1 multiplexer per level."""
        return ceil_div(ceil_log2(self.rows), 2)

    @property
    def pe_latency(self) -> int:
        """Operands at a PE's input to its psum or accumulator: operand register to sum register."""
        return 1 + self.multiplier_latency + self.tree_latency + 1

    @property
    def wave_latency(self) -> int:
        """Launch of a beat to its row (OS: its tile's first), whole, at the output queue."""
        edge = 2  # the payload follows its handshake, then the operand register
        across = self.col_groups - 1
        if self.flow == "ws":
            return edge + self.pe_latency + (self.rows - 1) + across
        return edge + self.pe_latency + self.mux_latency + across

    QUEUE_LATENCY = 3
    QUEUE_MARGIN = 2
    SLICE_LATENCY = 1

    @property
    def queue_depth(self) -> int:
        """Rows the output queue holds: all that can be in flight at full rate, a power of two."""
        in_flight = self.wave_latency + self.QUEUE_LATENCY + 2
        need = in_flight + 2 * self.rows if self.flow == "os" else in_flight
        return 1 << max(4, ceil_log2(need + self.QUEUE_MARGIN))

    @property
    def credits(self) -> int:
        """Rows that may be in flight or in the output queue."""
        return self.queue_depth - self.QUEUE_MARGIN
