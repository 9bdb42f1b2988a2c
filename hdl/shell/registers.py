"""The register map, read from ``registers.rdl``: the one description of every register."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from systemrdl import RDLCompiler
from systemrdl.node import AddrmapNode, RegNode

__all__ = ["Field", "Register", "registers", "tree"]

SOURCE = Path(__file__).with_name("registers.rdl")


@dataclass(frozen=True)
class Field:
    """Bits ``low`` to ``high`` of a register.

    ``fixed`` if the source gives no value after reset: the configuration does, or nobody reads it.
    """

    name: str
    low: int
    high: int
    reset: int
    fixed: bool
    readable: bool
    writable: bool
    clears: bool
    desc: str

    @property
    def bits(self) -> int:
        return self.high - self.low + 1


@dataclass(frozen=True)
class Register:
    """One 32-bit word, or ``count`` of them in a row, at byte ``address``."""

    name: str
    address: int
    count: int
    title: str
    fields: tuple[Field, ...]

    def __getitem__(self, name: str) -> Field:
        """Field ``name``; ``KeyError`` if there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(f"{self.name} has no field {name!r}")


@cache
def tree() -> AddrmapNode:
    """The elaborated address map, for generators of SystemRDL."""
    compiler = RDLCompiler()
    compiler.compile_file(str(SOURCE))
    return compiler.elaborate().top


def _register(node: RegNode) -> Register:
    fields = tuple(
        Field(
            name=f.inst_name,
            low=f.low,
            high=f.high,
            reset=int(f.get_property("reset") or 0),  # type: ignore[arg-type]
            fixed=f.get_property("reset") is None,
            readable=f.is_sw_readable,
            writable=f.is_sw_writable,
            clears=f.get_property("onwrite") is not None,
            desc=f.get_property("desc") or "",
        )
        for f in node.fields()
    )
    path = node.get_path(hier_separator="_", array_suffix="", empty_array_suffix="")
    path = path.removeprefix("insitu_")
    count = node.n_elements if node.is_array else 1
    return Register(path, node.raw_absolute_address, count, node.get_property("name"), fields)


@cache
def registers() -> dict[str, Register]:
    """All registers by name, those of the descriptor window as ``descriptor_<name>``."""
    found = [
        _register(node) for node in tree().descendants(unroll=False) if isinstance(node, RegNode)
    ]
    return {register.name: register for register in found}
