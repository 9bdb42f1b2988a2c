"""Operand buffers: bus words in, words for the array out."""

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

__all__ = ["accepts", "advance", "offers", "pours", "unpack", "unpack_ready"]

READ_QUEUE = 8


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
def offers(p, o, x):
    """What stands at the output: valid, first, last of a tile."""
    if o.full[o.read_block]:
        flags = o.flags[o.left]
        count = _counted(flags)
        return (
            o.column < count,
            (flags & 1) and o.column == 0,
            (flags >> 1) & 1 and o.column == count - 1,
        )
    tag = o.tags[0]
    straight = o.out and not flag(tag, TURN) and o.inside == 0
    return straight, flag(tag, W_FIRST), flag(tag, W_LAST)


@compiled
def advance(p, o, x, asks, word, step, reserved, arrives, size, last, amount, taken):
    """A cycle.

    ``asks``, ``word``, ``step``: what the walk offers. ``reserved``: words. ``arrives``: a bus word
    came for unpacker ``size``, ``last`` of its row, ``amount`` units. ``taken``: the array takes.
    """
    write = pours(p, o, x)
    turning = o.full[o.read_block]
    tag = o.tags[0]

    # --- Out ---
    enters = o.out and flag(tag, TURN) and not o.full[o.write_block]
    straight = o.out and not flag(tag, TURN) and o.inside == 0
    real = turning and o.column < _counted(o.flags[o.left])
    column_moves = turning and (taken or not real)
    leaves = column_moves and o.column == p.turn_cols[x] - 1
    shown = o.out and (enters if flag(tag, TURN) else straight and taken)
    row_last = enters and flag(tag, W_LAST)
    if leaves:
        o.full[o.read_block] = 0
        o.read_block = 1 - o.read_block
        o.left = 1 - o.left
    if column_moves:
        o.column = 0 if leaves else o.column + 1
    if enters:
        o.row += 1
        if o.row == p.turn_rows[x]:
            o.row = 0
            o.full[o.write_block] = 1
            o.write_block = 1 - o.write_block
    if row_last:
        count = (tag >> COUNT) & ((1 << 14) - 1)
        flags = flag(tag, BLOCK_FIRST) | flag(tag, BLOCK_LAST) << 1 | count << 2
        o.flags[o.entered] = flags
        o.entered = 1 - o.entered
    o.inside += int(row_last) - int(leaves)

    # --- Read ---
    takes = o.is_now and o.is_here and o.credit != 0
    ready = not o.is_now or takes
    asked = asks and ready
    ends = takes and flag(o.now, END)
    keep = flag(o.now_step, KEEP_A if x == A else KEEP_B)
    returns = keep and flag(o.now_step, LAST)
    words, here = o.now_note, o.here
    offset = word & 0xFFFF
    if ends:
        o.is_here = asked and (returns or here > words)
    elif asked:
        o.is_here = flag(word, SKIP) or here > offset
    elif takes:
        o.is_here = 0
    elif not o.is_here:
        o.is_here = flag(o.now, SKIP) or here > (o.now & 0xFFFF)
    o.here = here + int(write)
    if ends:
        o.here -= o.back if returns else words
    freed = o.freed
    o.freed = words if ends and not keep else 0
    o.space += freed - reserved
    if ends and keep:
        o.back = 0 if returns else o.back - words

    # Read pipeline and queue: three registers, memory, output register.
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
    o.inner += ((o.pipe >> 2) & 1) - int(moves)
    o.pipe = ((o.pipe << 1) | int(takes)) & 7
    o.credit += int(shown) - int(takes)

    if ready:
        o.is_now = asks
    if asked:
        skip = flag(word, SKIP)
        o.now, o.now_step = word, step
        o.now_note = (o.greatest if skip else offset) + 1
        if not skip:
            o.greatest = offset

    # --- In ---
    for n in range(2):
        o.units[n], o.ending[n] = unpack(
            o.units[n], o.ending[n], p.out_units[2 * x + n], arrives and size == n, last, amount
        )


@compiled
def wants(o):
    """Its reader takes a word of the walk in this cycle."""
    return not o.is_now or (o.is_here and o.credit != 0)


@compiled
def waits(o):
    """A word is not here yet; whose it is."""
    return o.is_now and not o.is_here, flag(o.now_step, SLOT)
