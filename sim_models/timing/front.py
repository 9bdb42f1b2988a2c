"""From doorbells to blocks to be fetched: queue, checks, the loops over blocks."""

from .compiled import compiled
from .fetch import KIND_A, KIND_B, KIND_BIAS, KIND_D, KIND_SCALE
from .loads import outside, skip_of
from .state import PAGE, VECTORS
from .store import block_word
from .walk import step_word

__all__ = ["ADVANCE", "COLUMNS", "FIRST", "IDLE", "MATRIX", "K", "M", "N", "loader", "parse"]

# Parse: idle, words and checks, judge, the job on offer, extents.
WAIT, WORDS, JUDGE, OFFER, EXTENTS = range(5)
WORD_CYCLES, EXTENT_CYCLES = 37, 72
HOLDS = 3  # cycles until it is seen that a job that loads has ended
PAUSE = 6  # cycles until sums of counters under way are in their memory

(IDLE, FIRST, MATRIX, COLUMNS, F_BIAS, F_SCALE, D_ROOM, F_D, F_A, F_B, BLOCK,
 ADVANCE) = range(12)  # fmt: skip
BITS = 8 * PAGE
M, N, K = 0, 1, 2
OP_A, OP_B, OP_D = 0, 1, 2


@compiled
def parse(p, c, jobs, posted, next_job, done, done_slot, loader_idle):
    """A cycle. ``posted``: a descriptor joins the queue after this cycle. Whether a job starts."""
    waiting = c.waiting
    starts = False
    if c.finds:
        c.checked[c.finds - 1] = 1
    c.finds = 0
    if c.parse == WAIT:
        if waiting and c.active != 2:
            c.parse, c.timer = WORDS, WORD_CYCLES
    elif c.parse == WORDS:
        c.timer -= 1
        if c.timer == 0:
            c.parse = JUDGE
    elif c.parse == JUDGE:
        if not c.live[c.slot] and (jobs[next_job].load_b or not (c.loading or c.holds)):
            c.parse = OFFER
    elif c.parse == OFFER:
        if loader_idle:
            starts = True
            c.parse, c.timer = EXTENTS, EXTENT_CYCLES
            c.checked[c.slot] = 0
            c.job[c.slot] = next_job
    else:
        c.timer -= 1
        if c.timer == 0:
            c.finds = c.slot + 1
            c.slot = 1 - c.slot
            c.parse = WAIT
    if c.holds:
        c.holds -= 1
    if p.banks and done and jobs[c.job[done_slot]].load_b:
        c.loading -= 1
        c.holds = HOLDS
    if p.banks and starts and jobs[next_job].load_b:
        c.loading += 1
    c.active += int(starts) - int(done)
    c.waiting += int(posted) - c.took
    _settle(c, p.counters)
    if c.took:
        c.live[c.starting] = 1
    c.took = starts
    if starts:
        c.starting = c.slot
    return starts


@compiled
def _settle(c, counters):
    """A cycle of the counters: those of a descriptor that has ended are settled, then free."""
    pending = c.unsettled != 0 and not c.settling
    if c.closing and c.pause == 0:
        c.unsettled -= 1
        c.settling, c.closing = 0, 0
        c.live[c.settled_slot] = 0
        c.settled_slot = 1 - c.settled_slot
    elif not c.settling and c.pending:
        c.settling, c.index, c.pause = 1, 0, PAUSE
    elif c.settling and c.pause == 0:
        c.index += 1
        if c.index == counters:
            c.index, c.closing, c.pause = 0, 1, PAUSE
    elif c.pause != 0:
        c.pause -= 1
    c.pending = pending
    c.unsettled += c.completes


@compiled
def _beats(length, per_beat):
    return (length + per_beat - 1) // per_beat


