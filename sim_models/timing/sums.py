"""The array and the sums of blocks of C."""

from . import skid
from .compiled import compiled
from .operand import unpack, unpack_ready
from .state import FLIGHT, ROWS
from .walk import BEGINS, END, LAST, SKIP, flag

__all__ = ["array", "array_ready", "row_word", "sums"]

D_UNIT = 4  # of the unpackers
WRITTEN = 5  # cycles from a block's last row to its completion
ROW_BEGINS, ROW_SKIP, ROW_END = 16, 17, 18  # of a row, above its address
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

    # Output queue: memory, latch, output register.
    write = c.flight[c.t % FLIGHT]
    c.flight[c.t % FLIGHT] = 0
    moves = o_taken or not shown
    read = moves and c.stored
    if moves:
        c.shown, c.latched = c.latched, c.stored
    c.stored = write or (c.queued != 1 if read else c.stored)
    c.queued += int(write) - int(read)


@compiled
def row_word(word, step):
    """What goes to the sums for a word of their walk."""
    end = flag(word, END) and flag(step, LAST)
    return (
        (word & 0xFFFF)
        | flag(word, BEGINS) << ROW_BEGINS
        | flag(word, SKIP) << ROW_SKIP
        | int(end) << ROW_END
    )


@compiled
def _add(c):
    """A cycle of adding rows to sums: whether the last one of a block was taken."""
    word, free = c.row_word, c.clash == 0
    skips, ends = flag(word, ROW_SKIP), flag(word, ROW_END)
    moves = c.is_row and free
    completes = moves and ends
    came, valid = c.skid_word[ROWS], c.skid[ROWS]
    clash = (c.clash << 1) & 15
    if free:
        clash = 0
        half = c.half ^ int(c.is_row and ends)
        address = came & 0xFFFF
        if valid and not flag(came, ROW_BEGINS) and not flag(came, ROW_SKIP):
            if c.is_row and not skips and not ends and (word & 0xFFFF) == address:
                clash = 1
            for n in range(3):
                stage = c.stage[n]
                if stage and ((stage >> 1) & 1) == half and (stage >> 2) == address:
                    clash |= 2 << n
        c.is_row, c.row_word = valid, came
    for n in range(3, 0, -1):
        c.stage[n] = c.stage[n - 1]
    c.stage[0] = 1 | c.half << 1 | (word & 0xFFFF) << 2 if moves and not skips else 0
    c.clash = clash
    if completes:
        c.half = 1 - c.half
    return completes


@compiled
def sums(p, c, row, word, opens, has_d, d_rows, d_words, arrives, last, amount):
    """A cycle of the sums' buffer; ``row``: a row comes for ``word``."""
    # D: unpacked, counted.
    _, _, comes = unpack_ready(c.d_units, c.d_ending, p.out_units[D_UNIT])
    fills = False
    pops = not c.d_now and c.d_out
    inner_read = c.d_inner != 0 and (not c.d_out or not c.d_now)
    d_now = c.d_now
    if pops:
        c.d_now = 1
        c.d_rows, c.d_words = c.d_fifo[0] >> 13, c.d_fifo[0] & 8191
        c.d_row_left, c.d_word_left = c.d_rows - 1, c.d_words - 1
        c.d_fifo[0], c.d_fifo[1], c.d_fifo[2] = c.d_fifo[1], c.d_fifo[2], 0
    if c.d_write:
        if c.d_word_left == 0:
            c.d_word_left = c.d_words - 1
            if c.d_row_left == 0:
                c.d_now = 0
                fills = True
            c.d_row_left -= 1
        else:
            c.d_word_left -= 1
    c.d_write = comes
    opened = opens and has_d
    if opened:
        c.d_fifo[c.d_inner + c.d_out - int(pops)] = d_rows << 13 | d_words
    if inner_read:
        c.d_out = 1
    elif not d_now:
        c.d_out = 0
    c.d_inner += int(opened) - int(inner_read)
    c.d_units, c.d_ending = unpack(
        c.d_units, c.d_ending, p.out_units[D_UNIT], arrives, last, amount
    )

    # Rows.
    taken = c.clash == 0
    completes = _add(c)
    skid.advance(c, ROWS, row, word, taken)

    # Blocks, counted from the one that is stored next.
    stored = c.was_stored
    half_free = c.opened < AHEAD and not opens
    has_half = c.begun < AHEAD and not c.begin
    d_here = c.filled != 0 and not c.begin
    full = c.completed != 0 and not stored
    c.filled += int(fills) - int(c.begin and c.begin_addend)
    c.opened += int(opens) - stored
    c.begun += c.begin - stored
    c.completed += ((c.written >> (WRITTEN - 1)) & 1) - stored
    c.written = ((c.written << 1) | int(completes)) & ((1 << WRITTEN) - 1)
    c.half_free, c.has_half, c.has_d, c.full = half_free, has_half, d_here, full
