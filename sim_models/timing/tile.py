"""What has banks: a tile and its planes, or vectors at once; its banks, and what waits for them."""

from insitu.hdl.config.cim import SEEN

from . import skid
from .compiled import compiled
from .state import FLIGHT, STEPS
from .sums import queue

__all__ = ["place", "tile", "tile_ready"]

PLACING = 4  # cycles in which no other step's block is looked at


@compiled
def _moves(c):
    """A vector's last plane leaves, or there is none."""
    return not c.planes or (c.planes == 1 and c.may_end)


@compiled
def tile_ready(p, c, claims, streamed):
    """Whether the tile takes a vector, which ``claims`` a tile of B that is loaded for it, and a
    row of weights, of a B that is ``streamed``."""
    room = c.in_room >= 0 if p.by_planes else c.may_end
    a_free = room and not (claims and c.tiles_here == 0)
    b_free = not streamed or c.row_place != 0 or c.begun_tiles != c.ring
    return a_free, b_free


@compiled
def place(c, comes):
    """A cycle of what finds out where the blocks of steps are, to which one ``comes``."""
    takes = c.placing == 0
    if not takes:
        c.placing -= 1
    elif c.skid[STEPS + 3]:
        c.placing = PLACING
    skid.advance(c, STEPS + 3, comes, 0, takes)


@compiled
def _planes(p, c, takes, planes):
    """A cycle of the vectors before their turn and of the one under way; whether that ends."""
    may_end, moves = c.may_end, _moves(c)
    ends = c.planes == 1 and may_end
    popped = moves and c.wait_out
    if moves:
        c.planes = c.wait_planes[0] if popped else 0
    elif c.planes > 1:
        c.planes -= 1

    # Vectors before their turn.
    comes, coming = takes, planes
    if p.skip:
        comes, coming = c.is_stage[SEEN - 1] != 0, c.stage_planes[SEEN - 1]
        for n in range(SEEN - 1, 0, -1):
            c.is_stage[n], c.stage_planes[n] = c.is_stage[n - 1], c.stage_planes[n - 1]
        c.is_stage[0], c.stage_planes[0] = takes, planes
    reads = c.wait_inner != 0 and (not c.wait_out or popped)
    count = c.wait_inner + c.wait_out - int(popped)
    if popped:
        for n in range(count):
            c.wait_planes[n] = c.wait_planes[n + 1]
        c.wait_planes[count] = 0
    if comes:
        c.wait_planes[count] = coming
    c.wait_out = reads or (c.wait_out and not popped)
    c.wait_inner += int(comes) - int(reads)
    c.in_room += c.in_left - int(takes)
    c.in_left = popped
    return ends


@compiled
def tile(p, c, takes, a_first, a_last, loaded, loads, planes, o_taken):
    """A cycle.

    ``takes``: a vector, of so many ``planes``, whose tile of B is ``loaded`` for it; ``loads``: a
    row of weights.
    """
    gives = c.shown and o_taken
    ends = _planes(p, c, takes, planes) if p.by_planes else takes
    if ends:
        c.flight[(c.t + p.wave) % FLIGHT] = 1

    c.may_end = c.room >= 0
    c.room += c.left - int(ends)
    c.left = gives

    # Banks.
    last_row = c.row_place == p.rows - 1
    ended = gives and c.tile_ends[0]
    claims = takes and a_first and loaded
    c.tiles_here += c.tile_comes - int(claims)
    c.tile_comes = loads and last_row
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