@compiled
def _fetch(c, wanted, rows_free, accepted, x, end, start, stride, rows, length, per_beat, need,
           kind):  # fmt: skip
    """A state that fetches rows of ``length`` elements. Whether it is over."""
    fetched = c.sent and rows_free
    if accepted:
        c.sent = 1
    if not wanted or fetched:
        c.found, c.sent = 0, 0
        if x >= 0 and wanted:
            c.end[x] = (end - c.offset[x]) % PAGE
        return True
    if not c.found:
        c.found = 1
        c.f_addr, c.f_stride, c.f_rows = start % PAGE, stride, rows
        c.f_beats, c.f_need, c.f_kind = _beats(length, per_beat), need, kind
        rest = length % per_beat
        c.f_tail = per_beat if rest == 0 else rest
    return False


@compiled
def _load(p, c, j, rows_free, accepted, x, base, offset, stride, along, rows, count, length, kind):
    """The same where operands are fetched by element, ``offset`` in bits: see
    :class:`~insitu.hdl.shell.addressing.loads.Loads`."""
    fetched = c.sent and rows_free
    if accepted:
        c.sent = 1
    if fetched:
        c.found, c.sent = 0, 0
        return True
    if not c.found:
        c.found = 1
        page, per_beat = j.page[x], p.per_beat[min(x, OP_D)]
        c.f_addr, c.f_stride = (base + outside(p, offset)) % page, stride
        c.f_skip = skip_of(p, offset, j.along[x])
        c.f_along, c.f_rows, c.f_count = along, rows, count
        c.f_beats = _beats(c.f_skip + length, per_beat)
        c.f_tail = (c.f_skip + length - 1) % per_beat + 1
        c.f_kind, c.f_page = kind, page
    return False


@compiled
def _ended(p, c, j, x, last):
    """Where the rows of an operand end, the last of which began in bus word ``last``."""
    c.end[x] = (last + j.stride[x] - outside(p, c.offset[x])) % j.page[x]


@compiled
def _by_element(p, c, j, rows_free, accepted):
    """A state that fetches where operands are fetched by element. Whether it is over."""
    state, size, turned = c.loader, c.l_size, j.a_transposed
    if state in (F_BIAS, F_SCALE):
        base, kind = (j.bias_addr, KIND_BIAS) if state == F_BIAS else (j.scale_addr, KIND_SCALE)
        return _load(p, c, j, rows_free, accepted, VECTORS, base, 8 * c.n_offset, 0, 0, 1, 1,
                     size[N], kind)  # fmt: skip
    if state == F_D:
        over = _load(p, c, j, rows_free, accepted, OP_D, c.row[OP_D], c.offset[OP_D],
                     j.stride[OP_D], 0, 1, size[M], size[N], KIND_D)  # fmt: skip
        if over:
            _ended(p, c, j, OP_D, c.k_last[1])
        return over
    if state == F_A:
        return _load(p, c, j, rows_free, accepted, OP_A, c.row[OP_A], c.offset[OP_A],
                     j.stride[OP_A], not turned, 1 if turned else size[M], size[K], size[M],
                     KIND_A)  # fmt: skip
    turned = j.b_transposed
    over = _load(p, c, j, rows_free, accepted, OP_B, c.row[OP_B], c.offset[OP_B], j.stride[OP_B],
                 turned, size[N] if turned else 1, size[K], size[N], KIND_B)  # fmt: skip
    if over:
        for x in range(2):
            _ended(p, c, j, x, c.k_last[x])
    return over


@compiled
def _after_columns(c, j):
    """D, or A; whether the next block of C opens."""
    if j.addend and c.l_first[K]:
        c.loader = D_ROOM
        return False
    c.loader = F_A
    return c.l_first[K] != 0


