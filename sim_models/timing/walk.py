"""Walks over words: which word of a buffer, or of the sums, comes when."""

from .compiled import compiled
from .state import A, B

__all__ = ["advance", "flag", "starts", "step_word", "take", "waits"]

# A step: sizes of 13 bits, then flags.
SIZE = (1 << 13) - 1
SLOT, FIRST, LAST, KEEP_A, KEEP_B, ADDEND = 39, 40, 41, 42, 43, 44

# A word of a walk: offset of 16 bits, count of 14, then flags.
COUNT = 16
SKIP, W_FIRST, W_LAST, TURN, BLOCK_FIRST, BLOCK_LAST, END, BEGINS = 30, 31, 32, 33, 34, 35, 36, 37


@compiled
def flag(word, place):
    """Bit ``place``."""
    return (word >> place) & 1


@compiled
def _field(word, n):
    """m, n or k of a step, by number."""
    return (word >> (13 * n)) & SIZE


@compiled
def step_word(m, n, k, slot, first, last, keep_a, keep_b, addend):
    """A step in one word."""
    return (
        m
        | n << 13
        | k << 26
        | slot << SLOT
        | first << FIRST
        | last << LAST
        | keep_a << KEEP_A
        | keep_b << KEEP_B
        | addend << ADDEND
    )


@compiled
def _up(value, step):
    return (value + step - 1) // step


@compiled
def _loop(w, level, count, off=0, place=0, done=0):
    w.p_less[level], w.p_off[level] = count - 1, off
    w.p_place[level], w.p_done[level] = place, done


@compiled
def take(w, step):
    """The next step comes in."""
    w.is_taken, w.taken = 1, step


@compiled
def _prepare(p, w, kind, transposed):
    """Loops of the step that was taken: the table of ``docs/machine.md``."""
    step = w.taken
    m, n, k = _field(step, 0), _field(step, 1), _field(step, 2)
    m_tiles, n_tiles = _up(m, p.rows), _up(n, p.cols)
    k_tiles, beats = _up(k, p.k_per_tile), _up(k, p.dot)
    for level in range(4):
        _loop(w, level, 1)
    w.p_turn, w.p_total, w.p_whole = 0, 0, 0
    if kind == A:
        words = _up(m if transposed else k, p.a_word)
        across = p.rows if p.is_os else p.k_per_tile
        if p.is_os == transposed:  # the way the array takes it
            count, rows = (k, m_tiles) if p.is_os else (m, k_tiles)
            _loop(w, 0, count, words)
            _loop(w, 1, n_tiles)
            _loop(w, 2, rows, 1)
            w.p_rows = count
        else:
            total, outer = (beats, m_tiles) if p.is_os else (m, k_tiles)
            _loop(w, 0, across, words, 1)
            _loop(w, 1, words, 1, 0, across)
            _loop(w, 2, n_tiles)
            _loop(w, 3, outer, words * across, across)
            w.p_rows = m if p.is_os else k
            w.p_turn = 1
            w.p_total = total
    elif kind == B:
        words = _up(k, p.b_turned_word) if transposed else n_tiles
        if p.is_os:
            if transposed:
                _loop(w, 0, p.cols, words, 1)
                _loop(w, 1, words, 1, 0, p.cols)
                _loop(w, 2, n_tiles, words * p.cols, p.cols)
                _loop(w, 3, m_tiles)
                w.p_rows, w.p_turn, w.p_total = n, 1, beats
            else:
                _loop(w, 0, k, words)
                _loop(w, 1, n_tiles, 1)
                _loop(w, 2, m_tiles)
                w.p_rows = k
        elif transposed:
            _loop(w, 0, p.cols, words, 1)
            _loop(w, 1, n_tiles, words * p.cols, p.cols)
            _loop(w, 2, k_tiles, 1)
            w.p_rows, w.p_turn, w.p_total, w.p_whole = n, 1, p.rows, 1
        else:
            _loop(w, 0, p.rows, words, 1)
            _loop(w, 1, n_tiles, 1)
            _loop(w, 2, k_tiles, words * p.rows, p.rows)
            w.p_rows = k
    elif p.is_os:
        _loop(w, 0, p.rows, n_tiles, 1)
        _loop(w, 1, n_tiles, 1, 0, p.cols)
        _loop(w, 2, m_tiles, n_tiles * p.rows, p.rows)
        w.p_rows = m
    else:
        _loop(w, 0, m, n_tiles)
        _loop(w, 1, n_tiles, 1, 0, p.cols)
        _loop(w, 2, k_tiles, 0, p.k_per_tile)
        w.p_rows = k
    w.p_lanes = w.p_less[0] + 1
    w.p_step = step
    w.is_taken, w.is_prepared = 0, 1


