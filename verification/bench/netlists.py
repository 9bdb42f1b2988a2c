"""Designs after synthesis, and designs with mutations, as Verilog that the same tests run on."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from insitu.hdl.export import yosys
from insitu.hdl.support.tools import scratch_folder
from insitu.synth.devices import Device
from insitu.synth.flow import prepare

__all__ = ["mutated", "netlist"]

# The DSP and the block RAM of ECP5 stay instances: Yosys has no model of them, ours is used. So
# does the single-port RAM of iCE40, as Yosys takes minutes over its model.
_MODELS = {
    "ecp5": "+/lattice/common_sim.vh +/lattice/ccu2c_sim.vh",
    "ice40": "+/ice40/cells_sim.v",
}

_PORT = re.compile(r"^  (input|output) (\[\d+:\d+\] )?(\\?[\w.$]+) *;$", re.MULTILINE)


def netlist(text: str, top: str, part: Device, unit: str) -> str:
    """RTLIL ``text`` mapped as unit ``unit`` of the flow, its cells by Yosys's models."""
    with scratch_folder() as path:
        (path / "in.il").write_text(text, encoding="utf-8")
        yosys.run(
            f"read_rtlil in.il\n{prepare(unit)}{part.synth} -top {top}\nselect {top}\n"
            "write_verilog -noattr -selected net.v\n",
            cwd=path,
        )
        script = f"read_verilog net.v\nread_verilog {_MODELS[part.family]}\n"
        if part.family == "ice40":
            script += "delete SB_SPRAM256KA\n"
        script += f"hierarchy -top {top}\n"
        script += "proc\nflatten\nopt_expr -full\nopt_clean -purge\n"
        script += f"rename {top} {top}_gates\nwrite_verilog -noattr -norename out.v\n"
        yosys.run(script, cwd=path)
        text = (path / "out.v").read_text(encoding="utf-8")
    return text + _shell(text, top)


def _shell(text: str, top: str) -> str:
    """Module ``top`` with the ports of ``top``_gates in ``text``, and nothing else.

    Simulators keep every signal of the top: in a flat netlist that is all of them.
    """
    body = text[text.index(f"\nmodule {top}_gates(") :]
    ports = _PORT.findall(body[: body.index("\nendmodule")])
    heads = ", ".join(f"{way} {bits}{name}" for way, bits, name in ports)
    inside = ", ".join(f".{name}({name})" for _, _, name in ports)
    return f"\nmodule {top} ({heads});\n    {top}_gates gates ({inside});\nendmodule\n"


def _prepare(top: str, whole: Sequence[str]) -> str:
    """Reads in.il and flattens ``top``, but for modules ``whole``.

    With those, registers of the rest take their resets: as multiplexers these have constants,
    which mutate into themselves.
    """
    keep = "".join(f"setattr -mod -set keep_hierarchy 1 {name}\n" for name in whole)
    resets = "opt_dff\n" if whole else ""
    return f"read_rtlil in.il\n{keep}prep -flatten -top {top}\n{resets}opt_clean -purge\n"


def mutated(
    text: str, top: str, count: int, seed: int, *, whole: Sequence[str] = (), within: str = ""
) -> tuple[str, list[str]]:
    """RTLIL ``text`` with ``count`` mutations, number n active where ``top``'s ``mutsel`` is n.

    Returns the Verilog and a description of each mutation; 0 selects none. Modules ``whole`` are
    left as they are, with all that is in them. Instance ``within``, such as ``core.engine``, has
    all of them if it is given.
    """
    prepare = _prepare(top, whole)
    with scratch_folder() as path:
        (path / "in.il").write_text(text, encoding="utf-8")
        pick = f"select {top}\n"
        if within:
            # Cells are named after it, but for registers that were made for their resets.
            names = within.replace(".", ".\\")
            pick = f"select {top}/w:{within}.* %ci1:+[Q] {top}/c:*{names}.* %u {top}/t:* %i\n"
        pick += f"mutate -list {count} -seed {seed} -o list.ys\n"
        yosys.run(prepare + pick, cwd=path)
        lines = [
            x
            for x in (path / "list.ys").read_text(encoding="utf-8").splitlines()
            if x.startswith("mutate")
        ]
        applied = [f"{line} -ctrl mutsel 16 {n}" for n, line in enumerate(lines, 1)]
        script = (
            prepare + "\n".join(applied) + "\nopt_clean\nwrite_verilog -noattr -norename out.v\n"
        )
        yosys.run(script, cwd=path)
        return (path / "out.v").read_text(encoding="utf-8"), [
            line.removeprefix("mutate ") for line in lines
        ]