@compiled
def loader(p, c, jobs, starts, slot, steps_free, blocks_free, rows_free, rows_end, accepted):
    """A cycle.

    ``starts``: job of ``slot`` begins. ``rows_free``, ``rows_end``, ``accepted``: of Rows. What it
    offers: a step, a block; whether the next block of C opens, with D; a set of columns is taken.
    """
    state = c.loader
    j = jobs[c.job[c.l_slot]]
    size, first, last = c.l_size, c.l_first, c.l_last
    opens, takes_set, block = c.opens, c.takes_set, c.new_block
    c.opens, c.takes_set = 0, 0
    if blocks_free:
        c.new_block = -1
    step = -1
    a_flip, b_flip = j.a_transposed, j.b_transposed
    c.idles = state == IDLE and not starts
    step_waits = c.step_waits
    if step_waits:
        step = step_word(
            size[M], size[N], size[K], c.l_slot, first[K], last[K],
            int(j.a_kept and not last[N]), int(j.b_kept and not last[M] and not p.banks), j.addend,
            int(_wants_b(p, c, j)), int(not j.b_kept),
            int(j.load_b and c.fresh and first[M] and first[N] and first[K]),
        )  # fmt: skip
    if steps_free:
        c.step_waits = 0
    if state == IDLE:
        if starts:
            c.l_slot = slot
            c.loader = FIRST
    elif state in (FIRST, MATRIX):
        if state == FIRST:
            c.batch_left, c.fresh = j.batch, 1
            for x in range(3):
                c.base[x] = j.addr[x]
        c.l_left[M], c.l_left[N], c.l_left[K] = j.m, j.n, j.k
        for x in range(3):
            first[x] = 1
            c.row[x], c.offset[x] = c.base[x], 0
        c.n_offset = 0
        _sizes(c, j)
    elif state == COLUMNS:
        if not (first[K] and (j.order or first[M])):
            c.opens = _after_columns(c, j)
        elif c.set_free:
            c.takes_set = 1
            if j.bias:
                c.loader = F_BIAS
            elif j.scale:
                c.loader = F_SCALE
            else:
                c.opens = _after_columns(c, j)
    elif p.simd and F_BIAS <= state <= F_B and state != D_ROOM:
        if _by_element(p, c, j, rows_free, accepted):
            if state == F_BIAS and j.scale:
                c.loader = F_SCALE
            elif state in (F_BIAS, F_SCALE):
                c.opens = _after_columns(c, j)
            else:
                c.loader = state + 1
    elif state == F_BIAS:
        if _fetch(c, True, rows_free, accepted, -1, rows_end, j.bias_addr + c.n_offset, 0, 1,
                  size[N], p.per_beat[2], 0, KIND_BIAS):  # fmt: skip
            if j.scale:
                c.loader = F_SCALE
            else:
                c.opens = _after_columns(c, j)
    elif state == F_SCALE:
        if _fetch(c, True, rows_free, accepted, -1, rows_end, j.scale_addr + c.n_offset, 0, 1,
                  size[N], p.per_beat[2], 0, KIND_SCALE):  # fmt: skip
            c.opens = _after_columns(c, j)
    elif state == D_ROOM:
        if c.half_free:
            c.opens = 1
            c.loader = F_D
    elif state == F_D:
        if _fetch(c, True, rows_free, accepted, OP_D, rows_end, c.row[OP_D] + c.offset[OP_D],
                  j.stride[OP_D], size[M], size[N], p.per_beat[2], 0, KIND_D):  # fmt: skip
            c.loader = F_A
    elif state == F_A:
        along = size[M] if a_flip else size[K]
        if _fetch(c, not j.a_kept or first[N], rows_free, accepted, OP_A, rows_end,
                  c.row[OP_A] + c.offset[OP_A], j.stride[OP_A], size[K] if a_flip else size[M],
                  along, p.per_beat[0], _beats(along, p.a_word), KIND_A):  # fmt: skip
            c.loader = F_B
    elif state == F_B:
        along = size[K] if b_flip else size[N]
        need = _beats(along, p.b_turned_word if b_flip else p.b_word)
        if _fetch(c, _wants_b(p, c, j), rows_free, accepted, OP_B, rows_end,
                  c.row[OP_B] + c.offset[OP_B], j.stride[OP_B], size[N] if b_flip else size[K],
                  along, p.per_beat[1], need, KIND_B):  # fmt: skip
            c.loader = BLOCK
    elif state == BLOCK:
        if not step_waits and (not last[K] or block < 0):
            c.loader = ADVANCE
            if last[K]:
                final = last[M] and last[N] and c.batch_left == 1
                frees = int(j.order or last[M])
                c.new_block = block_word(
                    size[M], size[N], c.l_slot, frees, last[M], last[N], int(final), c.columns_due
                )
    else:
        _advance(p, c, j)
    return step, block, opens, j.addend, takes_set


