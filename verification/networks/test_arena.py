"""Places by lifetimes: nothing that is in use is written over."""

import random
from itertools import permutations

import numpy as np
import pytest

from insitu.program.networks.arena import Life, arena, live


def _drawn(rng: random.Random, count: int, steps: int, most: int) -> list[Life]:
    found = []
    for n in range(count):
        first = rng.randrange(steps)
        last = min(steps - 1, first + rng.choice([0, 0, 1, 2, steps]))
        found.append(Life(f"t{n}", rng.randint(1, most), first, last))
    return found


def _check(lives: list[Life], places: dict[str, int], size: int, align: int, steps: int) -> None:
    """Byte by byte, step by step."""
    taken = np.zeros((steps, size), bool)
    for life in lives:
        at = places[life.name]
        assert at % align == 0
        assert at + life.size <= size
        mine = taken[life.first : life.last + 1, at : at + life.size]
        assert not mine.any(), life
        mine[:] = True


@pytest.mark.parametrize("seed", range(200))
def test_lifetimes_that_meet_share_no_byte(seed):
    rng = random.Random(seed)
    steps, align = rng.randint(1, 12), rng.choice([1, 4, 8, 64])
    lives = _drawn(rng, rng.randint(1, 25), steps, rng.choice([3, 40, 300]))
    places, size = arena(lives, align=align)
    _check(lives, places, size, align, steps)
    assert size >= live(lives)


def _least(lives: list[Life]) -> int:
    """By trying all: some order of placing each at its lowest free byte gives the least."""
    best = sum(life.size for life in lives)
    for order in permutations(lives):
        places: dict[str, int] = {}
        for life in order:
            others = [x for x in lives if x.name in places and x.meets(life)]
            starts = {0} | {places[x.name] + x.size for x in others}
            places[life.name] = min(
                at for at in starts
                if all(at + life.size <= places[x.name] or places[x.name] + x.size <= at
                       for x in others)
            )  # fmt: skip
        best = min(best, max(places[x.name] + x.size for x in lives))
    return best


def test_near_the_least_there_is():
    """Against brute force: never more than a quarter above it, and mostly equal."""
    equal = 0
    for seed in range(60):
        rng = random.Random(seed)
        lives = _drawn(rng, 6, rng.randint(2, 6), 20)
        _, size = arena(lives)
        least = _least(lives)
        assert least <= size <= 1.25 * least, (seed, size, least)
        equal += size == least
    assert equal >= 50


def test_a_chain_takes_two_buffers():
    """Each step reads one tensor and writes the next: the largest pair of neighbours is enough."""
    sizes = [100, 700, 300, 900, 50]
    lives = [Life(str(n), size, n, n + 1) for n, size in enumerate(sizes)]
    assert arena(lives)[1] == live(lives) == 1200


@pytest.mark.parametrize(
    "lives",
    [
        [Life("a", 1, 0, 0), Life("a", 1, 2, 2)],
        [Life("a", 0, 0, 0)],
        [Life("a", 1, 2, 1)],
    ],
)
def test_refuses(lives):
    with pytest.raises(ValueError, match="must"):
        arena(lives)


def test_of_nothing():
    assert arena([]) == ({}, 0)
