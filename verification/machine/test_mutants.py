"""Mutants of the core around the array do not pass the machine's tests."""

import random
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from insitu.hdl.config import CONFIG_DIR, Config, load
from insitu.hdl.export import Flat, to_rtlil
from insitu.hdl.machines import machine
from insitu.hdl.support.files import write_whole
from insitu.hdl.support.imports import sources
from insitu.verification import simulators
from insitu.verification.bench import netlists
from insitu.verification.bench.draws import draw_all, draw_largest, draw_thrice, random_sizes
from insitu.verification.bench.machine_run import MachineRunner
from insitu.verification.bench.passed import Record
from insitu.verification.bench.stalls import monitored
from insitu.verification.bench.workload import Work

MUTANTS = 50
# With buffers so large that no bit of a block's size or of an address in them is there for nothing.
ROOMY = {"a_words": 4096, "b_words": 4096, "c_words": 8192, "n_max": 4096}
CONFIGS: dict[str, dict[str, int]] = {
    "ws-tiny": ROOMY,
    "os-tiny": ROOMY,
    "cim-tiny": ROOMY,
    "simd-tiny": {},
    "mesh-tiny": ROOMY,
    "inbank-tiny": ROOMY | {"n_max": 4080},  # of 6 columns
}
# Mutants of these are of the engine; those above are of the shell as well.
ENGINES = ("simd-tiny", "mesh-tiny", "inbank-tiny")
# Simulated milliseconds a test may take: twice as many as the longest without a mutation, or more.
LIMIT_MS = {name: 7 if name == "simd-tiny" else 3 for name in CONFIGS}
LONG = ("descriptors", "spans", "spans_beyond", "spans_by_bits", "stops")
SHELL = ("tb_machine", "tb_machine_space", "tb_machine_stops", "tb_machine_counters")
# Runs of the simulator: cocotb modules; of their tests these alone; all but these. Every test is in
# one of them, quick ones first. Machines with banks, with a port, have the last two as well.
STALLED: dict[str, tuple[Sequence[str], Sequence[str], Sequence[str]]] = {
    "errors": (SHELL, (), LONG),
    "stalls": (SHELL, LONG, ()),
    "banks": (("tb_machine_banks",), (), ()),
    "port": (("tb_machine_port",), (), ()),
}


def _runs(config: Config) -> list[str]:
    """Those of ``STALLED`` that ``config`` has."""
    has = {"banks": config.shell.array.banks, "port": config.shell.array.bank_port}
    return [name for name in STALLED if has.get(name, True)]


def _modules(run: str) -> list[str]:
    return [f"insitu.verification.machine.{bench}" for bench in STALLED[run][0]]


class Suite:
    """The machine's tests, quick ones first, on a design with mutations.

    Parameters
    ----------
    config : Config
    text : str
        Of :func:`~insitu.verification.bench.netlists.mutated`.
    folder : Path
        It has the configuration's file.
    """

    def __init__(self, config: Config, text: str, folder) -> None:
        self._config, self._folder = folder / f"{config.name}.toml", folder
        self._stalls = _runs(config)
        rng = random.Random(11)
        sizes = [s for s in random_sizes("log-150", rng, 60) if s[0] * s[1] * s[2] < 12_000]
        works = draw_all(config.shell, rng, sizes)
        thrice = draw_thrice(config.shell, random.Random(7))
        self._runner = MachineRunner(config, "verilator", folder / "run", mutated=text)
        self._stalled = simulators.build("verilator", "gemm", monitored(text), fast=True)
        # Descriptors, how many wait, cycles: after twice as many as without a mutation it hangs.
        self._runs: list[tuple[list[Work], int | None, int]] = []
        for some, ahead in (
            (works, None), (thrice, 1), (draw_largest(config.shell, rng, works), None),
        ):  # fmt: skip
            cycles = self._runner.run(some, ahead=ahead).cycles
            self._runs.append((some, ahead, 2 * cycles))

    def killer(self, number: int) -> str | None:
        """The tests that fail with mutant ``number``: first run, then names of STALLED."""
        try:
            for works, ahead, budget in self._runs:
                run = self._runner.run(works, ahead=ahead, budget=budget, mutant=number)
                run.check(works)
                if ahead == 1:
                    assert run.counters[1::3] == run.counters[2::3]
        except (simulators.SimulationError, AssertionError, ValueError):
            # ValueError: a completion or a counter too few or too many.
            return "run"
        for name in self._stalls:
            _, tests, without = STALLED[name]
            env = {
                "INSITU_CONFIG": str(self._config),
                "INSITU_SIZES": "uniform-20",
                "INSITU_COUNT": "25",
                "INSITU_SEED": "2",
                "INSITU_LIMIT_MS": str(LIMIT_MS[self._config.stem]),
                "INSITU_MUTANT": str(number),
            }
            try:
                simulators.run(
                    self._stalled, ",".join(_modules(name)), cwd=self._folder / name, env=env,
                    tests=tests, without=without, seed=2,
                )  # fmt: skip
            except simulators.SimulationError:
                return name
        return None