@compiled
def _wants_b(p, c, j):
    """The step's block of B is fetched: with banks, a resident one once."""
    return not j.b_kept or (c.l_first[M] and (not p.banks or (c.fresh and j.load_b)))


@compiled
def _sizes(c, j):
    """The next step's block; it is on offer then."""
    left, block = c.l_left, c.l_size
    block[M], block[N], block[K] = j.m_block, j.n_block, j.k_block
    for x in range(3):
        c.l_last[x] = left[x] <= block[x]
        block[x] = min(block[x], left[x])
    c.step_waits = 1
    c.loader = COLUMNS


@compiled
def _advance(p, c, j):
    """The innermost loop that has not ended goes on; those inside it start over."""
    size, last = c.l_size, c.l_last
    inner, outer = (N, M) if j.order else (M, N)
    inner_on = last[K] and not last[inner]
    outer_on = last[K] and last[inner] and not last[outer]
    on_m, on_n, on_k = False, False, not last[K]
    back_m, back_n, back_k = False, False, inner_on or outer_on
    if inner == M:
        on_m, on_n, back_m = inner_on, outer_on, outer_on
    else:
        on_n, on_m, back_n = inner_on, outer_on, outer_on
    _loop(c, M, on_m, back_m, j.m)
    _loop(c, N, on_n, back_n, j.n)
    _loop(c, K, on_k, back_k, j.k)
    # Bytes along a stored row of each operand's block.
    shift = 0 if p.simd else 3  # there offsets are in bits
    a_bytes = (size[M] if j.a_transposed else size[K]) * j.along[OP_A] >> shift
    b_bytes = (size[K] if j.b_transposed else size[N]) * j.along[OP_B] >> shift
    if j.a_transposed:
        _place(c, OP_A, on_k, back_k, on_m, back_m, a_bytes)
    else:
        _place(c, OP_A, on_m, back_m, on_k, back_k, a_bytes)
    if j.b_transposed:
        _place(c, OP_B, on_n, back_n, on_k, back_k, b_bytes)
    else:
        _place(c, OP_B, on_k, back_k, on_n, back_n, b_bytes)
    _place(c, OP_D, on_m, back_m, on_n, back_n, size[N] * j.along[OP_D] >> shift)
    if p.simd:
        for x in range(3):
            c.offset[x] %= 8 * j.page[x]
    if on_n:
        page = j.page[VECTORS] if p.simd else PAGE
        c.n_offset = (c.n_offset + (size[N] * j.along[VECTORS] >> 3)) % page
    elif back_n:
        c.n_offset = 0

    if on_k or inner_on or outer_on:
        _sizes(c, j)
    elif c.batch_left != 1:
        c.batch_left -= 1
        c.fresh = 0
        for x in range(3):
            c.base[x] = (c.base[x] + j.step[x]) % PAGE
        c.loader = MATRIX
    else:
        c.loader = IDLE


@compiled
def _loop(c, x, on, back, whole):
    if on:
        c.l_left[x] -= c.l_size[x]
        c.l_first[x] = 0
    elif back:
        c.l_left[x] = whole
        c.l_first[x] = 1


@compiled
def _place(c, x, on_down, back_down, on_along, back_along, length):
    """Where the next block of an operand begins."""
    if on_down:
        c.row[x] = c.end[x]
    elif back_down:
        c.row[x] = c.base[x]
    if on_along:
        c.offset[x] = (c.offset[x] + length) % BITS
    elif back_along:
        c.offset[x] = 0
