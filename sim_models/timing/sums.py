"""The array and the sums of blocks of C."""

from . import skid
from .compiled import compiled
from .operand import unpack, unpack_ready
from .state import FLIGHT, PLACES, PLACES_IN, ROWS
from .walk import BEGINS, END, SKIP, W_STEP_LAST, flag

__all__ = ["array", "array_ready", "places", "queue", "row_word", "sums"]

D_UNIT = 4  # of the unpackers
ENDS = 3  # cycles from a block's last row to its completion
ROW_BEGINS, ROW_SKIP, ROW_END = 16, 17, 18  # of a row, above its address
GAP = 20  # cycles that it must be after the row just before it
APART = 6  # rows for the same word
AHEAD = 2  # halves of the buffer


@compiled
def array_ready(c):
    """Whether the array takes a vector of A, or a beat, and a row of weights."""
    return not c.spare_full, not c.w_spare_full


@compiled
def array(p, c, a_valid, a_flag, w_valid, w_last, o_taken):
    """A cycle of the array.

    ``a_flag``: WS: the vector swaps weights; OS: the beat is the last of its tile.
    """
    room = c.room >= 0
    shown = c.shown
    if p.is_os:
        take = c.head and (not c.head_flag or c.may_end)
        ends = take and c.head_flag
        taken = p.rows if c.ended else 0
        may_end = room and c.gap <= 1 and not (ends and p.rows > 1)
        if ends:
            c.gap = p.rows - 1
            for n in range(p.rows):
                c.flight[(c.t + p.wave + n) % FLIGHT] = 1
        elif c.gap != 0:
            c.gap -= 1
        c.ended, c.may_end = ends, may_end
    else:
        take = c.head and room and (not c.head_flag or c.complete)
        w_take = c.w_head and (not c.complete or (room and c.head and c.head_flag))
        taken = int(take)
        if take:
            c.flight[(c.t + p.wave) % FLIGHT] = 1
        if w_take:
            c.complete = c.w_head_flag
        elif take and c.head_flag:
            c.complete = 0
        freed = w_take or not c.w_head
        spare = c.w_spare_full
        c.w_head = not freed or spare or w_valid
        c.w_spare_full = not freed and (spare or w_valid)
        if freed:
            c.w_head_flag = c.w_spare_flag if spare else w_last
        if not spare:
            c.w_spare_flag = w_last
    c.room += c.left - taken
    c.left = shown and o_taken

    freed = take or not c.head
    spare = c.spare_full
    c.head = not freed or spare or a_valid
    c.spare_full = not freed and (spare or a_valid)
    if freed:
        c.head_flag = c.spare_flag if spare else a_flag
    if not spare:
        c.spare_flag = a_flag

    queue(c, o_taken)


@compiled
def queue(c, o_taken):
    """A cycle of the output queue: memory, latch, output register."""
    shown = c.shown
    write = c.flight[c.t % FLIGHT]
    c.flight[c.t % FLIGHT] = 0
    moves = o_taken or not shown
    read = moves and c.stored
    if moves:
        c.shown, c.latched = c.latched, c.stored
    c.stored = write or (c.queued != 1 if read else c.stored)
    c.queued += int(write) - int(read)


@compiled
def row_word(word):
    """What goes to the sums for a word of their walk."""
    end = flag(word, END) and flag(word, W_STEP_LAST)
    return (
        (word & 0xFFFF)
        | flag(word, BEGINS) << ROW_BEGINS
        | flag(word, SKIP) << ROW_SKIP
        | int(end) << ROW_END
    )


@compiled
def places(c, valid, word):
    """A cycle of what keeps rows apart, of which the next is for ``word``.

    Whether a row goes to the sums that is the last one of its block.
    """
    goes = c.is_head and c.apart == 0 and c.skid[ROWS]
    ends = goes and flag(c.head_word, ROW_END)
    took = skid.free(c, PLACES)
    came, is_came, given = c.came, c.is_came, c.given
    moves = goes or not c.is_head
    if moves:
        c.is_head, c.head_word = c.skid[PLACES], c.skid_word[PLACES]
        c.apart = c.head_word >> GAP
    elif c.apart != 0:
        c.apart -= 1
    skid.advance(c, PLACES, is_came, came, moves)
    if took and c.is_given:
        gap, address = 0, given & 0xFFFF
        if not flag(given, ROW_BEGINS) and not flag(given, ROW_SKIP):
            for n in range(APART - 1):
                if c.passed[n] == address + 1:
                    gap = APART - 1 - n
                    break
        for n in range(APART - 2, 0, -1):
            c.passed[n] = c.passed[n - 1]
        c.passed[0] = 0 if flag(given, ROW_SKIP) else address + 1
        c.came = given | gap << GAP
    if took:
        c.is_came, c.is_given, c.given = c.is_given, c.skid[PLACES_IN], c.skid_word[PLACES_IN]
    skid.advance(c, PLACES_IN, valid, word, took)
    return ends


@compiled
def sums(p, c, ends, opens, has_d, d_rows, arrives, last, amount):
    """A cycle of the sums' buffer; ``ends``: a block's last row comes."""
    # D: unpacked, its rows counted.
    _, rest, comes = unpack_ready(c.d_units, c.d_ending, p.out_units[D_UNIT])
    fills, c.fills = c.fills, 0
    if comes and c.d_ending and rest == 0:
        c.d_left[0] -= 1
        if c.d_left[0] == 0:
            c.fills = 1
            c.d_left[0], c.d_left[1] = c.d_left[1], 0
    if opens and has_d:
        c.d_left[1 if c.d_left[0] else 0] = d_rows
    c.d_units, c.d_ending = unpack(
        c.d_units, c.d_ending, p.out_units[D_UNIT], arrives, last, amount
    )

    # Blocks, counted from the one that is stored next.
    stored = c.was_stored
    half_free = c.opened < AHEAD and not opens
    has_half = c.begun < AHEAD and not c.begin
    d_here = c.filled != 0 and not c.begin
    full = c.completed != 0 and not stored
    c.filled += int(fills) - int(c.begin and c.begin_addend)
    c.opened += int(opens) - stored
    c.begun += c.begin - stored
    c.completed += ((c.written >> (ENDS - 1)) & 1) - stored
    c.written = ((c.written << 1) | int(ends)) & ((1 << ENDS) - 1)
    c.half_free, c.has_half, c.has_d, c.full = half_free, has_half, d_here, full
