"""Temporal counters of a list of descriptors on the reference memory."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from insitu.hdl.config import MachineConfig
from insitu.program.descriptor import Descriptor

from .compiled import compiled
from .machine import cycle, reset
from .replay import level_of, memo, replay
from .state import CORE, JOB, OPERAND, WALK, job, params

__all__ = ["LATENCY", "OUTSTANDING", "Timing", "temporal"]

Ints = NDArray[np.int64]

LATENCY = 40
"""Cycles from an address to its first word, or from a burst's last word to its response."""

OUTSTANDING = 8
"""Bursts per direction that the reference memory takes."""


@dataclass(frozen=True)
class Timing:
    """Temporal counters of a descriptor, in cycles.

    ``cycles``: accepted doorbell to visible completion. ``wait_a``, ``wait_b``: a word of an
    operand was not here yet. ``wait_sums``: no room for sums, or D not here.
    """

    cycles: int
    wait_a: int
    wait_b: int
    wait_sums: int


@compiled
def _run(p, c, w, o, state, jobs, ones, posted, popped, found, limit, replays, memory, *seen):
    """Until all jobs are done; a row of ``found`` per job. Jobs done within ``limit`` cycles."""
    count, pops = len(posted), len(popped)
    m = memory[0]
    rings, started, ended, dropped = 0, 0, 0, 0
    base, now = 0, 0
    reset(p, c, w, o)
    while ended < count and now < limit:
        # A doorbell is written in one cycle, and rings two later.
        ring = rings < count and now == posted[rings] + 2
        rings += int(ring)
        # So is a completion dropped, or, where that is not known or too early, once it is there.
        pop = c.kept != 0 and (pops == 0 or (dropped < pops and now >= popped[dropped] + 2))
        dropped += int(pop)
        before = c.loader
        starts, slot = cycle(p, c, w, o, jobs, ones, ring, pop, started)
        started += int(starts)
        if slot >= 0:
            found[ended, 0] = now - posted[ended]
            found[ended, 1], found[ended, 2] = c.wait_a[slot], c.wait_b[slot]
            found[ended, 3] = c.wait_sums[slot]
            c.wait_a[slot], c.wait_b[slot], c.wait_sums[slot] = 0, 0, 0
            ended += 1
        if ring or pop or starts or slot >= 0:
            m.last = -1  # what comes does not follow from that state alone
        level = level_of(c, jobs, before)
        if level >= 0 and replays:
            until = posted[rings] if rings < count else limit
            if dropped < pops:
                until = min(until, popped[dropped])
            base = replay(c, state, jobs, level, base, until, m, *seen)
        now = base + c.t
    return ended


def temporal(
    config: MachineConfig,
    jobs: Sequence[Descriptor],
    posted: Sequence[int] | None = None,
    *,
    popped: Sequence[int] = (),
    replays: bool = True,
    ones: Ints | None = None,
) -> list[Timing]:
    """What a machine's temporal counters show for good descriptors.

    Parameters
    ----------
    config : MachineConfig
    jobs : sequence of Descriptor
    posted : sequence of int
        Cycle in which each doorbell is accepted, rising; never more than the queue holds. If left
        out, each descriptor runs alone.
    popped : sequence of int
        Cycle in which software dropped each completion, rising: a write to ``completion_pop`` was
        accepted. Where more have ended than the queue holds, the machine waits for it. One that
        is not there by then is dropped as soon as it is, and so are all if left out.
    replays : bool
        Go through stretches that were seen before at once; the result is the same.
    ones : array of int
        For a tile that skips planes: how many of each vector have a one, of all jobs in the order
        in which the tile takes them, see :func:`insitu.sim_models.traffic.vector_planes`. All if
        left out.

    Returns
    -------
    list of Timing
    """
    if posted is None:
        if ones is not None or popped:
            raise ValueError("vectors and completions are those of jobs that follow each other")
        return [temporal(config, [one], [0], replays=replays)[0] for one in jobs]
    records = np.array([job(config, one) for one in jobs], JOB)
    found = np.zeros((len(jobs), 4), np.int64)
    p = params(config, LATENCY, OUTSTANDING)
    state, core, walks, operands = _state()
    macs = sum(x.m * x.n * x.k * x.batch for x in jobs)
    # A product whose operands are fetched for it alone waits for them, its sum for D.
    last = int(max(posted[-1], *popped)) if popped else int(posted[-1])
    limit = last + 100_000 + (500 if config.array.addressing.by_element else 100) * macs
    times = np.array(posted, np.int64)
    if ones is None or not p["skip"][0]:
        ones = np.zeros(0, np.int64)
    else:
        replays = False  # what comes depends on the vectors
    drops = np.array(popped, np.int64)
    ended = _run(p[0], core[0], walks, operands, state, records, ones, times, drops, found, limit,
                 replays, *memo(len(state)))  # fmt: skip
    if ended != len(jobs):
        raise RuntimeError(f"the model stands still after {limit} cycles")
    return [Timing(*(int(x) for x in row)) for row in found]


def _state() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """All registers: as words, and as records of the core, its walks and its operands."""
    sizes = [CORE.itemsize, 3 * WALK.itemsize, 2 * OPERAND.itemsize]
    raw = np.zeros(sum(sizes), np.uint8)
    core, walks, operands = np.split(raw, np.cumsum(sizes)[:-1])
    return raw.view(np.int64), core.view(CORE), walks.view(WALK), operands.view(OPERAND)
