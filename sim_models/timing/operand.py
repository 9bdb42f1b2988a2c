"""Operand buffers: bus words in, words for the array out."""

from . import skid
from .compiled import compiled
from .state import A
from .walk import (
    BLOCK_FIRST,
    BLOCK_LAST,
    COUNT,
    END,
    KEEP_A,
    KEEP_B,
    LAST,
    SKIP,
    SLOT,
    TURN,
    W_FIRST,
    W_LAST,
    flag,
)

__all__ = ["accepts", "advance", "offers", "unpack", "unpack_ready", "waits", "wants"]

READ_QUEUE = 16
READ_PIPE = 4  # cycles from a read to the queue
WORDS, TO_TURN, TURNED, SHOWN = range(4)  # register slices


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
def _counted(flags):
    return (flags >> 2) & ((1 << 14) - 1)


@compiled
def offers(o):
    """What stands at the output: valid, first, last of a tile."""
    word = o.skid_word[SHOWN]
    return o.skid[SHOWN], word & 1, word >> 1


@compiled
def wants(o):
    """Its reader takes a word of the walk in this cycle."""
    return not o.is_now or (o.is_here and o.has_credit)


@compiled
def waits(o):
    """A word is not here yet; whose it is."""
    return o.is_now and not o.is_here, flag(o.now_step, SLOT)


@compiled
def advance(p, o, x, asks, word, step, need, reserved, arrives, size, last, amount, taken):
    """A cycle.

    ``asks``, ``word``, ``step``: what the walk offers. ``need``: words of the next row;
    ``reserved``: they are taken. ``arrives``: a bus word came for unpacker ``size``, ``last`` of
    its row, ``amount`` units. ``taken``: the array takes.
    """
    write = pours(p, o, x)
    shown = o.out and skid.free(o, WORDS)
    tag = o.tags[0]
    _turn(p, o, x, o.out, tag, taken)

    # --- Read ---
    takes = o.is_here and o.has_credit
    ready = not o.is_now or takes
    asked = asks and ready
    ends = takes and flag(o.now, END)
    keep = flag(o.now_step, KEEP_A if x == A else KEEP_B)
    returns = keep and flag(o.now_step, LAST)
    words, here = o.now_note, o.here
    offset = word & 0xFFFF
    if not ready:
        o.is_here = o.is_here or flag(o.now, SKIP) or here > (o.now & 0xFFFF)
    elif ends:
        o.is_here = asks and (returns or here > words)
    else:
        o.is_here = asks and (flag(word, SKIP) or here > offset)
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
        for n in range(READ_QUEUE - 1):
            o.tags[n] = o.tags[n + 1]
        o.tags[READ_QUEUE - 1] = 0
        o.tag_count -= 1
    if takes:
        o.tags[o.tag_count] = o.now
        o.tag_count += 1
    if moves:
        o.out = 1
    elif shown:
        o.out = 0
    o.inner += ((o.pipe >> (READ_PIPE - 1)) & 1) - int(moves)
    o.pipe = ((o.pipe << 1) | int(takes)) & ((1 << READ_PIPE) - 1)
    o.has_credit = shown or (o.credit != 1 if takes else o.credit != 0)
    o.credit += int(shown) - int(takes)

    if ready:
        o.is_now = asks
    if asked:
        skips = flag(word, SKIP)
        o.now, o.now_step = word, step
        o.now_note = (o.greatest if skips else offset) + 1
        if not skips:
            o.greatest = offset

    # --- In ---
    for n in range(2):
        o.units[n], o.ending[n] = unpack(
            o.units[n], o.ending[n], p.out_units[2 * x + n], arrives and size == n, last, amount
        )


@compiled
def _turn(p, o, x, comes, tag, taken):
    """Behind the ring: straight on, or through the transposer; ``tag`` comes from the ring."""
    got = o.skid_word[WORDS]
    here, turns, row_last = o.skid[WORDS], flag(got, TURN), flag(got, W_LAST)
    is_free = skid.free(o, SHOWN)
    fits = skid.free(o, TO_TURN) and not (row_last and o.inside == 2)
    enters = here and turns and fits
    straight = here and not turns and o.inside == 0
    flags = o.flags[o.left]
    count = _counted(flags)
    turning, real = o.skid[TURNED], o.column < count
    column_moves = turning and (is_free or not real)
    leaves = column_moves and o.column == p.turn_cols[x] - 1
    if turning:
        valid = real
        first, last = (flags & 1) and o.column == 0, (flags >> 1) & 1 and o.column == count - 1
    else:
        valid, first, last = straight, flag(got, W_FIRST) != 0, row_last != 0
    ready = fits if turns else (o.inside == 0 and is_free)

    # The transposer, between slices of its own.
    row_in = o.skid[TO_TURN] and not o.full[o.write_block]
    column_out = o.full[o.read_block] and skid.free(o, TURNED)
    column_here = o.full[o.read_block]
    skid.advance(o, SHOWN, valid, int(first) | int(last) << 1, taken)
    skid.advance(o, TURNED, column_here, 0, column_moves)
    skid.advance(o, TO_TURN, enters, 0, row_in)
    skid.advance(o, WORDS, comes, tag, ready)
    if column_out:
        o.turned += 1
        if o.turned == p.turn_cols[x]:
            o.turned = 0
            o.full[o.read_block] = 0
            o.read_block = 1 - o.read_block
    if row_in:
        o.row += 1
        if o.row == p.turn_rows[x]:
            o.row = 0
            o.full[o.write_block] = 1
            o.write_block = 1 - o.write_block

    if leaves:
        o.left = 1 - o.left
    if column_moves:
        o.column = 0 if leaves else o.column + 1
    if enters and row_last:
        columns = (got >> COUNT) & ((1 << 14) - 1)
        o.flags[o.entered] = flag(got, BLOCK_FIRST) | flag(got, BLOCK_LAST) << 1 | columns << 2
        o.entered = 1 - o.entered
    o.inside += int(enters and row_last) - int(leaves)
