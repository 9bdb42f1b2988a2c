"""Figures of networks by the models, written into ``docs/machine.md`` by ``make docs``."""

from hdl.cli import main
from hdl.config import load
from sim_models import workloads
from sim_models.network import run_layers
from synth.docs import update

from .simulators import ROOT

__all__ = ["CONFIGS", "PAGE", "networks"]

PAGE = ROOT / "docs" / "machine.md"
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


def job() -> int:
    update(PAGE, "networks", networks())
    return 0


if __name__ == "__main__":
    main(job)
