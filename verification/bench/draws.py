"""Many random descriptors: sizes of several laws, the longest blocks, what is in banks."""

import random
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.hdl.config import MachineConfig
from insitu.hdl.config.fields import ceil_div
from insitu.hdl.config.widths import BLOCK_BITS
from insitu.program.blocks import blocks_of, fits
from insitu.program.descriptor import Descriptor

from .workload import Work, draw

__all__ = ["Banks", "draw_all", "draw_largest", "draw_thrice", "random_sizes"]

Ints = NDArray[np.int64]
BLOCKS = ("m_block", "n_block", "k_block")
LONG = 0x14001  # more than 16 bits
SKEWED = [(1, 1, 5000), (2000, 3, 9), (1, 700, 5), (3, 2, 900)]


def random_sizes(kind: str, rng: random.Random, count: int) -> list[tuple[int, int, int]]:
    """M, N, K: ``uniform-<most>``, or ``log-<most>``: log-uniform, with skewed ones among them."""
    law, most = kind.split("-")
    found: list[tuple[int, int, int]] = []
    while len(found) < count:
        if law == "uniform":
            m, n, k = (rng.randint(1, int(most)) for _ in range(3))
        elif rng.random() < 0.04:
            m, n, k = rng.choice(SKEWED)
        else:
            m, n, k = (round(int(most) ** rng.random()) for _ in range(3))
        if law == "uniform" or m * n * k < 60_000:
            found.append((m, n, k))
    return found