@compiled
def _last_of(w):
    """Innermost loops that are in their last iteration, with all inside them."""
    count = 0
    while count < 4 and w.at[count] == w.less[count]:
        count += 1
    return count


@compiled
def _first_of(w):
    """The same of the first."""
    count = 0
    while count < 4 and w.at[count] == 0:
        count += 1
    return count


@compiled
def _word(p, w):
    """What is shown now."""
    off, place, done = 0, 0, 0
    for level in range(4):
        off += w.at[level] * w.off[level]
        place += w.at[level] * w.place[level]
        done += w.at[level] * w.done[level]
    lasts, firsts = _last_of(w), _first_of(w)
    rest = w.total - done
    count = w.total if w.whole else min(rest, w.lanes)
    count = max(0, min(count, (1 << 14) - 1))
    step = w.step
    begins = flag(step, FIRST) and not flag(step, ADDEND) and (place == 0 or p.is_os)
    return (
        (off & 0xFFFF)
        | count << COUNT
        | int(place >= w.rows) << SKIP
        | int(firsts > 0) << W_FIRST
        | int(lasts > 0) << W_LAST
        | w.turn << TURN
        | int(w.whole or done == 0) << BLOCK_FIRST
        | int(w.whole or lasts > 1) << BLOCK_LAST
        | int(lasts == 4) << END
        | int(begins) << BEGINS
    )


@compiled
def starts(w):
    """The next step starts in this cycle."""
    return w.may_start and _last_of(w) == 4 and (not w.valid or not w.spare_full)


@compiled
def waits(w, gate):
    """It is ready, and only the gate is closed."""
    return w.is_prepared and _last_of(w) == 4 and (not w.valid or not w.spare_full) and not gate


@compiled
def advance(p, w, kind, transposed, gate, o_ready):
    """A cycle; ``gate`` as it is in this cycle, ``o_ready`` of whoever takes the words."""
    ending = _last_of(w) == 4
    i_ready = not w.spare_full  # of the register slice at the end
    begins = w.may_start and ending and (not w.valid or i_ready)
    word, step, valid = 0, 0, w.valid
    if valid:
        word, step = _word(p, w), w.step

    # Register slice.
    if o_ready or not w.skid_valid:
        w.skid_valid = w.spare_full or valid
        if w.spare_full:
            w.shown, w.shown_step = w.spare, w.spare_step
        else:
            w.shown, w.shown_step = word, step
        w.spare_full, w.spare, w.spare_step = 0, 0, 0
    elif valid and i_ready:
        w.spare_full, w.spare, w.spare_step = 1, word, step

    # Loops.
    w_valid = w.valid
    if begins:
        for level in range(4):
            w.less[level], w.off[level] = w.p_less[level], w.p_off[level]
            w.place[level], w.done[level] = w.p_place[level], w.p_done[level]
            w.at[level] = 0
        w.rows, w.total, w.lanes = w.p_rows, w.p_total, w.p_lanes
        w.turn, w.whole, w.step = w.p_turn, w.p_whole, w.p_step
        w.valid = 1
    elif ending and (not w_valid or i_ready):
        w.valid = 0
    elif w_valid and i_ready and not ending:
        level = 0
        while w.at[level] == w.less[level]:
            w.at[level] = 0
            level += 1
        w.at[level] += 1

    # The next step.
    w.may_start = w.is_prepared and gate and not begins
    if begins:
        w.is_prepared = 0
    elif w.is_taken and not w.is_prepared:
        _prepare(p, w, kind, transposed)