def _roomy(name: str, folder: Path) -> Config:
    """Configuration ``name`` with other buffers, its file in ``folder``."""
    lines = (CONFIG_DIR / f"{name}.toml").read_text(encoding="utf-8").splitlines()
    sizes = CONFIGS[name]
    lines = [line for line in lines if line.split(" = ")[0] not in sizes]
    path = folder / f"{name}.toml"
    path.write_text(
        "\n".join([*lines, *(f"{x} = {n}" for x, n in sizes.items())]) + "\n", encoding="utf-8"
    )
    return load(path)


@pytest.mark.nightly
@pytest.mark.parametrize("name", CONFIGS)
def test_mutants_are_killed(name, tmp_path):
    """At least 95 % of seeded mutants fail a test; ``build/mutants`` says which tests each.

    Those that are shown to have no effect do not count. Whatever came of a mutant is
    remembered, so that a night can be resumed.
    """
    config = _roomy(name, tmp_path)
    design = to_rtlil(Flat(machine(config)), "gemm")
    # The array and the tile have mutants of their own, the requantiser a test of every rounding.
    within = "core.engine" if name in ENGINES else ""
    parts = r"gemm_requantise\w*" if within else r"gemm_array|gemm_tile|gemm_requantise\w*"
    apart = re.findall(rf"^module \\({parts})$", design, re.MULTILINE)
    assert len(apart) == config.shell.lanes + (not within), apart
    text, mutations = netlists.mutated(design, "gemm", MUTANTS, 1, whole=apart, within=within)
    assert len(mutations) == MUTANTS
    key = simulators.design_key("verilator", "gemm", text)
    # The benches, and one that `MachineRunner` launches.
    benches = [module for run in _runs(config) for module in _modules(run)]
    bench = sources(__name__, *benches, "insitu.verification.machine.tb_machine_run")
    suite: Suite | None = None
    outcomes = []
    for number, mutation in enumerate(mutations, 1):
        record = Record([key, str(number)], bench)
        outcome = record.said()
        if outcome is None:
            if suite is None:
                suite = Suite(config, text, tmp_path)
                assert suite.killer(0) is None, "a test fails without a mutation"
            outcome = suite.killer(number) or "lives"
            record.say(outcome)
        if outcome == "lives":
            # Apart, so that another proof does not ask for all the runs again.
            effect = Record([key, str(number)], sources(netlists.__name__))
            if (works := effect.said()) is None:
                seen = netlists.has_effect(design, "gemm", mutation, whole=apart)
                effect.say(works := "lives" if seen else "unread")
            outcome = works
        outcomes.append(outcome)
    path = simulators.ROOT / "build" / "mutants" / f"{name}.txt"
    lines = [f"{n} {o}: {m}\n" for n, (o, m) in enumerate(zip(outcomes, mutations, strict=True), 1)]
    write_whole(path, "".join(lines))
    counted = len(outcomes) - outcomes.count("unread")
    assert outcomes.count("lives") <= 0.05 * counted, path.read_text(encoding="utf-8")
