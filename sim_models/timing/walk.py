"""Walks over words: which word of a buffer, or of the sums, comes when."""

from .compiled import compiled
from .state import A, B

__all__ = ["advance", "flag", "size_of", "starts", "step_word", "take", "tiles_of", "waits"]

# A step: sizes of 13 bits, then flags.
SIZE = (1 << 13) - 1
SLOT, FIRST, STEP_LAST, KEEP_A, KEEP_B, ADDEND, LOAD, STREAMS, LOADS = range(39, 48)

# A word of a walk: offset of 16 bits, then flags, those of its step after.
SKIP, W_FIRST, W_LAST, TURN, END, BEGINS = 16, 17, 18, 19, 20, 21
W_SLOT, W_STEP_LAST, W_KEEP_A, W_KEEP_B, W_LOAD, W_STREAMS = 22, 24, 25, 26, 28, 29
QUEUE = 8  # words


@compiled
def flag(word, place):
    """Bit ``place``."""
    return (word >> place) & 1


@compiled
def size_of(word, n):
    """m, n or k of a step, by number."""
    return (word >> (13 * n)) & SIZE


@compiled
def step_word(m, n, k, slot, first, last, keep_a, keep_b, addend, load, streams, loads):
    """A step in one word.

    With banks: its B is loaded, and streamed; it is the first one of a job that loads.
    """
    return (
        m
        | n << 13
        | k << 26
        | slot << SLOT
        | first << FIRST
        | last << STEP_LAST
        | keep_a << KEEP_A
        | keep_b << KEEP_B
        | addend << ADDEND
        | load << LOAD
        | streams << STREAMS
        | loads << LOADS
    )


@compiled
def _up(value, step):
    return (value + step - 1) // step


@compiled
def tiles_of(p, step):
    """Tiles of B that a step has."""
    return _up(size_of(step, 1), p.cols) * _up(size_of(step, 2), p.k_per_tile)


@compiled
def _loop(w, level, count, off=0, place=0):
    w.p_less[level], w.p_off[level] = count - 1, off
    w.p_place[level] = place


@compiled
def _tiles(w, level, rows, across, words):
    """The loop at ``level`` goes over tiles of ``across`` of ``rows`` rows, ``words`` apart."""
    w.p_level = level
    w.p_far = (across - 1) * words
    w.p_last_far = ((rows - 1) % across) * words


@compiled
def take(w, step):
    """The next step comes in."""
    w.is_taken, w.taken = 1, step


@compiled
def _prepare(p, w, kind, transposed):
    """Loops of the step that was taken: the table of ``docs/machine.md``."""
    step = w.taken
    m, n, k = size_of(step, 0), size_of(step, 1), size_of(step, 2)
    m_tiles, n_tiles = _up(m, p.rows), _up(n, p.cols)
    k_tiles = _up(k, p.k_per_tile)
    for level in range(4):
        _loop(w, level, 1)
    w.p_level, w.p_far, w.p_last_far, w.p_whole = -1, 0, 0, 1
    if kind == A:
        words = _up(m if transposed else k, p.a_word)
        across = p.rows if p.is_os else p.k_per_tile
        if p.is_os == transposed:  # the way the array takes it
            count, rows = (k, m_tiles) if p.is_os else (m, k_tiles)
            _loop(w, 0, count, words)
            _loop(w, 1, n_tiles)
            _loop(w, 2, rows, 1)
            w.p_limit = count
        else:
            total, rows, tiles = (k, m, m_tiles) if p.is_os else (m, k, k_tiles)
            _loop(w, 0, across, 0, 1)
            _loop(w, 1, words, 1, across)
            _loop(w, 2, n_tiles)
            _loop(w, 3, tiles, words * across)
            _tiles(w, 3, rows, across, words)
            w.p_limit, w.p_whole = total, 0
    elif kind == B:
        words = _up(k, p.b_turned_word) if transposed else n_tiles
        if p.is_os:
            w.p_limit = k
            if transposed:
                _loop(w, 0, p.cols, 0, 1)
                _loop(w, 1, words, 1, p.cols)
                _loop(w, 2, n_tiles, words * p.cols)
                _loop(w, 3, m_tiles)
                _tiles(w, 2, n, p.cols, words)
                w.p_whole = 0
            else:
                _loop(w, 0, k, words)
                _loop(w, 1, n_tiles, 1)
                _loop(w, 2, m_tiles)
        elif transposed and p.b_turned_word != p.k_per_tile:
            parts = p.rows // p.cols
            _loop(w, 0, p.cols, 0, 1)
            _loop(w, 1, parts, 1, p.cols)
            _loop(w, 2, n_tiles, words * p.cols)
            _loop(w, 3, k_tiles, parts, p.rows)
            _tiles(w, 2, n, p.cols, words)
            w.p_limit = k
        elif transposed:
            _loop(w, 0, p.rows)
            _loop(w, 1, n_tiles, words * p.cols)
            _loop(w, 2, k_tiles, 1)
            _tiles(w, 1, n, p.cols, words)
            w.p_limit = 1
        else:
            _loop(w, 0, p.rows, words, 1)
            _loop(w, 1, n_tiles, 1)
            _loop(w, 2, k_tiles, words * p.rows, p.rows)
            w.p_limit = k
    elif p.is_os:
        _loop(w, 0, p.rows, n_tiles, 1)
        _loop(w, 1, n_tiles, 1)
        _loop(w, 2, m_tiles, n_tiles * p.rows, p.rows)
        w.p_limit = m
    else:
        _loop(w, 0, m, n_tiles)
        _loop(w, 1, n_tiles, 1)
        _loop(w, 2, k_tiles, 0, p.k_per_tile)
        w.p_limit = k
    w.p_step = step
    w.is_taken, w.is_prepared = 0, 1