# A register whose output is changed has another name, but its value at the beginning stays with the
# old one, which Yosys would refuse where constants come of it. So it goes.
_HELD = (
    "splitnets -driver\nselect -set held t:*ff* %co1:+[Q] w:* %i\n"
    "setattr -unset init w:* @held %d\n"
)
# What keeps a bit of a word apart from the others: then what nothing reads goes, and registers that
# always are what their reset is.
_BITS = "opt_expr\nsplitcells\nopt -fast -purge\nopt_clean -purge\n"
_ARITHMETIC = "t:$add t:$sub t:$neg t:$alu t:$lcu %u %u %u %u"
_STORAGE = "t:*ff* t:$mem* t:$dlatch* %u %u"
# Buffers of thousands of words would become as many registers.
_SMALL = "t:$mem* r:SIZE<=256 %i"


def has_effect(text: str, top: str, mutation: str, *, whole: Sequence[str] = ()) -> bool:
    """Whether anything reads what ``mutation`` of :func:`mutated` changes, and may see a change.

    False only if one of these shows that nothing does: no output depends on it, bit by bit; the
    same with small memories and carries taken apart; the cells around it give the same with it
    whatever their inputs are, by SAT; the block it is in gives the same from a reset on whatever
    its inputs are, by ABC.
    """
    with scratch_folder() as path:
        (path / "in.il").write_text(text, encoding="utf-8")
        change = f"mutate {mutation} -ctrl mutsel 16 1\n"
        yosys.run(f"{_prepare(top, whole)}{change}write_rtlil mutated.il\n", cwd=path)
        return (
            _is_read(path, top, "")
            and not _is_masked(path, top)
            and _is_read(path, top, f"memory_map {_SMALL}\ntechmap {_ARITHMETIC}\n")
            and not _is_alike(path, top, mutation)
        )


# Cells of selection `near` as modules, `without` and `with` the mutation; an error where they do
# not read what selects it.
_TWICE = """submod -name near @near
cd
copy near with
rename near without
cd without
delete -input w:mutsel
connect -set mutsel 16'd0
cd with
delete -input w:mutsel
connect -set mutsel 16'd1
cd
"""


def _is_read(path: Path, top: str, apart: str) -> bool:
    """Whether the mutation in ``path`` stays when all goes that is not read."""
    script = f"read_rtlil mutated.il\nselect {top}\n{_HELD}{_BITS}{apart}{_BITS if apart else ''}"
    yosys.run(f"{script}write_rtlil -selected out.il\n", cwd=path)
    return (
        re.search(r"connect .*\\mutsel", (path / "out.il").read_text(encoding="utf-8")) is not None
    )


