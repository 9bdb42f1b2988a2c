"""Maps units with Yosys for the power back ends, each result cached by what it depends on."""

import gzip
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from insitu.hdl.config import UserError
from insitu.hdl.export import yosys
from insitu.hdl.support.files import BUILD, contents, digest, kept

from ..tools import ToolError
from .liberty import Library

__all__ = ["CACHE", "UNUSED", "cached", "to_liberty", "try_out"]

CACHE = BUILD / "cache" / "power"
# Cells that no placed design would have where Yosys puts them: isolation cells of sky130 as gates,
# and the largest flip-flop of ASAP7 as the only one that does not invert.
UNUSED = ("sky130_fd_sc_hd__lpflow_*", "DFFHQx4_ASAP7_75t_*")
_TRIAL = """
module top(input clk, input [2:0] a, output reg q);
    always @(posedge clk) q <= a[0] ^ (a[1] | a[2]);
endmodule
"""
_CELL = re.compile(r"^  cell (\\\S+) \S+", re.MULTILINE)
_MODULE = re.compile(r"^module ", re.MULTILINE)
_INIT = re.compile(r"^  attribute \\init .*\n", re.MULTILINE)


def _whole(text: str) -> list[str]:
    """Modules of RTLIL ``text`` that stay blocks: those just inside the unit, whose energy is told
    apart, and those with several instances, which are mapped once."""
    found: Counter[str] = Counter()
    inside: dict[str, list[str]] = {}
    for module in _MODULE.split(text)[1:]:
        name, body = module.split("\n", 1)
        inside[name] = [cell for cell in _CELL.findall(body) if cell.startswith("\\")]
        found.update(inside[name])
    (core,) = inside["\\top"]
    several = {name for name, count in found.items() if count > 1}
    return sorted(several.union(inside[core]))


def cached(name: str, key: str, files: dict[str, str], script: str) -> Path:
    """net.json that ``script`` leaves beside ``files``; run once per ``key``."""

    def make(scratch: Path) -> None:
        for file, text in files.items():
            (scratch / file).write_text(text, encoding="utf-8")
        yosys.run(f"{script}write_json net.json\n", cwd=scratch)
        if not (scratch / "net.json").is_file():
            raise ToolError(f"yosys: left no netlist (log: {scratch / 'yosys.log'})")

    return kept(CACHE / f"{name}-{digest(key, yosys.version())}", make) / "net.json"


def _plain(path: Path) -> str:
    """A Liberty file as Yosys reads it, plain, by a name without a blank: from a folder of the
    cache."""

    def make(scratch: Path) -> None:
        raw = path.read_bytes()
        plain = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
        (scratch / "plain.lib").write_bytes(plain)

    (found,) = contents([path])
    return f"../{kept(CACHE / f'liberty-{found}', make).name}/plain.lib"


def _functions(library: Library, names: Iterable[str]) -> set[str]:
    """Functions of the gates among some cells."""
    gates = [cell for name in names if not (cell := library.cell(name)).is_flop]
    return {pin.function for cell in gates for pin in cell.of(inputs=False)}


def _mapping(library: Library, unused: Sequence[str]) -> str:
    """What maps registers and gates to a library. ``unused`` are cells, by pattern."""
    # ABC passes over the file that it reads first if that has fewer than three kinds of gates.
    files = sorted(library.files, key=lambda file: -len(_functions(library, file.cells)))
    libraries = " ".join(f"-liberty {_plain(file.path)}" for file in files)
    avoid = " ".join(f"-dont_use {pattern}" for pattern in unused)
    return f"dfflibmap {libraries} {avoid}\nabc {libraries} {avoid}\nopt_clean -purge\n"


def try_out(library: Library, unused: Sequence[str]) -> None:
    """Map a gate and a register: ``UserError`` if Yosys or ABC cannot read what we can."""
    script = f"read_verilog in.v\nproc\ntechmap\n{_mapping(library, unused)}"
    try:
        cached("trial", digest(_TRIAL, script), {"in.v": _TRIAL}, script)
    except UserError as error:
        names = ", ".join(file.path.name for file in library.files)
        raise UserError(f"LIBERTY: {names}: must be what Yosys can map to; {error}") from None


def to_liberty(text: str, name: str, library: Library, unused: Sequence[str] = ()) -> Path:
    """Netlist of RTLIL ``text``, whose top is ``top``, in cells of a library.

    Memories stay memories, read without a clock; registers in front of them become cells. Registers
    have no initial values, as on a chip. ``unused`` are cells, by pattern, that are not to be used.
    """
    text = _INIT.sub("", text)
    keep = "".join(f"setattr -mod -set keep_hierarchy 1 {module}\n" for module in _whole(text))
    script = (
        f"read_rtlil in.il\nhierarchy -top top\n{keep}proc\nflatten\nopt_expr\nopt_clean\n"
        "opt\nwreduce\npeepopt\nopt_clean\nalumacc\nshare\nopt\nmemory -nomap\nopt_clean\n"
        "memory_nordff\nopt -fast -full\ntechmap\nopt -fast\n"
        f"{_mapping(library, unused)}setattr -unset src\n"
    )
    return cached(name, digest(text, script), {"in.il": text}, script)
