"""What a machine is to software that lays out work for it."""

from dataclasses import dataclass
from typing import Self

from insitu.hdl.config import CompactConfig, Config, MachineConfig, UserError
from insitu.hdl.config.numbers import number_of
from insitu.hdl.formats import FloatFormat, Format

from .descriptor import Descriptor

__all__ = ["Target"]


@dataclass(frozen=True)
class Target:
    """Limits and layouts of a machine, as far as a program depends on them.

    ``bus_bytes``: of a word, of which bases and strides are multiples; ``a_bits``, ``b_bits``: of
    an element, ``a_signed``, ``b_signed``: its sign where ``zero_points`` is false, in which case
    zero points are 0; ``either_sign``: A may have either sign all the same; ``max_k``: largest K;
    ``sum_bits``: of a sum; ``b_transposed_only``: B is stored N × K; ``tile``: rows along K and
    columns of a tile of B; ``banks``: tiles of B that stay, 0 if none do; ``binary32``: descriptors
    may ask for rounding by way of binary32; ``floats``: formats of A and B where these are
    floating-point numbers; ``shell``: what plans and models need, ``None`` of a
    machine without blocks or of one that is not known.
    """

    bus_bytes: int
    a_bits: int
    b_bits: int
    zero_points: bool
    either_sign: bool
    a_signed: bool
    b_signed: bool
    max_k: int
    sum_bits: int
    b_transposed_only: bool = False
    tile: tuple[int, int] = (1, 1)
    banks: int = 0
    binary32: bool = True
    floats: tuple[FloatFormat, FloatFormat] | None = None
    shell: MachineConfig | None = None

    def banks_of(self, job: Descriptor) -> range:
        """Those that the whole of its B takes; beyond the last one if it must stream."""
        rows, cols = self.tile
        tiles = -(-job.k // rows) * -(-job.n // cols)
        return range(job.bank_first, job.bank_first + tiles)

    @classmethod
    def of(cls, config: Config) -> Self:
        """The machine of ``config``, or its compact one; ``UserError`` if it has neither."""
        if config.machine is not None:
            return cls.of_shell(config.machine)
        if config.small is not None:
            return cls._of_compact(config.small)
        raise UserError(f"CONFIG: must have a table [machine] or [compact] for this: {config.name}")

    @classmethod
    def of_shell(cls, shell: MachineConfig) -> Self:
        """The machine of ``shell``."""
        array = shell.array
        return cls(
            bus_bytes=shell.bus_bytes,
            a_bits=array.a.bits,
            b_bits=array.b.bits,
            zero_points=array.zero_points,
            either_sign=array.a_either_sign,
            a_signed=array.a.signed,
            b_signed=array.b.signed,
            max_k=array.max_k,
            sum_bits=array.acc_bits,
            tile=(array.k_per_tile if array.banks else 1, array.cols),
            banks=array.banks,
            binary32=number_of(array).name == "integers",
            floats=_floats(array.a, array.b),
            shell=shell,
        )

    @classmethod
    def _of_compact(cls, compact: CompactConfig) -> Self:
        array = compact.array
        return cls(
            bus_bytes=compact.word_bytes,
            a_bits=8,
            b_bits=8,
            zero_points=False,
            either_sign=True,
            a_signed=True,
            b_signed=True,
            max_k=compact.k_max,
            sum_bits=array.acc_bits,
            b_transposed_only=True,
        )


def _floats(a: Format, b: Format) -> tuple[FloatFormat, FloatFormat] | None:
    """Both formats, if they are of floating-point numbers."""
    return (a, b) if isinstance(a, FloatFormat) and isinstance(b, FloatFormat) else None
