"""The timing model: replays change nothing; layers of networks take the cycles that the RTL takes.

That it equals the RTL in general is held by every run of ``test_machine.py``.
"""

import random

import numpy as np
import pytest

from insitu.hdl.config import load
from insitu.hdl.config.fields import ceil_div
from insitu.program.descriptor import Descriptor
from insitu.program.place import placed
from insitu.sim_models import workloads
from insitu.sim_models.exact import planned
from insitu.sim_models.timing import temporal
from insitu.verification.bench.machine_run import MachineRunner
from insitu.verification.bench.workload import draw, with_matrices

MOST_MACS = 1_500_000


@pytest.mark.parametrize("name", ["ws-8x8", "os-8x8", "ws-tiny", "os-tiny"])
def test_replays_change_nothing(name):
    config = load(name, "generic").shell
    rng = random.Random(1)
    most = 400 if name.endswith("8x8") else 90
    for _ in range(25):
        m, n, k = (rng.choice([rng.randint(1, most), 64, 3]) for _ in range(3))
        batch = rng.choice([1, 1, 1, 12])
        job = draw(config, rng, (m, n, k), rng.randrange(0, 1 << 13, 16), 1 << 28, batch=batch).job
        assert temporal(config, [job]) == temporal(config, [job], replays=False), job


@pytest.mark.parametrize("name", ["ws-8x8", "os-8x8"])
def test_replays_end_at_doorbells(name):
    """Descriptors posted in the middle of others."""
    config = load(name, "generic").shell
    one = placed(config, Descriptor(200, 64, 128, format="int8"))[0]
    jobs, posted = [one] * 4, [0, 9_001, 10_000, 60_000]
    assert temporal(config, jobs, posted) == temporal(config, jobs, posted, replays=False)


@pytest.mark.parametrize("name", ["ws-8x8", "os-8x8"])
def test_replays_end_at_completions(name):
    """Software drops them in the middle of other descriptors, and late: those after them wait."""
    config = load(name, "generic").shell
    small, large = (placed(config, Descriptor(m, 64, 128, format="int8"))[0] for m in (8, 200))
    jobs = [small] * 6 + [large] * 3
    posted = [0, 300, 600, 900, 1_200, 9_000, 19_000, 19_200, 30_000]
    popped = [10_000, 20_003, 21_111, 30_500, 30_501, 50_000, 60_000, 60_001, 70_000]
    found = temporal(config, jobs, posted, popped=popped)
    assert found == temporal(config, jobs, posted, popped=popped, replays=False)
    assert config.queue == 4
    # The fifth has its place once the first is dropped, and so on.
    ends = [start + one.cycles for start, one in zip(posted, found, strict=True)]
    assert [end - popped[n] for n, end in enumerate(ends[4:6])] == [4, 4], ends
    assert temporal(config, jobs, posted)[4].cycles < found[4].cycles


def test_waits_for_software_for_ever():
    """However long it takes, next to the descriptors themselves."""
    config = load("ws-8x8", "generic").shell
    jobs = [placed(config, Descriptor(1, 1, 1, format="int8"))[0]] * 5
    posted, popped = [0, 400, 800, 1_200, 1_600], [500_000 + n for n in range(5)]
    assert temporal(config, jobs, posted, popped=popped)[4].cycles == 500_004 - 1_600


def _scaled(gemm: workloads.Gemm) -> tuple[int, int, int]:
    """Sizes of a smaller one, of the same remainders: M is cut first."""
    sizes = {"m": gemm.m, "n": gemm.n, "k": gemm.k}
    while np.prod(list(sizes.values())) > MOST_MACS:
        cut = "m" if sizes["m"] > 48 else max("nk", key=lambda x: sizes[x])
        sizes[cut] = max(8, sizes[cut] // 16 * 8) + sizes[cut] % 8
    return sizes["m"], sizes["n"], sizes["k"]


@pytest.mark.parametrize("name", ["ws-8x8", "os-8x8"])
def test_layers_on_the_rtl(name, tmp_path):
    """Layers of two networks, scaled down where they are long: equal in every counter."""
    config = load(name, "generic")
    shell = config.shell
    rng = np.random.default_rng(1)
    works, base = [], 0
    gemms = {
        (gemm.m, gemm.n, gemm.k): gemm
        for network in ("resnet50", "bert-base")
        for gemm in workloads.load(network)
    }
    assert len(gemms) >= 20
    for gemm in gemms.values():
        m, n, k = _scaled(gemm)
        job = Descriptor(m, n, k, b_transposed=gemm.b_transposed, format="int8",
                         has_bias=True, low=-128, high=127, scale=0.001)  # fmt: skip
        job, end = placed(shell, job, base)
        base = ceil_div(end, 4096) * 4096
        a, b = rng.integers(-128, 128, (job.m, job.k)), rng.integers(-128, 128, (job.k, job.n))
        bias = rng.integers(-1000, 1000, job.n)
        works.append(with_matrices(shell, planned(shell, job), a, b, bias=bias))
    done = MachineRunner(config, "verilator", tmp_path).run(works, ahead=1)
    for work, exact, counted, model in zip(
        works, done.exact, done.counters, done.model, strict=True
    ):
        assert exact, work.job
        assert counted == model, work.job
