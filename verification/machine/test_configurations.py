"""Random configurations of every engine: each is refused in one line, or works."""

import random
from dataclasses import asdict
from functools import cache
from itertools import islice

import pytest

from insitu.hdl.config import CompactConfig, Config, ConfigError, MachineConfig
from insitu.hdl.config.fields import ceil_div
from insitu.hdl.config.widths import BLOCK_BITS
from insitu.hdl.export import lower
from insitu.program.blocks import blocks_of, fits
from insitu.program.descriptor import Descriptor
from insitu.sim_models.compact import counts
from insitu.sim_models.timing import temporal
from insitu.verification.bench.configurations import KINDS, draw_config
from insitu.verification.bench.draws import random_sizes
from insitu.verification.bench.machine_run import MachineRunner, compile_model
from insitu.verification.bench.passed import at_night
from insitu.verification.bench.workload import Work, draw
from insitu.verification.compact import test_compact

PARTS, PER_PART = 6, 50  # of each kind's configurations, a part by day
IN_RTL, BY_DAY = 18, 2  # of each kind's; of these kinds one each day
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
    """Models take every descriptor; what they say agrees with its sizes and with its loops."""
    for work in found:
        job, counted = work.job, work.counters
        assert fits(shell, job)
        blocks = blocks_of(shell, job)
        assert all(1 <= x < 1 << BLOCK_BITS for x in (blocks.m, blocks.n, blocks.k))
        m, n, k, batch = job.m, job.n, job.k, job.batch
        # A's elements come once for each block of columns, if its rows do not stay.
        passes = 1 if blocks.a_kept else ceil_div(n, blocks.n)
        expected = {
            "macs": m * n * k * batch,
            "c_elements": m * n * batch,
            "d_elements": m * n * batch if job.addend else 0,
            "a_elements": m * k * batch * passes,
        }
        assert {name: counted[name] for name in expected} == expected, job
        (timing,) = temporal(shell, [job], [0], ones=work.ones)
        # A tile that skips planes may take a cycle for each vector.
        assert asdict(timing)["cycles"] >= counted["macs"] / shell.array.cells


def check_compact(config: CompactConfig, rng: random.Random) -> None:
    """The same of a compact machine, whose model gives its counters and its cycles."""
    for m, n, k in random_sizes("uniform-20", rng, DESCRIPTORS):
        job = Descriptor(m, n, min(k, config.k_max), b_transposed=True)
        counted = counts(config, job)
        sets = ceil_div(m, config.array.rows)
        assert counted.macs == m * n * job.k
        assert counted.b_words == sets * n * ceil_div(job.k, config.word_bytes)
        assert counted.cycles >= counted.a_words + counted.b_words + counted.c_elements


def drawn(kind: str, seed: int) -> Config | str:
    """A configuration, or the line that refuses it."""
    try:
        return draw_config(kind, random.Random(f"{kind} {seed}"))
    except ConfigError as error:
        return str(error)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", at_night(list(range(PARTS)), 1))
def test_refused_or_modelled(kind, part):
    refused = 0
    for seed in range(part * PER_PART, (part + 1) * PER_PART):
        config = drawn(kind, seed)
        if isinstance(config, str):
            refused += 1
            name, _, rule = config.partition(": must be ")
            assert "\n" not in config, config
            assert name.count(".") == 1, config
            assert ", not " in rule, config
        elif config.small:
            check_compact(config.small, random.Random(seed))
        else:
            check_default_blocks(config.shell)
            compile_model(config.shell)
            check_models(config.shell, works(config.shell, random.Random(seed)))
    assert PER_PART // 10 < refused < PER_PART * 9 // 10


@cache
def in_rtl(kind: str) -> list[Config]:
    """Those of few multipliers, whatever their buffers, bus and queues are."""
    found = (drawn(kind, seed) for seed in range(PARTS * PER_PART))
    small = (c for c in found if isinstance(c, Config) and c.core.cells <= 32)
    return list(islice(small, IN_RTL))


RUNS = [(kind, number) for number in range(IN_RTL) for kind in KINDS]


@pytest.mark.parametrize(("kind", "number"), at_night(RUNS, BY_DAY))
def test_works_in_rtl(kind, number, tmp_path):
    config = in_rtl(kind)[number]
    if config.small:
        text = lower(test_compact.rtlil(config.small))
        span = str(min(config.small.memory, 1 << 12))
        given = {"INSITU_COUNT": str(DESCRIPTORS), "INSITU_SPAN": span}
        test_compact.run(config.small, text, tmp_path, test_compact.PRODUCTS, **given)
        return
    jobs = works(config.shell, random.Random(number))
    run = MachineRunner(config, "verilator", tmp_path, fast=False).run(jobs, seed=number + 1)
    run.check(jobs)
