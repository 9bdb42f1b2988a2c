"""What a board says about itself."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Self

from insitu.hdl.config import Config, UserError, config_names, load
from insitu.program import registers as r
from insitu.program.target import Target

__all__ = ["Board", "field_of"]

TARGETS = ("ecp5", "ice40", "generic")


@cache
def _known(config_hash: int) -> Config | None:
    """The configuration that comes with the project and has this hash, for whatever target."""
    for name in config_names():
        for target in TARGETS:
            try:
                config = load(name, target)
            except UserError:  # a family that cannot do it
                continue
            if int(config.hash, 16) == config_hash:
                return config
    return None


def field_of(word: int, field: r.Field) -> int:
    """The value of ``field`` in ``word``."""
    return word >> field.low & (1 << field.bits) - 1


@dataclass(frozen=True)
class Board:
    """What a board says about itself.

    ``memory``: bytes; ``clock_hz``: of the machine; ``rows``, ``cols``, ``dot``: of its array;
    ``word``: bytes of its bus; ``a_bits``, ``b_bits``: of an element; ``max_k``: largest K;
    ``sum_bits``: of a sum; ``n_max``: most columns of a block, 0 if that is not told;
    ``engine``: its number in the register map; ``a_unsigned``, ``b_unsigned``: of an element, where
    zero points are 0 and signs those of the formats; ``either_sign``: A may have either all the
    same; ``b_transposed_only``: B is stored N × K.
    """

    memory: int
    clock_hz: int
    rows: int
    cols: int
    dot: int
    word: int
    a_bits: int
    b_bits: int
    max_k: int
    sum_bits: int
    n_max: int
    engine: int
    zero_points: bool
    either_sign: bool
    a_unsigned: bool
    b_unsigned: bool
    short_counters: bool
    binary32: bool
    a_transposed: bool
    b_transposed: bool
    b_transposed_only: bool
    config_hash: int

    @classmethod
    def read(cls, register: Callable[[int], int], memory: int, clock_hz: int) -> Self:
        """Of registers; ``register`` reads one."""
        can, geometry = register(r.CAPABILITIES), register(r.GEOMETRY)
        profile = register(r.PROFILE)
        if field_of(profile, r.PROFILE_A_FORMAT) or field_of(profile, r.PROFILE_B_FORMAT):
            raise UserError("board: must have integer formats for this driver, not floating point")
        return cls(
            memory=memory,
            clock_hz=clock_hz,
            rows=field_of(geometry, r.GEOMETRY_ROWS),
            cols=field_of(geometry, r.GEOMETRY_COLS),
            dot=field_of(geometry, r.GEOMETRY_DOT),
            word=1 << field_of(can, r.CAPABILITIES_WORD_LOG2),
            a_bits=field_of(can, r.CAPABILITIES_A_BITS),
            b_bits=field_of(can, r.CAPABILITIES_B_BITS),
            max_k=register(r.MAX_K),
            sum_bits=field_of(register(r.SUMS), r.SUMS_BITS) or 32,  # 0: of before it was told
            n_max=register(r.N_MAX),
            engine=field_of(can, r.CAPABILITIES_ENGINE),
            zero_points=bool(field_of(can, r.CAPABILITIES_ZERO_POINTS)),
            either_sign=bool(field_of(can, r.CAPABILITIES_A_EITHER_SIGN)),
            short_counters=bool(field_of(can, r.CAPABILITIES_SHORT_COUNTERS)),
            binary32=bool(field_of(can, r.CAPABILITIES_BINARY32)),
            a_unsigned=bool(field_of(profile, r.PROFILE_A_UNSIGNED)),
            b_unsigned=bool(field_of(profile, r.PROFILE_B_UNSIGNED)),
            a_transposed=bool(field_of(can, r.CAPABILITIES_A_TRANSPOSED)),
            b_transposed=bool(field_of(can, r.CAPABILITIES_B_TRANSPOSED)),
            b_transposed_only=bool(field_of(profile, r.PROFILE_B_TRANSPOSED_ONLY)),
            config_hash=register(r.CONFIG_HASH),
        )

    def target(self, config: Config | None = None) -> Target:
        """What programs are made for.

        ``config``: of its machine; left out it is looked for among those that come with the
        project. Without one there are no plans and no banks. ``HostError`` if it is not that of
        this machine.
        """
        if config is None:
            config = _known(self.config_hash)
        elif int(config.hash, 16) != self.config_hash:
            rule = f"that of the board, {self.config_hash:08x}"
            raise UserError(f"config: must be {rule}, not {config.name} ({config.hash})")
        if config is not None:
            return Target.of(config)
        return Target(
            bus_bytes=self.word,
            a_bits=self.a_bits,
            b_bits=self.b_bits,
            zero_points=self.zero_points,
            either_sign=self.either_sign,
            a_signed=not self.a_unsigned,
            b_signed=not self.b_unsigned,
            max_k=self.max_k,
            sum_bits=self.sum_bits,
            b_transposed_only=self.b_transposed_only,
            tile=(1, self.cols),
            binary32=self.binary32,
        )