def _is_masked(path: Path, top: str) -> bool:
    """Whether cells around the mutation, up to registers, give the same with and without it."""
    said = yosys.run(
        # A wire has one driver: what is driven inside is compared.
        f"read_rtlil mutated.il\ncd {top}\nopt_expr\nsplitnets -ports -driver\n"
        # Three cells on from the choice, then those that these read, and three back from there.
        f"select -set storage {_STORAGE}\n"
        "select -set from w:mutsel %co2 %co2 %co4 %co4 %co4 t:$* %i @storage %d\n"
        "select -set read @from %ci2 t:$* %i @storage %d\n"
        "select -set behind @read %ci2 t:$* %i @storage %d\n"
        "select -set near @behind %ci2 t:$* %i @storage %d\n"
        f"{_TWICE}"
        # What does not matter without it may be anything with it, but not the other way round.
        "miter -equiv -flatten -ignore_gold_x without with miter\n"
        "sat -enable_undef -set-def-inputs -prove trigger 0 -timeout 60 miter\n",
        cwd=path,
    )
    return "no model found: SUCCESS" in said and ": inout " not in said


def _is_alike(path: Path, top: str, mutation: str) -> bool:
    """Whether the block with the mutation, registers and all, always does the same as without.

    All registers are zero before a first reset; others may come at any time. Memories, and modules
    that are whole, are outside.
    """
    cell = re.search(r"-cell \$flatten(\S+)\.\$", mutation)
    wire = re.search(r"-wire (\S+)\.[^.]+", mutation)
    if found := cell or wire:
        block = found[1].replace("\\", "")
    else:
        return False
    yosys.run(
        f"read_rtlil mutated.il\ncd {top}\nopt_expr\nsplitcells\nopt_clean -purge\n"
        "splitnets -ports -driver\n"
        # What drives the block's wires, and two cells back what has no name.
        f"select -set own w:{block}.* w:$flatten*{'*'.join(block.split('.'))}.* %u\n"
        "select -set drivers @own %ci1 t:* %i\n"
        "select -set behind @drivers %ci3 w:$auto* %i %ci1 t:* %i\n"
        "select -set further @behind %ci3 w:$auto* %i %ci1 t:* %i\n"
        "select -set chosen w:mutsel %co2 %co2 %co2 t:$* %i\n"
        "select -set near @drivers @behind @further @chosen %u %u %u t:$* %i t:$mem* %d\n"
        f"{_TWICE}"
        "miter -equiv -flatten without with miter\nselect miter\n"
        "write_rtlil -selected miter.il\n",
        cwd=path,
    )
    heads, pins = ["input clk", "output bad"], [".trigger(differs)"]
    ports = re.findall(
        r"^  wire (?:width (\d+) )?input \d+ \\(\S+)$",
        (path / "miter.il").read_text(encoding="utf-8"),
        re.M,
    )
    for n, (width, name) in enumerate(ports):
        if name != "in_clk":
            heads.append(f"input [{int(width or 1) - 1}:0] i{n}")
        given = {"in_clk": "clk", "in_rst": f"first | i{n}"}.get(name, f"i{n}")
        pins.append(f".\\{name} ({given})")
    (path / "proof.v").write_text(
        f"module proof({', '.join(heads)});\n"
        "reg first = 1;\nalways @(posedge clk) first <= 0;\n"
        f"wire differs;\nmiter both({', '.join(pins)});\n"
        "assign bad = differs & ~first;\nendmodule\n",
        encoding="utf-8",
    )
    yosys.run(
        "read_rtlil miter.il\nread_verilog proof.v\nhierarchy -top proof\nproc\nflatten\n"
        "opt -fast\ntechmap\ndffunmap\nopt_clean\nsetundef -zero -undriven -init\naigmap\n"
        "opt_clean -purge\nwrite_aiger -zinit proof.aig\n",
        cwd=path,
    )
    # Where signals that are always equal are made one, nothing is left of what tells them apart.
    command = "read_aiger proof.aig; scorr; write_aiger left.aig"
    subprocess.run(
        [yosys.abc(), "-c", command], cwd=path, capture_output=True, check=True, timeout=120
    )
    # Its outputs are lines behind those of the latches; 0 is the constant.
    head, *lines = (path / "left.aig").read_bytes().split(b"\n")
    latches = int(head.split()[3])
    return lines[latches] == b"0"
