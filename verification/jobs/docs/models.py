"""Figures by the models, written into ``docs/machine.md`` and ``docs/mesh.md`` by ``make docs``."""

from dataclasses import replace

from insitu.hdl.config import MachineConfig, load
from insitu.hdl.support.cli import main
from insitu.program.descriptor import Descriptor
from insitu.program.place import placed
from insitu.sim_models import workloads
from insitu.sim_models.exact import planned
from insitu.sim_models.network import run_layers
from insitu.sim_models.timing import temporal
from insitu.sim_models.traffic import counters
from insitu.synth.docs import update

from ...simulators import ROOT
from ..compare.run import bound_bits

__all__ = ["CONFIGS", "MESH", "PAGE", "networks", "resident", "traffic"]

PAGE = ROOT / "docs" / "machine.md"
MESH = ROOT / "docs" / "mesh.md"
CONFIGS = ("ws-8x8", "os-8x8")


def networks() -> str:
    """Table of cycles, utilisation and bytes of every network on ``CONFIGS``."""
    columns = " | ".join(f"{name}: Mcycles | utilisation | MB" for name in CONFIGS)
    lines = [
        f"| network | GMAC | MB at least | {columns} |",
        "|---|--:|--:|" + "--:|--:|--:|" * len(CONFIGS),
    ]
    for network in workloads.names():
        if network.endswith("-layer"):
            continue
        gemms = workloads.load(network)
        macs = sum(g.macs * g.repeats for g in gemms)
        least = sum((g.m * g.k + g.k * g.n + g.m * g.n) * g.batch * g.repeats for g in gemms)
        cells = [network, f"{macs / 1e9:.2f}", f"{least / 1e6:.1f}"]
        for name in CONFIGS:
            config = load(name)
            layers = list(run_layers(config.shell, network))
            cycles = sum(x.timing.cycles * x.gemm.repeats for x in layers)
            words = sum(x.words * x.gemm.repeats for x in layers)
            used = macs / (config.array.macs_per_cycle * cycles)
            moved = words * config.shell.bus_bytes
            cells += [f"{cycles / 1e6:.2f}", f"{100 * used:.2f} %", f"{moved / 1e6:.1f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cube(shell: MachineConfig, size: int) -> tuple[int, int, int]:
    """Of a cube of ``size`` in int8: bytes that the best plan moves, passes of an operand, and
    bytes with the machine's own blocks."""
    job = placed(shell, Descriptor(size, size, size, format="int8"))[0]
    moved, own = (counters(shell, x) for x in (planned(shell, job, goal="words"), job))
    words, own_words = (sum(x[f"{name}_words"] for name in "abc") for x in (moved, own))
    passes = max(moved["a_words"], moved["b_words"]) // moved["c_words"]
    return words * shell.bus_bytes, passes, own_words * shell.bus_bytes


def traffic() -> str:
    """Table of bytes moved against the least there can be, ws-8x8 with buffers of three sizes."""
    columns = ("buffers, bytes", "cube", "MB moved", "× the least", "passes of an operand")
    lines = [f"| {' | '.join(columns)} | blocks of size 0: MB | × the least |"]
    lines.append("|--:|--:|--:|--:|--:|--:|--:|")
    for b_words, c_words in ((4096, 128), (4096, 256), (16384, 256)):
        shell = replace(load("ws-8x8").shell, b_words=b_words, c_words=c_words)
        for size in (256, 512):
            moved, passes, own = cube(shell, size)
            cells = [f"{shell.buffer_bytes:,}", f"{size}³", f"{moved / 1e6:.2f}"]
            least = bound_bits(size, size, size, shell.buffer_bytes) / 8
            cells += [f"{moved / least:.2f}", f"{passes}"]
            cells += [f"{own / 1e6:.2f}", f"{own / least:.2f}"]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def resident() -> str:
    """Table of what a B that stays is worth: M × 32 × 32 in int8, alone, by the best plan."""
    lines = ["| machine | M | cycles, B loaded | B resident | utilisation | moved per product |"]
    lines.append("|---|--:|--:|--:|--:|---|")
    for name in ("ws-8x8", "mesh-8x8", "inbank-8x8"):
        shell = load(name).shell
        for m in (1, 16, 256):
            jobs = [Descriptor(m, 32, 32, format="int8", has_bias=True)]
            if shell.array.banks:
                jobs.append(replace(jobs[0], load_b=False))
            jobs = [planned(shell, placed(shell, job)[0], tries=32) for job in jobs]
            cycles = [found.cycles for found in temporal(shell, jobs)]
            macs = m * 32 * 32
            moved = counters(shell, jobs[-1])
            own = [x.name for x in shell.array.moves if x.vector]
            cells = [name, f"{m}", *(f"{n:,}" for n in cycles), *([] if jobs[1:] else ["–"])]
            cells.append(f"{100 * macs / (shell.array.macs_per_cycle * cycles[-1]):.1f} %")
            cells.append(", ".join(f"{x} {moved[x] / macs:.3f}" for x in own) or "–")
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def job() -> int:
    update(PAGE, "networks", networks())
    update(PAGE, "traffic", traffic())
    update(MESH, "resident", resident())
    return 0


if __name__ == "__main__":
    main(job)
