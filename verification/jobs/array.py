"""The jobs of ``make sim`` and ``make gemm`` on a bare array."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from insitu.hdl.config import Config, UserError
from insitu.hdl.support.files import private_folder
from insitu.hdl.support.progress import progress
from insitu.program.layers import Dense
from insitu.sim_models import digits, golden

from ..bench.replay import ArrayRunner, GemmResult
from . import digits as digits_job
from . import report

__all__ = ["gemm", "sim"]

ELEMENTS = 1 << 24  # of a matrix: what an hour of simulation gets through, and memory holds


def _job(config: Config, sim_name: str, work: Path, waves: bool) -> ArrayRunner:
    with progress(report.console, f"building {config.name} for {sim_name}"):
        began = time.monotonic()
        runner = ArrayRunner(config.array, sim_name, work, waves=waves)
        took = time.monotonic() - began
    report.console.print(f"{config.name} built for {sim_name} in {took:.1f} s")
    return runner


def _facts(config: Config, m: int, n: int, k: int, exact: bool, r: GemmResult) -> dict[str, Any]:
    macs = m * n * k
    return {
        "m": m,
        "n": n,
        "k": k,
        "bit_exact": exact,
        "macs": macs,
        "cycles": r.cycles,
        "model_cycles": r.model_cycles,
        "utilisation": macs / (config.array.macs_per_cycle * r.cycles),
        "counters": r.counters,
        "model_counters": r.model_counters,
        "wall_s": round(r.wall_s, 3),
        "cycles_per_s": round(r.cycles / r.wall_s),
    }


def gemm(
    config: Config, sim_name: str, m: int, n: int, k: int, *, seed: int, waves: bool, stall: int
) -> int:
    """One GEMM with random operands through the bare array; returns the exit status."""
    array = config.array
    config.need_integers("the array alone; the machine around it takes them")
    golden.check_k(k, array.max_k)
    if (most := max(m * k, k * n, m * n)) > ELEMENTS:
        raise UserError(
            f"M, N, K: must leave matrices of up to {ELEMENTS:,} elements, not {most:,}"
        )
    rng = np.random.default_rng(seed)
    a_values, b_values = array.a.values, array.b.values
    a = rng.integers(a_values.lo, a_values.hi, (m, k), endpoint=True)
    b = rng.integers(b_values.lo, b_values.hi, (k, n), endpoint=True)
    a_zero = int(rng.choice(a[0])) if array.zero_points else 0
    b_zero = int(rng.choice(b[0])) if array.zero_points else 0
    case = report.case_of(
        f"{m}x{n}x{k}", bare=config.machine is not None, stall=stall, seed=seed, sim=sim_name
    )
    folder = report.place("gemm", config, case)
    with private_folder(folder) as work:
        runner = _job(config, sim_name, work, waves)
        with progress(report.console, f"simulating {m} × {n} × {k}"):
            result = runner.gemm(
                a, b, a_zero=a_zero, b_zero=b_zero,
                a_signed=array.a.signed, b_signed=array.b.signed,
                input_stall=stall, output_stall=stall, seed=seed,
            )  # fmt: skip
        expected = golden.gemm(a, b, a_zero=a_zero, b_zero=b_zero, acc_bits=array.acc_bits)
        facts = _facts(config, m, n, k, bool(np.array_equal(result.c, expected)), result)
        verdict = report.verdict([facts | ({"model_cycles": facts["cycles"]} if stall else {})])
        full = report.header("gemm", config, runner.text, sim_name, seed)
        full |= {"status": verdict, "stall_percent": stall, **facts}
        report.write(work, full)
    keys = ["m", "n", "k", "cycles", "model_cycles", "utilisation", "cycles_per_s", "bit_exact"]
    report.table(f"GEMM on {config.name}", keys, [[facts[key] for key in keys]])
    return report.end(folder, full, waves)


def sim(config: Config, sim_name: str, *, count: int, seed: int, waves: bool) -> int:
    """The digits network, every layer on the RTL; returns the exit status."""
    array = config.array
    digits.check(config)
    network, _ = digits.load()
    x = digits.images()[2][:count]
    layers: list[dict[str, Any]] = []
    case = report.case_of(
        "digits", bare=config.machine is not None, images=count, seed=seed, sim=sim_name
    )
    folder = report.place("sim", config, case)
    with private_folder(folder) as work:
        runner = _job(config, sim_name, work, waves)

        def on_hardware(layer: Dense, a: digits.Ints) -> digits.Ints:
            with progress(report.console, f"simulating layer {layer.name}"):
                result = runner.gemm(a, layer.b, a_zero=layer.a_zero, seed=seed, case=layer.name)
            exact = bool(np.array_equal(result.c, digits.golden_gemm(layer, a)))
            (m, k), n = a.shape, layer.b.shape[1]
            layers.append({"layer": layer.name, **_facts(config, m, n, k, exact, result)})
            return result.c

        logits = network.run(x, on_hardware)
        wall = sum(f["wall_s"] for f in layers)
        cycles = sum(f["cycles"] for f in layers)
        speed = {"wall_s": round(wall, 3), "cycles_per_s": round(cycles / wall)}
        full = report.header("sim", config, runner.text, sim_name, seed) | digits_job.found(
            layers, logits, signed=True, peak=array.macs_per_cycle, speed=speed
        )
        report.write(work, full)

    def told(counters: dict[str, int]) -> str:
        moved = ", ".join(f"{bits:,} {name}" for name, bits in _bits(config, counters).items())
        return f"bits over the array's edge: {moved}\n"

    digits_job.show(config, sim_name, full, told)
    return report.end(folder, full, waves)


def _bits(config: Config, words: dict[str, int]) -> dict[str, int]:
    """Element bits that crossed each stream."""
    a = config.array
    width = {
        "i": a.dot * (a.rows * a.a.bits + a.cols * a.b.bits),
        "w": a.dot * a.cols * a.b.bits,
        "a": a.dot * a.rows * a.a.bits,
        "o": a.cols * a.out_bits,
    }
    return {
        name: words[f"{name}_words"] * width[name] for name in width if f"{name}_words" in words
    }