@compiled
def _begin(w):
    """The prepared step starts."""
    w.at[:], w.less[:] = 0, w.p_less
    done_off, done_place = 0, 0
    for level in range(4):
        # What a step of this loop adds, those inside beginning anew.
        w.off[level], w.place[level] = w.p_off[level] - done_off, w.p_place[level] - done_place
        done_off += w.p_less[level] * w.p_off[level]
        done_place += w.p_less[level] * w.p_place[level]
    w.now_off, w.now_place, w.lasts = 0, 0, 0
    w.limit, w.level, w.far, w.last_far = w.p_limit, w.p_level, w.p_far, w.p_last_far
    w.whole, w.step, w.valid = w.p_whole, w.p_step, 1
    _look(w)


@compiled
def _look(w):
    """Innermost loops that are in their last iteration, with all inside them."""
    w.lasts = 0
    while w.lasts < 4 and w.at[w.lasts] == w.less[w.lasts]:
        w.lasts += 1


@compiled
def _step(w):
    """The next word."""
    level = w.lasts
    w.at[level] += 1
    w.now_off += w.off[level]
    w.now_place += w.place[level]
    for inside in range(level):
        w.at[inside] = 0
    _look(w)


@compiled
def _word(p, w):
    """What is shown now."""
    off, place = w.now_off, w.now_place
    turns = w.level >= 0
    if turns:
        off += w.last_far if w.at[w.level] == w.less[w.level] else w.far
    first = w.at[0] == 0 and (w.whole or w.at[1] == 0)
    last = w.lasts > 0 if w.whole else place == w.limit - 1
    step = w.step
    begins = flag(step, FIRST) and not flag(step, ADDEND) and (place == 0 or p.is_os)
    return (
        (off & 0xFFFF)
        | int(place >= w.limit) << SKIP
        | int(first) << W_FIRST
        | int(last) << W_LAST
        | int(turns) << TURN
        | int(w.lasts == 4) << END
        | int(begins) << BEGINS
        | (step >> SLOT) << W_SLOT
    )


@compiled
def starts(w):
    """The next step starts in this cycle."""
    return w.may_start and w.lasts == 4 and (not w.valid or w.goes)


@compiled
def waits(w, gate):
    """It is ready, and only the gate is closed."""
    return w.is_prepared and w.lasts == 4 and (not w.valid or w.goes) and not gate


@compiled
def advance(p, w, kind, transposed, gate, o_ready):
    """A cycle; ``gate`` as it is in this cycle, ``o_ready`` of what takes the words."""
    ending = w.lasts == 4
    goes = w.goes
    begins = w.may_start and ending and (not w.valid or goes)
    emits, taken = w.valid and goes, w.out and o_ready

    # Words on their way to the queue, in it, and shown.
    reads = w.inner != 0 and (not w.out or taken)
    if taken:
        w.count -= 1
        for n in range(w.count):
            w.words[n] = w.words[n + 1]
        w.words[w.count] = 0
    if emits:
        w.words[w.count] = _word(p, w)
        w.count += 1
    if reads:
        w.out = 1
    elif taken:
        w.out = 0
    w.inner += w.worked - int(reads)
    w.worked, w.begun = w.begun, emits
    w.ahead += int(emits) - w.was_taken
    w.was_taken, w.goes = taken, w.ahead != QUEUE

    # Loops.
    w_valid = w.valid
    if begins:
        _begin(w)
    elif ending and (not w_valid or goes):
        w.valid = 0
    elif w_valid and goes and not ending:
        _step(w)

    # The next step.
    w.may_start = w.is_prepared and gate and not begins
    if begins:
        w.is_prepared = 0
    elif w.is_taken and not w.is_prepared:
        _prepare(p, w, kind, transposed)
