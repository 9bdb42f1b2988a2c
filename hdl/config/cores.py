"""What can compute in a machine: the tables of a TOML file, by name, also from outside the tree.

A core's configuration is a frozen dataclass. Besides its fields it has, as class attributes or
properties: ``table``, its name in TOML; ``hashed``, its name in a configuration's hash; ``fixed``,
fields that it inherits and that TOML does not give; ``addressing``; ``banks``, 0 where B does not
stay; ``bank_port``; ``rows``, ``cols``, ``dot``, ``flow``, ``k_per_tile``, ``cells``,
``macs_per_cycle``, ``target``; ``a``, ``b``, ``acc_bits``, ``out_bits``, ``zero_points``,
``a_either_sign``, ``max_k``; and ``check_machine()``, which refuses what no machine can be built
around.
"""

from typing import Any

__all__ = ["core_types", "register_core", "table_of"]

_CORES: dict[str, type] = {}


def register_core(core: type) -> type:
    """Add ``core``, for its ``table``; usable as a decorator. ``ValueError`` if that is taken."""
    table: str = core.table  # type: ignore[attr-defined]
    if _CORES.get(table, core) is not core:
        raise ValueError(f"{table}: must not be taken, {_CORES[table].__name__} has it")
    _CORES[table] = core
    return core


def core_types() -> dict[str, type]:
    """Those that there are, by their tables."""
    return dict(_CORES)


def table_of(core: Any) -> str | None:
    """The table of a core's configuration; ``None`` if it is of no kind that was registered."""
    found = getattr(type(core), "table", None)
    return found if found is not None and _CORES.get(found) is type(core) else None
