"""A machine's cycles: every register that decides when something happens, cycle by cycle."""

from . import operand, walk
from .compiled import compiled
from .fetch import KIND_A, KIND_B, KIND_D, fetch
from .front import IDLE, loader, parse
from .operand import unpack, unpack_ready
from .state import SUMS, A, B
from .store import store
from .sums import array, array_ready, completes, rows, skipped, sums
from .walk import ADDEND, FIRST, SLOT, flag

__all__ = ["cycle", "reset"]

COLUMN_UNIT = 5  # of the unpackers
STEPS, BLOCKS = 1, 3  # words of the queues' memories


@compiled
def reset(p, c, o):
    """Registers that are not 0."""
    c.begins, c.credit, c.answers = 1, 32, p.outstanding
    c.room = p.credits - (p.rows + p.uncounted if p.is_os else 1)
    for x in range(2):
        o[x].space, o[x].credit = p.depth[x], operand.READ_QUEUE


@compiled
def _units(p, n, last, tail):
    """Units of a bus word."""
    if last:
        return (tail + p.unit[n] - 1) // p.unit[n]
    return p.in_units[n]


@compiled
def cycle(p, c, w, o, jobs, posted, next_job):
    """One cycle. ``posted``: a doorbell rings; ``next_job``: the job that Parse reads.

    Whether that job starts; the slot whose job is done, or -1.
    """
    # --- What registers say ---
    a_free, w_free = array_ready(c)
    sums_word, sums_step, sums_valid = w[SUMS].shown, w[SUMS].shown_step, w[SUMS].skid_valid
    shown = c.shown
    full = c.completed != 0
    addend = flag(w[A].p_step, ADDEND)
    first = flag(w[A].p_step, FIRST)
    may_begin = c.has_half and (not addend or c.has_d)
    gate = not first or may_begin

    # --- Rows of sums ---
    row_ready = rows(c, sums_word)
    skip = skipped(sums_word)
    sums_taken = shown and (row_ready or skip)
    row = sums_valid and shown and not skip and row_ready
    fires = sums_valid and sums_taken
    complete = completes(fires, sums_word, sums_step)
    array_taken = sums_valid and (row_ready or skip)

    # --- Operands and array ---
    a_valid, a_first, a_last = operand.offers(p, o[A], A)
    b_valid, _, b_last = operand.offers(p, o[B], B)
    if p.is_os:
        a_taken, b_taken = b_valid and a_free, a_valid and a_free
        array(p, c, a_valid and b_valid, a_last, 0, 0, array_taken)
    else:
        a_taken, b_taken = a_free, w_free
        array(p, c, a_valid, a_first, b_valid, b_last, array_taken)

    # --- The word from memory ---
    kind, slot = c.word_kind, c.word_slot
    j = jobs[c.job[slot]]
    x = B if kind == KIND_B else A
    flipped = j.b_transposed if x == B else j.a_transposed
    size = int(flipped and p.apart[x])
    is_operand = kind in (KIND_A, KIND_B)
    if is_operand:
        unit = 2 * x + size
        ready = operand.accepts(p, o[x], x, size)
    elif kind == KIND_D:
        unit = 4
        ready = unpack_ready(c.d_units, c.d_ending, p.out_units[4])[0]
    else:
        unit = COLUMN_UNIT
        ready = unpack_ready(c.c_units, c.c_ending, p.out_units[5])[0]
    arrives = c.word and ready
    last, amount = c.word_last, _units(p, unit, c.word_last, c.word_tail)

    # --- Steps ---
    steps_valid, step = c.steps_out, c.steps[0]
    taken = 0
    for n in range(3):
        if steps_valid and not (c.sent_step >> n) & 1 and not w[n].is_taken:
            taken |= 1 << n
    steps_taken = steps_valid and (c.sent_step | taken) == 7

    # --- Counted ---
    waits, owner = operand.waits(o[A])
    if waits:
        c.wait_a[owner] += 1
    waits, owner = operand.waits(o[B])
    if waits:
        c.wait_b[owner] += 1
    if walk.waits(w[A], gate):
        c.wait_sums[flag(w[A].p_step, SLOT)] += 1

    # --- Fetch ---
    rows_free, rows_end = not c.busy, c.r_addr
    room = True
    if c.r_kind == KIND_A:
        room = c.r_need <= o[A].space
    elif c.r_kind == KIND_B:
        room = c.r_need <= o[B].space
    reserved, reserve_kind = c.r_need if c.reserve else 0, c.r_kind
    steps_free, blocks_free = c.steps_inner != STEPS, c.blocks_inner != BLOCKS
    loader_idle = c.loader == IDLE
    loader_slot = c.slot
    begins_engine = walk.starts(w[A]) and first
    accepted = fetch(p, c, room, c.found and not c.sent, ready)

    # --- Store, then whatever it and the loader tell the others ---
    stored, frees, done, done_slot = store(p, c, jobs, full)
    starts = parse(c, posted, next_job, done, loader_idle)
    new_step, new_block, opens, has_d, takes_set = loader(
        p, c, jobs, starts, loader_slot, steps_free, blocks_free, rows_free, rows_end, accepted
    )
    d_rows, d_words = c.l_size[0], (c.l_size[1] + p.cols - 1) // p.cols
    sums(
        p, c, row, sums_word, complete, opens, has_d, d_rows, d_words, addend, stored,
        arrives and kind == KIND_D, last, amount,
    )  # fmt: skip
    c.begin = begins_engine
    used = c.used
    c.used += int(takes_set) - int(frees)
    c.set_free = used != 2 and not takes_set
    c.c_units, c.c_ending = unpack(
        c.c_units, c.c_ending, p.out_units[5],
        arrives and not is_operand and kind != KIND_D, last, amount,
    )  # fmt: skip

    # --- Walks and operands ---
    wants_a, wants_b = operand.wants(o[A]), operand.wants(o[B])
    for n in range(2):
        mine = is_operand and x == n
        reserve = reserved if reserve_kind == (KIND_B if n == B else KIND_A) else 0
        operand.advance(
            p, o[n], n, w[n].skid_valid, w[n].shown, w[n].shown_step, reserve,
            arrives and mine, size, last, amount, b_taken if n == B else a_taken,
        )  # fmt: skip
    for n in range(3):
        # A step's first cycle shows which way its operand is stored.
        job = jobs[c.job[flag(w[n].taken, SLOT)]]
        flip = job.b_transposed if n == B else job.a_transposed
        is_taken = w[n].is_taken
        o_ready = wants_a if n == A else (wants_b if n == B else sums_taken)
        walk.advance(p, w[n], n, flip, gate if n == A else True, o_ready)
        if (taken >> n) & 1 and not is_taken:
            walk.take(w[n], step)
    c.sent_step = 0 if steps_taken else c.sent_step | taken

    # --- Queues of steps and blocks ---
    reads = c.steps_inner != 0 and (not c.steps_out or steps_taken)
    if steps_taken:
        c.steps[0], c.steps[1] = c.steps[1], 0
    count = c.steps_inner + c.steps_out - int(steps_taken)
    writes = new_step >= 0 and steps_free
    if writes:
        c.steps[count] = new_step
    if reads:
        c.steps_out = 1
    elif steps_taken:
        c.steps_out = 0
    c.steps_inner += int(writes) - int(reads)

    reads = c.blocks_inner != 0 and (not c.blocks_out or stored)
    count = c.blocks_inner + c.blocks_out - int(stored)
    if stored:
        for n in range(3):
            c.blocks[n] = c.blocks[n + 1]
        c.blocks[3] = 0
    writes = new_block >= 0 and blocks_free
    if writes:
        c.blocks[count] = new_block
    if reads:
        c.blocks_out = 1
    elif stored:
        c.blocks_out = 0
    c.blocks_inner += int(writes) - int(reads)
    c.t += 1
    return starts, done_slot if done else -1