class Banks:
    """What the engine's banks hold behind good descriptors.

    ``held``: matrices by their first bank.
    """

    def __init__(self, config: MachineConfig) -> None:
        self._config = config
        self.held: dict[int, Ints] = {}

    def _end(self, first: int, b: Ints) -> int:
        array = self._config.array
        return first + -(-b.shape[0] // array.rows) * -(-b.shape[1] // array.cols)

    def choose(
        self, rng: random.Random, sizes: tuple[int, int, int]
    ) -> tuple[tuple[int, int, int], dict[str, Any]]:
        """M, N, K and what is fixed of the next descriptor: some use a B that is there."""
        if not self.held or rng.random() < 0.6:
            return sizes, {}
        first, b = rng.choice(list(self.held.items()))
        k, n = b.shape
        return (min(sizes[0], 40), n, k), {"bank_first": first, "held": b}

    def follow(self, work: Work) -> None:
        """``work`` comes next."""
        array, job = self._config.array, work.job
        if not array.banks or not job.load_b:
            return
        assert work.b is not None
        is_resident = blocks_of(self._config, job).b_kept
        end = self._end(job.bank_first, work.b) if is_resident else array.banks
        self.held = {
            first: b
            for first, b in self.held.items()
            if first >= end or self._end(first, b) <= job.bank_first
        }
        if is_resident:
            self.held[job.bank_first] = work.b


def draw_all(
    config: MachineConfig,
    rng: random.Random,
    sizes: Iterable[tuple[int, int, int]],
    *,
    wanted: Callable[[Descriptor], bool] = lambda job: True,
) -> list[Work]:
    """Random descriptors of ``sizes`` that are ``wanted``, behind one another in memory.

    Of machines with banks some use a B that is there, with an M of these sizes.
    """
    works: list[Work] = []
    banks = Banks(config)
    for shape in sizes:
        size, given = banks.choose(rng, shape)
        work = draw(config, rng, size, _behind(config, works), 1 << 22, **given)
        if wanted(work.job):
            works.append(work)
            banks.follow(work)
    return works


def _behind(config: MachineConfig, works: list[Work]) -> int:
    """First bus word behind all that the last of ``works`` has in memory."""
    ends = [a + len(c) for work in works[-1:] for a, c in [*work.pieces, *work.results]]
    return ceil_div(max(ends, default=0), config.bus_bytes) * config.bus_bytes


def draw_largest(config: MachineConfig, rng: random.Random, works: list[Work]) -> list[Work]:
    """Descriptors behind ``works`` with the longest block along each of M, N and K.

    One and a half of it: whatever the operands' storage, its rows are as long as they can be, its
    buffers are full to the last word. And descriptors whose block with all of K fills a buffer to
    the last word, so that it is kept there, or has a row too many. And sizes of 17 bits.
    """
    found: list[Work] = []
    # The longest K that sums have room for, and one with all bits below its highest. Each comes in
    # both of the machine's slots, which take turns.
    k = min(LONG, config.array.max_k)
    long = [(LONG, 1, 1), (1, LONG, 1), (1, 1, k), (1, 1, (1 << k.bit_length() - 1) - 1)]
    for sizes in (*long, *long[::-1]):
        base = _behind(config, [*works, *found])
        found.append(draw(config, rng, sizes, base, 1 << 24, batch=1, addend=sizes[2] == 1))
    for x, a_flip, b_flip in product("mnk", (False, True), (False, True)):
        granule = getattr(config, f"{x}_granule")
        job = Descriptor(1, 1, 1, a_transposed=a_flip, b_transposed=b_flip)
        for block in range((1 << BLOCK_BITS) // granule * granule - granule, 0, -granule):
            fields: dict[str, Any] = {x: 2 * block, f"{x}_block": block}
            if fits(config, replace(job, **fields)):
                break
        else:
            continue  # its blocks are all of it
        size = block + block // 2 + 1
        given: dict[str, Any] = {"m": 1, "n": 1, "k": 1, x: size} | dict.fromkeys(BLOCKS, 0)
        given |= {f"{x}_block": block, "a_transposed": a_flip, "b_transposed": b_flip}
        if x == "n" and not a_flip:
            given["format"] = "int32"  # the longest rows of C
        sizes = (given["m"], given["n"], given["k"])
        base = _behind(config, [*works, *found])
        found.append(draw(config, rng, sizes, base, 1 << 22, batch=1, **given))
    for job in _panels(config):
        base = _behind(config, [*works, *found])
        given = {x: getattr(job, x) for x in ("order", "a_transposed", "b_transposed", *BLOCKS)}
        sizes = (job.m, job.n, job.k)
        found.append(draw(config, rng, sizes, base, 1 << 22, batch=1, **given))
    return found


def _panels(config: MachineConfig) -> list[Descriptor]:
    """Where a block of all K may be kept: the longest K that is kept, and the next one."""
    if config.array.addressing.by_element:
        return []
    found = []
    # A's block of rows, B's block of columns; the other operand comes in two blocks.
    for order, flip in product((0, 1), (False, True)):
        if config.array.banks and order == 0:
            continue  # B is kept in banks
        m, n = ((2, 1), (1, 2))[order]
        job = Descriptor(
            m * config.m_granule,
            n * config.n_granule,
            1,
            order=order,
            a_transposed=flip,
            b_transposed=flip,
            m_block=config.m_granule,
            n_block=config.n_granule,
            k_block=config.k_granule,
        )

        def is_kept(k: int, job: Descriptor = job) -> bool:
            blocks = blocks_of(config, replace(job, k=k))
            return blocks.a_kept if job.order else blocks.b_kept

        most = bisect_left(range(1, 1 << 16), True, key=lambda k: not is_kept(k))
        found += [replace(job, k=k) for k in (most, most + 1) if k >= config.k_granule]
    return found


def draw_thrice(config: MachineConfig, rng: random.Random) -> list[Work]:
    """Descriptors that wait for memory, for the array and for sums, and a long batch, each thrice.

    The machine has two slots for jobs: one after the other, both are used. The first one meets what
    another left behind: its last rows of sums, of which the next ones keep their distance.
    """
    works = draw_all(config, rng, [(40, 30, 50), (9, 70, 3), (3, 2, 400), (1, 1, 1)])
    works.append(draw(config, rng, (1, 2, 3), _behind(config, works), 1 << 22, batch=300))
    return [work for work in works for _ in range(3)]
