"""Random machines at and beyond the limits of every field of a configuration."""

import random
from dataclasses import MISSING, fields
from typing import Any

from insitu.hdl.config import (
    ArrayConfig,
    CimConfig,
    CompactConfig,
    Config,
    InbankConfig,
    MachineConfig,
    MeshConfig,
    SimdConfig,
)

__all__ = ["KINDS", "draw_config"]

SMALL: dict[str, tuple[type, dict[str, Any]]] = {
    "ws": (ArrayConfig, {"flow": "ws", "rows": 2, "cols": 2, "psum_bits": 36}),
    "os": (ArrayConfig, {"flow": "os", "rows": 2, "cols": 2}),
    "cim": (CimConfig, {"rows": 4, "cols": 2, "banks": 3}),
    "mesh": (MeshConfig, {"rows": 2, "cols": 2, "tile_rows": 1, "tile_cols": 1, "banks": 3}),
    "inbank": (InbankConfig, {"rows": 2, "cols": 2, "banks": 3}),
    "simd": (SimdConfig, {"cols": 2, "rm": 2, "rn": 2}),
    "compact": (ArrayConfig, {"flow": "os", "rows": 2, "cols": 1, "dot": 8, "zero_points": False}),
}
"""By kind: the class of what computes, and a small one of them."""
KINDS = list(SMALL)
FIXED = {
    ArrayConfig: ("flow", "dot", "multiplier"),
    SimdConfig: ("flow", "rows", "dot", "psum_bits", "multiplier"),
    CimConfig: ("adc_bits", "adc_rows", "adc_clip", "act_bits"),
    MeshConfig: ("act_bits", "tile_rows", "tile_cols", "multiplier"),
    InbankConfig: ("act_bits", "multiplier"),
    CompactConfig: ("array", "counters"),
}
"""Fields with one value, or few, that a machine takes: changed in every second configuration."""
NOTHING = (None, "8", 2.0, True, -1, [8])
"""Values of the wrong type or far out of every range."""


def _value(f: Any, rng: random.Random, beyond: bool) -> Any:
    """Of field ``f``: an end of its range, anything within, and if ``beyond`` a step further."""
    if beyond and rng.random() < 0.1:
        return rng.choice(NOTHING)
    if "choices" in f.metadata:
        return rng.choice((*f.metadata["choices"], *beyond * ("other",)))
    if "range" not in f.metadata:
        return rng.random() < 0.5
    lo, hi = f.metadata["range"]
    inside = round(lo + (hi - lo) * rng.random() ** 4)
    power = max(lo, min(hi, 1 << rng.randrange(hi.bit_length())))
    return rng.choice((lo, hi, inside, inside, power, *beyond * (lo - 1, lo + 1, hi - 1, hi + 1)))


def _changed(kind: type, given: dict[str, Any], rng: random.Random, beyond: bool) -> dict[str, Any]:
    """``given`` with up to three fields of ``kind`` changed."""
    drawn = [
        f
        for f in fields(kind)
        if ("range" in f.metadata or f.default is not MISSING)
        and (beyond or f.name not in FIXED.get(kind, ()))
    ]
    chosen = rng.sample(drawn, rng.randint(0, 3))
    return given | {f.name: _value(f, rng, beyond) for f in chosen}


def _shell(core: Any, rng: random.Random, beyond: bool) -> dict[str, Any]:
    """Fields of a machine around ``core``; those that depend on it mostly agree with it."""
    given = {name: 1 << rng.randint(10, 16) for name in ("a_words", "b_words")}
    given["c_words"] = 1 << rng.randint(10, 13)
    given = _changed(MachineConfig, given, rng, beyond)
    if beyond and rng.random() < 0.3:
        return given
    given["n_max"] = core.cols * rng.choice((16, 64, max(1, (1 << 12) // core.cols)))
    if isinstance(core, SimdConfig):
        given |= {"n_max": core.tile_cols, "b_words": given["a_words"]}
    if given.get("lanes", 1) not in (1, 2, 4) or isinstance(core, SimdConfig):
        given["lanes"] = 1
    given["bus_bits"] = rng.choice((32, 64, 64, 128))
    return given


def draw_config(kind: str, rng: random.Random) -> Config:
    """A machine of ``kind``, of :data:`KINDS`; raises :class:`ConfigError` if it is refused.

    Every second one has values beyond their limits, or that do not go together.
    """
    core_type, given = SMALL[kind]
    beyond = rng.random() < 0.5
    if kind == "compact":
        return _compact(given, rng, beyond)
    core = core_type(**_changed(core_type, given, rng, beyond))
    machine = MachineConfig(core, **_shell(core, rng, beyond))
    return Config(f"random-{kind}", core, machine)


def _compact(given: dict[str, Any], rng: random.Random, beyond: bool) -> Config:
    """A compact machine; much of its array is fixed."""
    given = given | {"rows": rng.randint(1, 4)}
    fields: dict[str, Any] = {"memory": 1 << rng.randint(10, 17), "k_max": 1 << rng.randint(4, 11)}
    fields["step"] = rng.choice((1, 2, 3, 4, 6, 8))
    if beyond:
        given = _changed(ArrayConfig, given, rng, beyond)
        fields = _changed(CompactConfig, fields, rng, beyond)
    array = ArrayConfig(**given)
    return Config("random-compact", array, small=CompactConfig(array, **fields))
