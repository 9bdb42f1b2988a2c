"""Which banks the weights of several products get, on machines that keep them."""

from collections.abc import Sequence
from dataclasses import replace

from .descriptor import Descriptor
from .target import Target

__all__ = ["banked"]


def banked(
    target: Target, jobs: Sequence[Descriptor], fixed: Sequence[bool] | None = None
) -> list[tuple[int, bool]]:
    """First bank of each of ``jobs``, and whether its B stays there from run to run.

    The largest ones make way until the others fit: these have banks of their own. Those that made
    way share what is left: as many banks as each of them needs that could fit at all, and half of
    all for those that stream in any case. ``fixed``: whose B never changes, all if left out.
    """
    if not target.banks:
        return [(0, False)] * len(jobs)
    needs = [target.banks_of(replace(job, bank_first=0)).stop for job in jobs]
    stays = list(fixed) if fixed is not None else [True] * len(jobs)
    while True:
        way = [need for need, stay in zip(needs, stays, strict=True) if not stay]
        room = [need if need <= target.banks else max(1, target.banks // 2) for need in way]
        left = max(room, default=0)
        kept = sum(need for need, stay in zip(needs, stays, strict=True) if stay)
        if kept + left <= target.banks:
            break
        most = max(range(len(jobs)), key=lambda n: needs[n] if stays[n] else 0)
        stays[most] = False
    found, bank = [], 0
    for need, stay in zip(needs, stays, strict=True):
        found.append((bank if stay else kept, stay))
        bank += need if stay else 0
    return found
