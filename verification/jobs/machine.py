"""The jobs of ``make sim``, ``make gemm`` and ``make model`` on a machine."""

import hashlib
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from insitu.hdl.config import CimConfig, Config, MachineConfig, UserError
from insitu.hdl.support.files import private_folder
from insitu.hdl.support.progress import number_in, progress
from insitu.program.descriptor import FLOAT_RESULTS, FORMATS, Descriptor
from insitu.program.lower import chain, product
from insitu.program.numbers import Asked, arguments_of
from insitu.program.place import placed
from insitu.program.target import Target
from insitu.sim_models import digits, golden, workloads
from insitu.sim_models.exact import MODELS
from insitu.sim_models.network import WORDS, LayerModel, run_layers
from insitu.sim_models.timing import temporal

from ..bench.harness import MEMORY_BYTES
from ..bench.machine_run import MachineRunner, RunResult
from ..bench.workload import Work, normal_codes, works_of
from . import digits as digits_job
from . import report

__all__ = ["digits_works", "facts", "gemm", "model", "sim"]

# Of small jobs so many plans are tried by the exact model; larger ones gain next to nothing.
SMALL, TRIES = 1 << 22, 32


def _runner(config: Config, sim_name: str, work: Path, waves: bool) -> MachineRunner:
    began = time.monotonic()
    with progress(report.console, f"building {config.name} for {sim_name}"):
        runner = MachineRunner(config, sim_name, work, waves=waves)
    took = time.monotonic() - began
    report.console.print(f"{config.name} built for {sim_name} in {took:.1f} s")
    return runner


def _simulated(
    what: str, runner: MachineRunner, works: list[Work], folder: Path, seed: int
) -> RunResult:
    """``works``, each after the one before, with progress by the cycles that the model expects."""
    began = time.monotonic()
    with progress(report.console, "cycles by the timing model, which is compiled once"):
        cycles = runner.expected(works)
    took = time.monotonic() - began
    if took > 5:
        report.console.print(f"timing model ready after {took:.1f} s more; it was compiled, once")
    look = number_in(folder / "progress.txt")
    with progress(report.console, f"simulating {what}", cycles, look=look):
        return runner.run(works, ahead=1, seed=seed)


def facts(config: Config, work: Work, run: RunResult, number: int) -> dict[str, Any]:
    """Descriptor ``number`` of a run."""
    job, counters = work.job, run.counters[number]
    return {
        "m": job.m,
        "n": job.n,
        "k": job.k,
        "order": job.order,
        "blocks": [job.m_block, job.n_block, job.k_block],
        "bit_exact": run.exact[number] and run.statuses[number] == 0 and run.broken == 0,
        "macs": counters["macs"],
        "cycles": counters["cycles"],
        "model_cycles": run.model[number]["cycles"],
        "utilisation": counters["macs"] / (config.shell.array.macs_per_cycle * counters["cycles"]),
        "counters": counters,
        "model_counters": run.model[number],
    }


def _speed(run: RunResult) -> dict[str, Any]:
    return {"wall_s": round(run.wall_s, 3), "cycles_per_s": round(run.cycles / run.wall_s)}


def _moved(config: MachineConfig, counters: dict[str, int]) -> str:
    bits = {name.removesuffix("_words"): counters[name] * config.bus_bits for name in WORDS}
    return ", ".join(f"{count:,} {name}" for name, count in bits.items() if count)


def _skipped(shell: MachineConfig, works: list[Work], counters: dict[str, int]) -> str:
    """Planes that a tile left out, and what that saved, if it leaves any out."""
    tile = shell.array
    if not isinstance(tile, CimConfig) or not tile.skip:
        return ""
    skipped, done = counters["planes_skipped"], counters["planes"]
    plain = replace(shell, array=replace(tile, skip=False))
    # Each waits for the one before, so each is as long as alone.
    cycles = sum(t.cycles for t in temporal(plain, [work.job for work in works]))
    saved = cycles - counters["cycles"]
    return (
        f"{skipped:,} of {skipped + done:,} bit planes skipped; without that "
        f"{saved:,} cycles more, by the model\n"
    )


