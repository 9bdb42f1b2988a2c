"""Skips stretches that repeat, exactly.

Each time the loops over blocks go on, the whole state is looked at, but for the count of what is
left in the loop that goes on. If it was the same some iterations ago, the machine will do the same
again and again, for as long as that loop does not end: so many iterations are skipped at once. All
that decides anything is in the state, addresses modulo a page among it.
"""

import numpy as np

from .compiled import compiled
from .front import ADVANCE, COLUMNS, FIRST, MATRIX, K, M, N
from .state import FLIGHT

__all__ = ["BATCH", "KEPT", "LEVELS", "leap", "level_of", "tables"]

KEPT = 64  # states of each level
BATCH = 3  # level of the loop over the batch; 0 is K, 1 the inner and 2 the outer of M and N
LEVELS = 4
NOTES = 9  # of a state: hash, time, left, waits of A, B and sums by slot


def tables(words: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """States of ``words`` that were seen, what is noted of each, and how many there are."""
    return (
        np.zeros((LEVELS, KEPT, words), np.int64),
        np.zeros((LEVELS, KEPT, NOTES), np.int64),
        np.zeros(LEVELS, np.int64),
    )


@compiled
def level_of(c, jobs, before):
    """Which loop has gone on in the cycle that began with the loader in state ``before``, or -1."""
    if c.loader != COLUMNS:
        return -1
    if before in (FIRST, MATRIX):
        return BATCH
    if before != ADVANCE:
        return -1
    if not c.l_first[K]:
        return 0
    inner = N if jobs[c.job[c.l_slot]].order else M
    return 2 if c.l_first[inner] else 1


@compiled
def _rebase(c):
    """Begins to count time anew, so that equal states are equal whenever they come."""
    now, c.t = c.t, 0
    for n in range(c.reads):
        c.read_when[n] = max(c.read_when[n] - now, 0)
    for n in range(c.mem_b):
        c.mem_b_when[n] = max(c.mem_b_when[n] - now, 0)
    if now % FLIGHT:
        flight = c.flight.copy()
        for n in range(FLIGHT):
            c.flight[n] = flight[(now + n) % FLIGHT]
    if c.results_head:
        results = c.results.copy()
        for n in range(len(results)):
            c.results[n] = results[(c.results_head + n) % len(results)]
        c.results_head = 0
    return now


@compiled
def _left(c, variable):
    return c.batch_left if variable == BATCH else c.l_left[variable]


@compiled
def _set_left(c, variable, value):
    if variable == BATCH:
        c.batch_left = value
    else:
        c.l_left[variable] = value


@compiled
def leap(c, state, jobs, level, base, until, seen, notes, counts):
    """Notes the state, and leaps if it was seen before.

    ``state``: all records as words. ``base``: time in which ``c.t`` was 0; ``until``: when
    something happens that is not in the state. The new ``base``.
    """
    base += _rebase(c)
    order = jobs[c.job[c.l_slot]].order
    if level == 0:
        variable = K
    elif level == BATCH:
        variable = BATCH
    else:
        variable = N if (level == 1) == (order == 1) else M
    # What was seen by loops further inside belongs to another iteration of this one.
    counts[:level] = 0

    left = _left(c, variable)
    waits = notes[level, 0, 3:].copy()
    for slot in range(2):
        waits[slot], waits[2 + slot] = c.wait_a[slot], c.wait_b[slot]
        waits[4 + slot] = c.wait_sums[slot]
        c.wait_a[slot], c.wait_b[slot], c.wait_sums[slot] = 0, 0, 0
    _set_left(c, variable, 0)
    found = 0
    for word in state:
        found = (found ^ word) * 0x9E3779B97F4A7C1 + (found >> 29)

    count = counts[level]
    leaps = 0
    for n in range(min(count, KEPT)):
        if notes[level, n, 0] == found and np.array_equal(seen[level, n], state):
            period, stretch = base - notes[level, n, 1], notes[level, n, 2] - left
            # The size of a block is in the state, so that the one after these must be a whole one.
            inside = left - 1 if variable == BATCH else left - 1 - c.l_size[variable]
            leaps = max(0, min(inside // stretch, (until - base) // period))
            base += leaps * period
            left -= leaps * stretch
            for k in range(6):
                waits[k] += leaps * (waits[k] - notes[level, n, 3 + k])
            break
    n = count % KEPT
    seen[level, n] = state
    notes[level, n, 0], notes[level, n, 1], notes[level, n, 2] = found, base, left
    notes[level, n, 3:] = waits
    counts[level] = count + 1

    _set_left(c, variable, left)
    for slot in range(2):
        c.wait_a[slot], c.wait_b[slot] = waits[slot], waits[2 + slot]
        c.wait_sums[slot] = waits[4 + slot]
    return base
