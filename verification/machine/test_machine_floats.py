"""Machines of floating-point numbers: every pair, the longest sums, one result everywhere."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from insitu.hdl.config import Config, load
from insitu.hdl.formats import FLOAT_FORMATS
from insitu.program.blocks import fits
from insitu.program.descriptor import Descriptor
from insitu.program.lower import product
from insitu.program.target import Target
from insitu.verification.bench.machine_run import MachineRunner
from insitu.verification.bench.passed import at_night
from insitu.verification.bench.workload import Work, drawn_codes, works_of

Codes = NDArray[np.int64]
WS, OS = "ws-e4m3-tiny", "os-e4m3-tiny"


def work(config: Config, a: Codes, b: Codes, **given: Any) -> Work:
    """A product of codes; ``given``: fields of its descriptor."""
    (m, k), n = a.shape, b.shape[1]
    asked: dict[str, Any] = {"format": "fp32", "a_signed": False, "b_signed": False}
    asked |= given
    program = product(Target.of_shell(config.shell), Descriptor(m, n, k, **asked), b)
    (found,) = works_of(config.shell, program, {"a": a})
    return found


def run(config: Config, works: list[Work], folder) -> None:
    MachineRunner(config, "verilator", folder).run(works).check(works)


@pytest.mark.parametrize("name", at_night([WS, OS, "ws-fp8-tiny", "os-fp4-tiny"], 1))
def test_every_pair(name, tmp_path):
    """Each code of A times each of B, so every product that there is."""
    config = load(name, "generic")
    a, b = (np.arange(1 << config.array.a.bits), np.arange(1 << config.array.b.bits))
    run(config, [work(config, a[:, None], b[None, :])], tmp_path)


@pytest.mark.parametrize("name", at_night([OS, WS, "os-fp16-tiny", "ws-fp8-tiny"], 1))
def test_longest_sums(name, tmp_path):
    """K of as many greatest products as a sum holds, of either sign, and of what cancels."""
    config = load(name, "generic")
    target, k = Target.of_shell(config.shell), config.array.max_k
    assert target.floats is not None
    left, right = target.floats
    a, b = np.full((2, k), left.greatest), np.full((k, 3), right.greatest)
    a[1, k // 2 :] |= 1 << left.bits - 1
    b[:, 1] |= 1 << right.bits - 1
    b[-1, 2] = 1
    run(config, [work(config, a, b)], tmp_path)


@pytest.mark.nightly
def test_one_result_everywhere(tmp_path):
    """Whatever the blocks, the order and the dataflow."""
    rng = np.random.default_rng(1)
    a, b = (drawn_codes(rng, FLOAT_FORMATS["e4m3"], shape) for shape in ((24, 61), (61, 40)))
    results = set()
    for name in (WS, OS):
        config = load(name, "generic")
        words: dict[str, Any] = {"a_words": 256, "b_words": 256, "c_words": 64, "n_max": 32}
        shell = replace(config.shell, **words)
        config = replace(config, name=f"{name}-larger", machine=shell)
        shapes = [(8, 8, 8), (16, 8, 16), (8, 16, 24), (8, 8, 56)]
        works = []
        for n, (m_block, n_block, k_block) in enumerate(shapes):
            blocks = {"m_block": m_block, "n_block": n_block, "k_block": k_block}
            works.append(work(config, a, b, order=n % 2, **blocks))
            assert fits(shell, works[-1].job)
        run(config, works, tmp_path / name)
        results |= {tuple(content for _, content in one.results) for one in works}
        assert len({(x.job.m_block, x.job.n_block, x.job.k_block) for x in works}) == len(works)
    assert len(results) == 1
