"""Where operands are fetched by element: from blocks of A and B to accesses, k by k."""

from .compiled import compiled
from .state import A, B

__all__ = ["END", "SKIP", "outside", "skip_of", "walk"]

SKIP, END = 11, 16  # of a word's tag, after its tail


@compiled
def outside(p, offset):
    """Bytes of the bus words before ``offset`` bits."""
    return offset // (8 * p.bus_bytes) * p.bus_bytes


@compiled
def skip_of(p, offset, bits):
    """Elements before ``offset`` bits in their bus word."""
    return offset % (8 * p.bus_bytes) // bits


@compiled
def walk(p, c, offered, o_ready):
    """A cycle; ``offered``: the loader has a block; ``o_ready``: an access is taken. Whether the
    block is accepted."""
    accepts = offered and not c.busy
    issue = c.busy and (not c.k_pair or not c.k_begins or c.k_roomy)
    issue = issue and (not c.o_valid or o_ready)
    takes = issue and c.k_pair and c.k_begins
    c.k_roomy = c.frees or (c.k_credit != 1 if takes else c.k_credit != 0)
    c.k_credit += c.frees - int(takes)
    if o_ready:
        c.o_valid = 0
    if issue:
        _issue(p, c, B if c.k_turn else A)
    if accepts:
        x = B if c.f_kind != A else A
        c.k_word[x], c.k_head[x], c.k_skip[x] = c.f_addr, c.f_addr, c.f_skip
        c.k_stride[x], c.k_rows[x], c.k_left[x] = c.f_stride, c.f_rows, c.f_rows
        c.k_along[x], c.k_beats[x], c.k_tail[x] = c.f_along, c.f_beats, c.f_tail
        c.k_kind[x], c.k_page[x] = c.f_kind, c.f_page
        c.r_slot = c.l_slot
        if x == A:
            c.k_pair = 1
        else:
            c.busy, c.k_turn, c.k_first, c.k_begins = 1, not c.k_pair, 1, 1
            c.k_count = c.f_count
    return accepts


@compiled
def _issue(p, c, x):
    """An access of operand ``x``, or of what is walked alone."""
    ends = c.k_left[x] == 1
    along = c.k_along[x]
    c.o_valid, c.o_addr = 1, c.k_word[x]
    c.o_beats = 1 if along else c.k_beats[x]
    tail = c.k_skip[x] + 1 if along else c.k_tail[x]
    c.o_kind, c.o_slot = c.k_kind[x], c.r_slot
    c.o_tail = tail | c.k_skip[x] << (SKIP - 5) | int(ends) << (END - 5)
    c.k_begins = 0
    if ends and (c.k_first or not along):
        c.k_last[x] = c.k_word[x]
    c.k_left[x] -= 1
    if ends:
        c.k_left[x] = c.k_rows[x]
    if ends and along:
        c.k_skip[x] += 1
        if c.k_skip[x] == p.per_beat[x]:
            c.k_skip[x] = 0
            c.k_head[x] = (c.k_head[x] + p.bus_bytes) % c.k_page[x]
        c.k_word[x] = c.k_head[x]
    else:
        c.k_word[x] = (c.k_word[x] + c.k_stride[x]) % c.k_page[x]
    if ends and not c.k_turn:
        c.k_turn = 1
    elif ends:
        c.k_turn = not c.k_pair
        c.k_begins, c.k_first = 1, 0
        c.k_count -= 1
        if c.k_count == 0:
            c.busy, c.k_pair = 0, 0
