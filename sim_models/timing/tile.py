"""The compute-in-memory tile: its planes, its banks, and what waits for them."""

from .compiled import compiled
from .state import FLIGHT
from .sums import queue

__all__ = ["tile", "tile_ready"]


@compiled
def _moves(c):
    """A vector's last plane leaves, or there is none."""
    return not c.planes or (c.planes == 1 and c.may_end)


@compiled
def tile_ready(p, c, claims, streamed):
    """Whether the tile takes a vector, which ``claims`` a tile of B that is loaded for it, and a
    row of weights, of a B that is ``streamed``."""
    free = _moves(c)
    if p.skip:
        for n in range(3):
            free = free or not c.is_stage[n]
    a_free = free and not (claims and c.tiles_here == 0)
    b_free = not streamed or c.row_place != 0 or c.begun_tiles != c.ring
    return a_free, b_free


@compiled
def tile(p, c, takes, a_first, a_last, loaded, loads, planes, o_taken):
    """A cycle.

    ``takes``: a vector, of so many ``planes``, whose tile of B is ``loaded`` for it; ``loads``: a
    row of weights.
    """
    shown = c.shown
    gives = shown and o_taken
    may_end, moves = c.may_end, _moves(c)
    ends = c.planes == 1 and may_end
    if ends:
        c.flight[(c.t + p.wave) % FLIGHT] = 1
    if p.skip:
        if moves:
            c.planes = c.stage_planes[2] if c.is_stage[2] else 0
        elif c.planes > 1:
            c.planes -= 1
        free = moves
        for n in range(2, -1, -1):
            free = free or not c.is_stage[n]
            if free and n:
                c.is_stage[n], c.stage_planes[n] = c.is_stage[n - 1], c.stage_planes[n - 1]
            elif free:
                c.is_stage[0], c.stage_planes[0] = takes, planes
    elif moves:
        c.planes = planes if takes else 0
    elif c.planes > 1:
        c.planes -= 1
    c.may_end = c.room >= 0
    c.room += c.left - int(ends)
    c.left = gives

    # Banks.
    last_row = c.row_place == p.rows - 1
    ended = gives and c.tile_ends[0]
    claims = takes and a_first and loaded
    c.tiles_here += int(loads and last_row) - int(claims)
    c.begun_tiles += int(loads and c.row_place == 0) - int(ended)
    if loads:
        c.row_place = 0 if last_row else c.row_place + 1
    if gives:
        c.vectors -= 1
        for n in range(c.vectors):
            c.tile_ends[n] = c.tile_ends[n + 1]
        c.tile_ends[c.vectors] = 0
    if takes:
        c.tile_ends[c.vectors] = a_last and loaded
        c.vectors += 1
        c.tiles_open -= a_last
    queue(c, o_taken)
