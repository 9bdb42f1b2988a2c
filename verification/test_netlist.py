"""The array after synthesis passes the tests of the array before it; mutants of it do not."""

import json
from dataclasses import asdict

import pytest

from hdl.array import SystolicArray
from hdl.config import ArrayConfig
from hdl.export import to_rtlil
from synth.devices import device

from . import netlists, simulators
from .designs import Bundle

NETLISTS = {
    "ecp5-85f": [
        ArrayConfig(rows=2, cols=2, target="ecp5", multiplier="dsp"),
        ArrayConfig(flow="os", rows=3, cols=2, dot=2, target="ecp5", multiplier="dsp"),
        ArrayConfig(rows=2, cols=3, b_format="int4", target="ecp5", multiplier="dsp"),
    ],
    "up5k": [
        ArrayConfig(
            flow="os", rows=2, cols=1, dot=2, zero_points=False, target="ice40", multiplier="dsp"
        ),
        ArrayConfig(rows=2, cols=2, target="ice40", multiplier="dsp"),
    ],
    "hx8k": [ArrayConfig(rows=2, cols=2, a_format="int4", target="ice40", multiplier="lut")],
}

MUTANTS = 100
# Arrays small enough to simulate a hundred times, with every kind of block in them.
MUTATED = {
    flow: ArrayConfig(
        flow=flow,
        rows=3,
        cols=2,
        dot=2,
        a_format="int4",
        b_format="int4",
        psum_bits=14,
        acc_bits=14,
    )
    for flow in ("ws", "os")
}


def run(text: str, arrays: list[ArrayConfig], path, **env: str) -> None:
    build = simulators.build("verilator", "arrays", text, fast=False)
    fields = json.dumps([asdict(array) for array in arrays])
    bench = "verification.tb_array,verification.tb_array_full"
    simulators.run(build, bench, cwd=path, env={"INSITU_ARRAYS": fields, **env})


@pytest.mark.parametrize("part", list(NETLISTS))
def test_netlist(part, tmp_path):
    run(netlists.netlist(NETLISTS[part], device(part)), NETLISTS[part], tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("flow", list(MUTATED))
def test_mutants_are_killed(flow, tmp_path):
    """At least 95 of 100 seeded mutants fail a test; ``build/mutants`` names those that do not."""
    config = MUTATED[flow]
    design = to_rtlil(Bundle([SystolicArray(config)]), "arrays")
    text, mutations = netlists.mutated(design, "arrays", MUTANTS, seed=1)
    assert len(mutations) == MUTANTS
    run(text, [config], tmp_path / "none", INSITU_MUTANT="0")
    survivors = []
    for n, mutation in enumerate(mutations, 1):
        try:
            run(text, [config], tmp_path / str(n), INSITU_MUTANT=str(n))
        except simulators.SimulationError:
            continue
        survivors.append(f"{n}: {mutation}")
    path = simulators.ROOT / "build" / "mutants" / f"{flow}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in survivors))
    assert len(survivors) <= MUTANTS * 5 // 100, survivors
