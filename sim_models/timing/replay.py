"""Goes through stretches that were seen before without their cycles, exactly.

Each time the loops over blocks go on, the whole state is looked at, but for what is left in them.
What happens until they go on again follows from it, and whether that leads to the last iteration
of the loop that goes on then. So a state that was seen before is followed by what followed it
then, after as many cycles; and where a loop comes to the same state again and again, so many of
its iterations are skipped at once. All that decides anything is in the state, addresses modulo a
page among it.
"""

import numpy as np

from .compiled import compiled
from .front import ADVANCE, COLUMNS, FIRST, MATRIX, K, M, N
from .state import FLIGHT

__all__ = ["MEMO", "level_of", "memo", "replay"]

BATCH = 3  # level of the loop over the batch; 0 is K, 1 the inner and 2 the outer of M and N
LEVELS = 4
STATES = 2048  # that are kept; then the memory begins anew
WAITS = 6  # of A, B and sums, by slot

MEMO = np.dtype(
    [
        ("count", "i8"),  # states
        ("last", "i8"),  # the state seen last, -1 if something happened since that is not in it
        ("ends", "i8"),  # the next iteration is the last one of its loop
        ("when", "i8"),  # it was seen
        ("waits", "i8", WAITS),  # counted then
        ("loop", "i8", LEVELS),  # how many loops of each level began
    ],
    align=True,
)
STATE = np.dtype(
    [
        ("hash", "i8"),
        ("level", "i8"),  # of the loop that goes on next
        ("size", "i8"),  # by so much
        ("next", "i8", 2),  # the state then, the second if it is a last one; -1: not known
        ("cycles", "i8", 2),  # until then
        ("waits", "i8", (2, WAITS)),
    ],
    align=True,
)
MARK = np.dtype([("loop", "i8"), ("when", "i8"), ("left", "i8"), ("waits", "i8", WAITS)])
"""A state's last visit by the loop of a level."""


def memo(words: int) -> tuple[np.ndarray, ...]:
    """Memory for states of ``words``: itself, their words, what is known of each, marks, places."""
    found = np.zeros(1, MEMO)
    found["last"], found["loop"] = -1, 1
    return (
        found,
        np.empty((STATES, words), np.int64),
        np.zeros(STATES, STATE),
        np.zeros((LEVELS, STATES), MARK),
        np.full(2 * STATES, -1, np.int64),
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
    return 2 if c.l_first[_variable(jobs[c.job[c.l_slot]], 1)] else 1


@compiled
def _variable(j, level):
    if level == 0:
        return K
    if level == BATCH:
        return BATCH
    return N if (level == 1) == (j.order == 1) else M


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
def _swap_waits(c, waits):
    """Counters of waiting against ``waits``."""
    for slot in range(2):
        c.wait_a[slot], waits[slot] = waits[slot], c.wait_a[slot]
        c.wait_b[slot], waits[2 + slot] = waits[2 + slot], c.wait_b[slot]
        c.wait_sums[slot], waits[4 + slot] = waits[4 + slot], c.wait_sums[slot]


@compiled
def _set_left(c, left):
    c.l_left[M], c.l_left[N], c.l_left[K], c.batch_left = left[M], left[N], left[K], left[BATCH]


@compiled
def _whole(j, variable):
    if variable == K:
        return j.k
    return j.m if variable == M else j.n


@compiled
def _block(j, variable):
    if variable == K:
        return j.k_block
    return j.m_block if variable == M else j.n_block


@compiled
def _ends(j, left, now):
    """What comes after the state ``now`` is the last iteration of its loop."""
    if now.level == BATCH:
        return left[BATCH] == 1
    x = _variable(j, now.level)
    return left[x] - now.size <= _block(j, x)


@compiled
def _find(m, c, state, j, words, known, marks, places):
    """Number of the state, which becomes known if it was not."""
    _set_left(c, np.zeros(LEVELS, np.int64))
    found = 0
    for word in state:
        found = (found ^ word) * 0x9E3779B97F4A7C1 + (found >> 29)
    if m.count == STATES:
        m.count, m.last = 0, -1
        m.loop += 1
        places[:] = -1
    place = found & (2 * STATES - 1)
    while places[place] >= 0:
        number = places[place]
        if known[number].hash == found and np.array_equal(words[number], state):
            return number
        place = (place + 1) & (2 * STATES - 1)
    number = m.count
    m.count += 1
    places[place] = number
    words[number] = state
    level = 0
    while level < BATCH and c.l_last[_variable(j, level)]:
        level += 1
    known[number].hash, known[number].level = found, level
    known[number].size = 1 if level == BATCH else c.l_size[_variable(j, level)]
    known[number].next[:] = -1
    for n in range(LEVELS):
        marks[n, number].loop = 0
    return number


@compiled
def _skip(m, j, level, number, base, until, left, waits, mark):
    """The loop of ``level`` has come to a state: skips iterations if it was there before."""
    x = _variable(j, level)
    if mark.loop == m.loop[level]:
        period, stretch = base - mark.when, mark.left - left[x]
        # After them comes a whole block that is not the last one, as this one is.
        inside = left[x] - 1 - (0 if level == BATCH else _block(j, x))
        leaps = max(0, min(inside // stretch, (until - base) // period))
        base += leaps * period
        left[x] -= leaps * stretch
        for n in range(WAITS):
            waits[n] += leaps * (waits[n] - mark.waits[n])
    mark.loop, mark.when, mark.left = m.loop[level], base, left[x]
    mark.waits[:] = waits
    # Loops inside begin anew.
    m.loop[:level] += 1
    return base


@compiled
def replay(c, state, jobs, level, base, until, m, words, known, marks, places):
    """The loop of ``level`` has gone on: goes on for as long as it is known what comes.

    ``state``: all records as words. ``base``: time in which ``c.t`` was 0; ``until``: when
    something happens that is not in the state. The new ``base``.
    """
    base += _rebase(c)
    j = jobs[c.job[c.l_slot]]
    waits, left = np.zeros(WAITS, np.int64), np.zeros(LEVELS, np.int64)
    _swap_waits(c, waits)
    left[M], left[N], left[K], left[BATCH] = c.l_left[M], c.l_left[N], c.l_left[K], c.batch_left
    number = _find(m, c, state, j, words, known, marks, places)
    if m.last >= 0 and known[m.last].next[m.ends] < 0:
        before, ends = known[m.last], m.ends
        before.next[ends], before.cycles[ends] = number, base - m.when
        before.waits[ends] = waits - m.waits
    while True:
        base = _skip(m, j, level, number, base, until, left, waits, marks[level, number])
        now = known[number]
        ends = int(_ends(j, left, now))
        if now.next[ends] < 0 or base + now.cycles[ends] > until:
            break
        base += now.cycles[ends]
        waits += now.waits[ends]
        level = now.level
        left[_variable(j, level)] -= now.size
        for inside in range(level):
            x = _variable(j, inside)
            left[x] = _whole(j, x)
        number = now.next[ends]
    state[:] = words[number]
    _set_left(c, left)
    m.last, m.ends, m.when = number, ends, base
    m.waits[:] = waits
    _swap_waits(c, waits)
    return base
