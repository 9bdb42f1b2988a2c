"""Operand buffers: bus words in, words for the array out."""

from .compiled import compiled
from .state import A
from .walk import (
    END,
    SKIP,
    TURN,
    W_FIRST,
    W_KEEP_A,
    W_KEEP_B,
    W_LAST,
    W_LOAD,
    W_SLOT,
    W_STEP_LAST,
    W_STREAMS,
    flag,
)

__all__ = ["accepts", "advance", "offers", "unpack", "unpack_ready", "waits", "wants"]

READ_QUEUE = 16


@compiled
def unpack_ready(count, ending, out_units):
    """Whether an unpacker takes a bus word, and units it holds once it gave its word."""
    gives = count >= out_units or (ending and count != 0)
    rest = max(count - out_units, 0) if gives else count
    return rest < out_units and (not ending or rest == 0), rest, gives


@compiled
def unpack(count, ending, out_units, arrives, last, amount):
    """Units and ``ending`` after a cycle."""
    _, rest, _ = unpack_ready(count, ending, out_units)
    if arrives:
        return rest + amount, int(last)
    return rest, int(ending and rest != 0)


@compiled
def accepts(p, o, x, size):
    """Unpacker ``size`` of operand ``x`` takes a bus word in this cycle."""
    ready = unpack_ready(o.units[size], o.ending[size], p.out_units[2 * x + size])[0]
    other = 1 - size
    gives = unpack_ready(o.units[other], o.ending[other], p.out_units[2 * x + other])[2]
    return ready and not gives


@compiled
def pours(p, o, x):
    """A word is written to the buffer in this cycle."""
    found = False
    for size in range(2):
        _, _, gives = unpack_ready(o.units[size], o.ending[size], p.out_units[2 * x + size])
        found = found or gives
    return found


@compiled
def offers(o):
    """What stands at the output: valid, first, last of a tile; and its mark.

    With banks: of A that its tile of B is loaded, of B that it is streamed.
    """
    return o.out, o.firsts & 1, o.lasts & 1, o.marks & 1


@compiled
def wants(o):
    """Its reader takes a word of the walk in this cycle."""
    return not o.is_now or (o.is_here and o.has_credit)


@compiled
def waits(o):
    """A word is not here yet; whose it is."""
    return o.is_now and not o.is_here and not o.looks, flag(o.now, W_SLOT)


@compiled
def advance(p, o, x, asks, word, need, reserved, arrives, size, last, amount, taken):
    """A cycle.

    ``asks``, ``word``: what the walk offers. ``need``: words of the next row;
    ``reserved``: they are taken. ``arrives``: a bus word came for unpacker ``size``, ``last`` of
    its row, ``amount`` units. ``taken``: the array takes.
    """
    write = pours(p, o, x)
    shown = o.out and taken

    # --- Read ---
    takes = o.is_here and o.has_credit
    drops = flag(o.now, SKIP) and flag(o.now, TURN) and (x == A or not p.banks)
    reads = takes and not drops
    ready = not o.is_now or takes
    asked = asks and ready
    ends = takes and flag(o.now, END)
    keep = flag(o.now, W_KEEP_A if x == A else W_KEEP_B)
    returns = keep and flag(o.now, W_STEP_LAST)
    words, here = o.now_note, o.here
    offset = word & 0xFFFF
    if not ready:
        o.is_here = o.is_here or flag(o.now, SKIP) or here > (o.now & 0xFFFF)
    elif ends:
        o.is_here = asks and (returns or flag(word, SKIP))
    else:
        o.is_here = asks and (flag(word, SKIP) or here > offset)
    o.looks = ends and asks and not o.is_here
    o.here = here + int(write)
    if ends:
        o.here -= o.back if returns else words
    o.room = need <= o.space
    freed = o.freed
    o.freed = words if ends and not keep else 0
    o.space += freed - (need if reserved else 0)
    if ends and keep:
        o.back = 0 if returns else o.back - words

    # Read pipeline, then a queue.
    moves = o.inner != 0 and (not o.out or shown)
    if shown:
        o.firsts >>= 1
        o.lasts >>= 1
        o.marks >>= 1
        o.under_way -= 1
    if reads:
        o.firsts |= flag(o.now, W_FIRST) << o.under_way
        o.lasts |= flag(o.now, W_LAST) << o.under_way
        o.marks |= flag(o.now, W_LOAD if x == A else W_STREAMS) << o.under_way
        o.under_way += 1
    if moves:
        o.out = 1
    elif shown:
        o.out = 0
    o.inner += ((o.pipe >> (p.read_pipe[x] - 1)) & 1) - int(moves)
    o.pipe = ((o.pipe << 1) | int(reads)) & ((1 << p.read_pipe[x]) - 1)
    returned = o.was_shown if p.banks else shown  # banks are far away
    o.was_shown = int(shown)
    o.has_credit = returned or (o.credit != 1 if reads else o.credit != 0)
    o.credit += int(returned) - int(reads)

    if ready:
        o.is_now = asks
    if asked:
        skips = flag(word, SKIP)
        o.now = word
        o.now_note = (o.greatest if skips else offset) + 1
        if not skips:
            o.greatest = offset

    # --- In ---
    for n in range(2):
        o.units[n], o.ending[n] = unpack(
            o.units[n], o.ending[n], p.out_units[2 * x + n], arrives and size == n, last, amount
        )
