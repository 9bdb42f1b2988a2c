"""What a kind of number decides of a machine: what is multiplied, added, stored and told."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from ...formats import Format, Interval

if TYPE_CHECKING:
    from amaranth.hdl import Shape

__all__ = ["Number"]


class Number(ABC):
    """Numbers of one kind, and how they are summed up.

    Methods take the core's configuration that they are about. Hardware for each is in
    ``hdl/arith/numbers`` and ``hdl/shell/finishing``, software in ``sim_models/numbers``, by
    ``name``.

    Attributes
    ----------
    name : str
    flags : int
        Bits below a sum that tell what it has met beside numbers: a bit is set if it is in one of
        the terms.
    format_bits : int
        Bits of a result's format.
    job_flags : tuple of str
        Flags of a descriptor that only such machines have.
    align_latency : int
        Cycles from the product of two operands to a term.
    addend_bits : int
        Bits beside a sum in its buffer that keep D until all products are added up.
    most_sum_bits : int
        Of ``acc_bits`` in a machine.
    results : int
        That are being finished, or wait to be packed.
    minor : int
        Version of the register map whose fields such machines have.
    """

    name: str
    flags = 0
    format_bits = 2
    job_flags: tuple[str, ...] = ()
    align_latency = 0
    addend_bits = 0
    most_sum_bits: int
    results: int
    minor: int

    @abstractmethod
    def check(self, core: Any) -> None:
        """Raise :class:`~insitu.hdl.config.ConfigError` for what no array can be built with."""

    @abstractmethod
    def term(self, core: Any) -> Interval:
        """What one product adds to a sum."""

    @abstractmethod
    def moving(self, fmt: Format, zero_points: bool) -> Any:
        """An element of ``fmt`` on its way through the array: its ``shape`` and ``bits``."""

    @abstractmethod
    def finishing(self, core: Any) -> tuple[int, int]:
        """Cycles from a sum out of its buffer to a result of 32 bits, and to others."""

    def wire(self, values: Interval) -> "Shape":
        """Shape of a sum of ``values``, with its flags in the low bits."""
        if not self.flags:
            return values.shape
        from amaranth.hdl import signed  # late: software reads configurations without Amaranth

        return signed(values.bits + self.flags)

    def stored_bits(self, core: Any) -> int:
        """Bits of a sum in its buffer."""
        return int(core.acc_bits) + self.flags + self.addend_bits