def _format(shell: MachineConfig, asked: str | None) -> str:
    """Of C; ``UserError`` for one that the machine has not got."""
    own, default = (
        (FORMATS, "int8") if Target.of_shell(shell).floats is None else (FLOAT_RESULTS, "fp32")
    )
    if asked is not None and asked not in own:
        raise UserError(f"FORMAT: must be one of {', '.join(own)} on this machine, not {asked!r}")
    return asked or default


def _drawn(shell: MachineConfig, m: int, n: int, k: int, *, format: str, seed: int) -> Work:
    """A descriptor with random operands, bias and scale, and its plan."""
    array, target = shell.array, Target.of_shell(shell)
    rng = np.random.default_rng(seed)
    tries = TRIES if m * n * k < SMALL else 1
    if target.floats is not None:
        left, right = target.floats
        given = arguments_of(target)
        a = normal_codes(rng, left, (m, k))
        b = normal_codes(rng, right, (k, n))
        bias = given.bias(rng.normal(size=n).astype(np.float32), n)
        job, _ = given.job((m, n, k), a.dtype, b.dtype, Asked(format))
        job = replace(job, has_bias=True)
        program = product(target, job, b, bias=bias, tries=tries, models=MODELS)
        (work,) = works_of(shell, program, {"a": a})
        return work
    a = rng.integers(array.a.values.lo, array.a.values.hi, (m, k), endpoint=True)
    b = rng.integers(array.b.values.lo, array.b.values.hi, (k, n), endpoint=True)
    job = Descriptor(
        m,
        n,
        k,
        has_bias=True,
        format=format,
        a_signed=array.a.signed,
        b_signed=array.b.signed,
        a_zero=int(rng.choice(a[0])) if array.zero_points else 0,
        b_zero=int(rng.choice(b[0])) if array.zero_points else 0,
    )
    if format != "int32":
        low, high = (-128, 127) if format == "int8" else (0, 255)
        # So that most results are within the bounds.
        spread = np.sqrt(k) * 2.0 ** (array.a.bits + array.b.bits - 8)
        scale = float(np.float32(32 / spread))
        job = replace(job, low=low, high=high, zero=(low + high + 1) // 2, scale=scale)
    bias = rng.integers(-1000, 1000, n)
    program = product(target, job, b, bias=bias, tries=tries, models=MODELS)
    (work,) = works_of(shell, program, {"a": a})
    return work


def gemm(
    config: Config, sim_name: str, m: int, n: int, k: int, *,
    format: str | None, seed: int, waves: bool,
) -> int:  # fmt: skip
    """One GEMM with random operands, bias and scale; returns the exit status."""
    shell = config.shell
    array, format = shell.array, _format(config.shell, format)
    golden.check_k(k, array.max_k)
    # Before anything of that size is drawn.
    room = placed(shell, Descriptor(m, n, k, has_bias=True, format=format))[1]
    if room > MEMORY_BYTES:
        rule = f"small enough for the {MEMORY_BYTES:,} bytes of the bench"
        raise UserError(f"M, N, K: must be {rule}, not {m} × {n} × {k}, which take {room:,}")
    case = report.case_of(f"{m}x{n}x{k}", format=format, seed=seed, sim=sim_name)
    folder = report.place("gemm", config, case)
    with private_folder(folder) as scratch:
        work = _drawn(shell, m, n, k, format=format, seed=seed)
        runner = _runner(config, sim_name, scratch, waves)
        run = _simulated(f"{m} × {n} × {k}", runner, [work], scratch, seed)
        found = facts(config, work, run, 0) | _speed(run)
        full = report.header("gemm", config, runner.text, sim_name, seed)
        full |= {"status": report.verdict([found]), "format": format, **found}
        report.write(scratch, full)
    keys = ["m", "n", "k", "cycles", "model_cycles", "utilisation", "cycles_per_s", "bit_exact"]
    report.table(f"GEMM on {config.name}", keys, [[found[key] for key in keys]])
    job = work.job
    report.console.print(
        f"order {job.order}, blocks {job.m_block} × {job.n_block} × {job.k_block}; "
        f"bits over the bus: {_moved(shell, found['counters'])}",
        soft_wrap=True,
    )
    return report.end(folder, full, waves)


def digits_works(shell: MachineConfig, network: digits.Network, x: digits.Floats) -> list[Work]:
    """The network's layers; each reads what the one before has written."""
    values = network.quantise_images(x)
    program = chain(Target.of_shell(shell), network.layers, len(values))
    return works_of(shell, program, {"x": values})


def sim(config: Config, sim_name: str, *, count: int, seed: int, waves: bool) -> int:
    """The digits network, from images in memory to class sums in memory; the exit status."""
    shell = config.shell
    array = shell.array
    digits.check(config)
    network, _ = digits.load(signed=array.zero_points)
    x = digits.images()[2][:count]
    case = report.case_of("digits", images=count, seed=seed, sim=sim_name)
    folder = report.place("sim", config, case)
    with private_folder(folder) as scratch:
        works = digits_works(shell, network, x)
        runner = _runner(config, sim_name, scratch, waves)
        run = _simulated("the network", runner, works, scratch, seed)
        layers = [
            {"layer": layer.name, **facts(config, work, run, number)}
            for number, (layer, work) in enumerate(zip(network.layers, works, strict=True))
        ]
        logits = np.array([np.frombuffer(row, "<i4") for row in run.rows[-1]])
        full = report.header("sim", config, runner.text, sim_name, seed) | digits_job.found(
            layers, logits, signed=array.zero_points, peak=array.macs_per_cycle, speed=_speed(run)
        )
        report.write(scratch, full)

    def told(counters: dict[str, int]) -> str:
        return f"bits over the bus: {_moved(shell, counters)}\n{_skipped(shell, works, counters)}"

    digits_job.show(config, sim_name, full, told)
    return report.end(folder, full, waves)


def model(config: Config, name: str) -> int:
    """Network ``name`` by the models, layer by layer; returns the exit status."""
    workloads.load(name)
    title = case = Path(name).stem
    if name not in workloads.names():
        case = f"{title}-{_hash(name)}"
    folder = report.place("model", config, case)
    with private_folder(folder) as scratch:
        full = _modelled(config, name)
        report.write(scratch, full)
    keys = ["layer", "M × N × K", "repeats", "cycles", "utilisation", "kB over_the bus"]
    shown = [
        [
            row["layer"],
            f"{row['batch']} · " * (row["batch"] > 1) + f"{row['m']} × {row['n']} × {row['k']}",
            row["repeats"],
            row["cycles"],
            row["utilisation"],
            round(row["bus_bytes"] / 1000),
        ]
        for row in full["layers"]
    ]
    report.table(f"{title} on {config.name}, by the models; of one repeat", keys, shown)
    report.console.print(
        f"in all {full['cycles']:,} cycles, utilisation {full['utilisation']:.4f}, "
        f"{full['bus_bytes']:,} bytes over the bus; modelled in {full['wall_s']:.2f} s",
        soft_wrap=True,
    )
    report.console.print(f"report: {folder / 'report.json'}", soft_wrap=True)
    return 0


def _hash(workload: str) -> str:
    return hashlib.sha256(workloads.file_of(workload).read_bytes()).hexdigest()[:8]


def _modelled(config: Config, name: str) -> dict[str, Any]:
    """The report of :func:`model`."""
    shell, peak = config.shell, config.shell.array.macs_per_cycle
    title = Path(name).stem
    began = time.monotonic()
    layers: list[LayerModel] = []
    with progress(report.console, f"modelling {title}", len(workloads.load(name))) as work:
        for layer in run_layers(shell, name):
            layers.append(layer)
            work.advance()
    took = time.monotonic() - began
    rows: list[dict[str, Any]] = []
    for layer in layers:
        job, cycles = layer.job, layer.timing.cycles
        rows.append(
            {
                "layer": layer.gemm.layer,
                "m": job.m,
                "n": job.n,
                "k": layer.gemm.k,
                "batch": job.batch,
                "repeats": layer.gemm.repeats,
                "order": job.order,
                "blocks": [job.m_block, job.n_block, job.k_block],
                "macs": layer.gemm.macs,
                "cycles": cycles,
                "utilisation": layer.gemm.macs / (peak * cycles),
                "bus_bytes": layer.words * shell.bus_bytes,
                "counters": layer.counters | asdict(layer.timing),
            }
        )
    total = {
        key: sum(row[key] * row["repeats"] for row in rows)
        for key in ("macs", "cycles", "bus_bytes")
    }
    return report.header("model", config) | {
        "workload": name,
        "workload_hash": _hash(name),
        **total,
        "utilisation": total["macs"] / (peak * total["cycles"]),
        "layers": rows,
        "wall_s": round(took, 3),
    }
