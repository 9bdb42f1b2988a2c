"""Designs after synthesis, and designs with mutations, as Verilog that the same tests run on."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from hdl import yosys
from hdl.array import SystolicArray
from hdl.config import ArrayConfig
from hdl.export import to_rtlil
from synth.devices import Device
from synth.flow import PREPARE

from .designs import Bundle

__all__ = ["mutated", "netlist"]

# The DSP and the block RAM of ECP5 stay instances: Yosys has no model of them, ours is used.
_MODELS = {
    "ecp5": "+/lattice/common_sim.vh +/lattice/ccu2c_sim.vh",
    "ice40": "+/ice40/cells_sim.v",
}


def netlist(configs: Sequence[ArrayConfig], part: Device) -> str:
    """Module ``arrays`` mapped as :mod:`synth.flow` does, its cells replaced by Yosys's models."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch)
        bundle = Bundle([SystolicArray(config) for config in configs])
        (path / "in.il").write_text(to_rtlil(bundle, "arrays"))
        yosys.run(
            f"read_rtlil in.il\n{PREPARE}{part.synth} -top arrays\nselect arrays\n"
            "write_verilog -noattr -selected net.v\n",
            cwd=path,
        )
        script = f"read_verilog net.v\nread_verilog {_MODELS[part.family]}\nhierarchy -top arrays\n"
        script += "proc\nflatten\nopt_expr -full\nopt_clean -purge\n"
        script += "write_verilog -noattr -norename out.v\n"
        yosys.run(script, cwd=path)
        return (path / "out.v").read_text()


def mutated(config: ArrayConfig, count: int, seed: int) -> tuple[str, list[str]]:
    """Module ``arrays`` with ``count`` mutations, number n active where input ``mutsel`` is n.

    Returns the Verilog and a description of each mutation; 0 selects none.
    """
    prepare = "read_rtlil in.il\nprep -flatten -top arrays\nopt_clean -purge\n"
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch)
        (path / "in.il").write_text(to_rtlil(Bundle([SystolicArray(config)]), "arrays"))
        yosys.run(f"{prepare}mutate -list {count} -seed {seed} -o list.ys\n", cwd=path)
        lines = [x for x in (path / "list.ys").read_text().splitlines() if x.startswith("mutate")]
        applied = [f"{line} -ctrl mutsel 16 {n}" for n, line in enumerate(lines, 1)]
        script = (
            prepare + "\n".join(applied) + "\nopt_clean\nwrite_verilog -noattr -norename out.v\n"
        )
        yosys.run(script, cwd=path)
        return (path / "out.v").read_text(), [line.removeprefix("mutate ") for line in lines]
