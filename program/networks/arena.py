"""Places for what lives for a while: buffers share bytes if their lifetimes do not meet."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Life", "arena", "live"]


@dataclass(frozen=True)
class Life:
    """A buffer of ``size`` bytes, in use from step ``first`` to step ``last``, both of them too."""

    name: str
    size: int
    first: int
    last: int

    def meets(self, other: "Life") -> bool:
        """Whether both are in use in some step."""
        return self.first <= other.last and other.first <= self.last


def live(lives: Iterable[Life]) -> int:
    """Most bytes that are in use at once: no arena is smaller."""
    lives = list(lives)
    steps = {life.first for life in lives}
    return max(
        (sum(x.size for x in lives if x.first <= step <= x.last) for step in steps), default=0
    )


def arena(lives: Sequence[Life], *, align: int = 1) -> tuple[dict[str, int], int]:
    """Where each of ``lives`` begins, from 0, and the bytes that all of them take.

    Buffers that are in use in the same step have no byte in common. Each begins at a multiple of
    ``align``. They are placed one after the other at the lowest place that is free; of several
    orders the one that takes the fewest bytes.

    Raises
    ------
    ValueError
        For two of one name, no bytes, and a last step before the first.
    """
    if len({life.name for life in lives}) != len(lives):
        raise ValueError("names of buffers must differ")
    for life in lives:
        if life.size < 1 or life.last < life.first:
            raise ValueError(f"{life.name}: must have bytes and a last step after its first")
    orders = (
        lambda x: (-x.size, x.first),
        lambda x: (-x.size * (x.last - x.first + 1), x.first),
        lambda x: (x.first - x.last, -x.size),
        lambda x: (x.first, -x.size),
        lambda x: (-x.last, -x.size),
    )
    found = [_in_order(sorted(lives, key=order), align) for order in orders]
    return min(found, key=lambda x: x[1])


def _in_order(lives: Sequence[Life], align: int) -> tuple[dict[str, int], int]:
    places: dict[str, int] = {}
    done: list[Life] = []
    for life in lives:
        at = 0
        for other in sorted((x for x in done if x.meets(life)), key=lambda x: places[x.name]):
            if at + life.size <= places[other.name]:
                break
            at = max(at, -(-(places[other.name] + other.size) // align) * align)
        places[life.name] = at
        done.append(life)
    return places, max((places[x.name] + x.size for x in lives), default=0)
