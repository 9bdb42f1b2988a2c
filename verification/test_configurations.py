"""Random configurations of every engine: each is refused in one line, or works."""

import random
from dataclasses import asdict

import pytest

from hdl.config import Config, ConfigError, MachineConfig
from hdl.config.machine import BLOCK_BITS
from sim_models import traffic
from sim_models.descriptor import Descriptor, blocks_of, fits
from sim_models.timing import temporal

from .bench.configurations import KINDS, draw_config
from .bench.draws import random_sizes
from .bench.machine_run import MachineRunner
from .bench.workload import Work, draw
from .passed import at_night

PER_KIND = 40  # by day
DESCRIPTORS = 20


def works(shell: MachineConfig, rng: random.Random) -> list[Work]:
    """Random descriptors, some of a little more than the machine's own block."""
    found: list[Work] = []
    sizes = random_sizes("uniform-20", rng, DESCRIPTORS - 3)
    block = shell.default_blocks
    for axis in range(3):
        m, n, k = (min(x + 1, 3000) if y == axis else 3 for y, x in enumerate(block))
        sizes.append((m, n, k))
    for m, n, k in sizes:
        base = max((a + len(c) for w in found[-1:] for a, c in w.pieces + w.results), default=0)
        base = -(-base // shell.bus_bytes) * shell.bus_bytes
        size = (m, n, min(k, shell.array.max_k))
        found.append(draw(shell, rng, size, base, 1 << 24, far=False))
    return found


def check_default_blocks(shell: MachineConfig) -> None:
    """What is chosen where software leaves it open is legal for every matrix."""
    blocks = shell.default_blocks
    assert all(1 <= size < 1 << BLOCK_BITS for size in blocks)
    for sizes in (blocks, [size + 1 for size in blocks], (1, 1, 1)):
        m, n, k = sizes
        for flip in (False, True):
            job = Descriptor(m, n, k, a_transposed=flip, b_transposed=flip)
            assert fits(shell, job), job


def check_models(shell: MachineConfig, found: list[Work]) -> None:
    """Models take every descriptor, and what they say of each agrees with its sizes."""
    for work in found:
        job, counted = work.job, work.counters
        assert fits(shell, job)
        assert counted["macs"] == job.m * job.n * job.k * job.batch
        assert counted["c_elements"] == job.m * job.n * job.batch
        assert counted == counted | traffic.counters(shell, job)
        blocks = blocks_of(shell, job)
        assert all(1 <= x < 1 << BLOCK_BITS for x in (blocks.m, blocks.n, blocks.k))
        (timing,) = temporal(shell, [job], [0], ones=work.ones)
        # A tile that skips planes may take a cycle for each vector.
        peak = shell.array.cells
        assert asdict(timing)["cycles"] >= counted["macs"] / peak


def drawn(kind: str, seed: int) -> Config | str:
    """A configuration, or the line that refuses it."""
    try:
        return draw_config(kind, random.Random(f"{kind} {seed}"))
    except ConfigError as error:
        return str(error)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", at_night(list(range(9)), 1))
def test_refused_or_modelled(kind, part):
    refused = 0
    for seed in range(part * PER_KIND, (part + 1) * PER_KIND):
        config = drawn(kind, seed)
        if isinstance(config, str):
            refused += 1
            name, _, rule = config.partition(": must be ")
            assert "\n" not in config, config
            assert name.count(".") == 1, config
            assert ", not " in rule, config
            continue
        check_default_blocks(config.shell)
        check_models(config.shell, works(config.shell, random.Random(seed)))
    assert PER_KIND // 10 < refused < PER_KIND * 9 // 10


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", at_night(list(range(18)), 1))
def test_works_in_rtl(kind, number, tmp_path):
    """Those of few multipliers, whatever their buffers, bus and queues are."""
    seeds = range(1000 * number, 1000 * number + 1000)
    found = (drawn(kind, seed) for seed in seeds)
    config = next(c for c in found if isinstance(c, Config) and c.core.cells <= 24)
    jobs = works(config.shell, random.Random(number))
    run = MachineRunner(config, "verilator", tmp_path).run(jobs, seed=number + 1)
    run.check(jobs)
