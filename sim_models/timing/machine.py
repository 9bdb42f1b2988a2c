"""A machine's cycles: every register that decides when something happens, cycle by cycle."""

from insitu.hdl.config.cim import WAITING

from . import fetch as fetching
from . import operand, skid, walk
from .compiled import compiled
from .fetch import KIND_A, KIND_B, KIND_BIAS
from .front import IDLE, loader, parse
from .lanes import collect, lanes, waits_for
from .operand import unpack, unpack_ready
from .state import DRAINED, PLACES_IN, ROWS, STEPS, STEPS_OUT, SUMS, TAKERS, A, B
from .store import columns_come, store
from .sums import array, array_ready, places, row_word, sums
from .tile import place, tile, tile_ready
from .walk import ADDEND, FIRST, LOAD, LOADS, SLOT, flag, tiles_of

__all__ = ["cycle", "reset"]

UNITS = (0, 2, 4, 5)  # unpackers of the takers: A, B, D, columns
BLOCKS = 3  # words of the queue's memory


@compiled
def reset(p, c, w, o):
    """Registers that are not 0."""
    c.begins, c.credit, c.has_credit, c.answers = 1, p.results, 1, p.outstanding
    c.new_block = -1
    c.steps_room = 1
    c.room = p.credits - (p.rows + p.uncounted if p.is_os else 1)
    if p.banks:
        c.room, c.may_end, c.in_room = p.credits - 2, 1, WAITING - 1
    if p.simd:
        c.k_credit, c.k_roomy, c.k_begins, c.row_fresh = p.depth[A], 1, 1, 1
    for n in range(3):
        w[n].lasts, w[n].goes = 4, 1
    for x in range(2):
        o[x].space, o[x].credit, o[x].has_credit = p.depth[x], operand.READ_QUEUE, 1


@compiled
def _amount(p, n, word):
    """Units that a bus word has for unpacker ``n``."""
    if p.simd:
        return (word >> fetching.TAIL) & fetching.TAILS
    if flag(word, fetching.LAST):
        return ((word >> fetching.TAIL) + p.unit[n] - 1) // p.unit[n]
    return p.in_units[n]


@compiled
def cycle(p, c, w, o, jobs, ones, posted, popped, next_job):
    """One cycle. ``posted``: a doorbell rings; ``popped``: software drops a completion;
    ``next_job``: the job that Parse reads; ``ones``: planes of each vector that are worked on,
    where some may be skipped.

    Whether that job starts; the slot whose job completes, or -1.
    """
    if p.simd:
        return _by_element(p, c, jobs, posted, popped, next_job)
    # --- What registers say ---
    addend, first = flag(w[A].p_step, ADDEND), flag(w[A].p_step, FIRST)
    gate = not first or (c.has_half and (not addend or c.has_d))

    # --- Rows of sums ---
    sums_taken = skid.free(c, PLACES_IN)
    array_taken, gives, row_goes = skid.free(c, DRAINED), c.shown, c.is_head and c.apart == 0
    drains, row_taken = c.skid[DRAINED], skid.free(c, ROWS)
    row = row_word(w[SUMS].words[0])
    row_ends = places(c, w[SUMS].out, row)
    skid.advance(c, ROWS, drains, 0, row_goes)
    skid.advance(c, DRAINED, gives, 0, row_taken)

    # --- Operands and array ---
    a_valid, a_first, a_last, loaded = operand.offers(o[A])
    b_valid, _, b_last, streamed = operand.offers(o[B])
    empty = c.vectors == 0 and c.tiles_open == 0
    if p.banks:
        a_taken, b_taken = tile_ready(p, c, a_first and loaded, streamed)
        takes = a_valid and a_taken
        planes = p.act_bits
        if takes and len(ones) != 0:
            planes = max(1, ones[c.vector])
            c.vector += 1
        tile(p, c, takes, a_first, a_last, loaded, b_valid and b_taken, planes, array_taken)
    elif p.is_os:
        a_free, w_free = array_ready(c)
        a_taken, b_taken = b_valid and a_free, a_valid and a_free
        array(p, c, a_valid and b_valid, a_last, 0, 0, array_taken)
    else:
        a_free, w_free = array_ready(c)
        a_taken, b_taken = a_free, w_free
        array(p, c, a_valid, a_first, b_valid, b_last, array_taken)

    # --- Words at their takers ---
    taken_words = 0
    a_size, b_size = 0, 0
    for n in range(4):
        word = c.skid_word[TAKERS + n]
        if n < 2:
            j = jobs[c.job[flag(word, fetching.SLOT)]]
            flipped = j.b_transposed if n == B else j.a_transposed
            size = int(flipped and p.apart[n])
            ready = operand.accepts(p, o[n], n, size)
            if n == A:
                a_size = size
            else:
                b_size = size
        else:
            ready = _shell_takes(p, c, n)
        if c.skid[TAKERS + n] and ready:
            taken_words |= 1 << n
    columns_end = _columns(p, c, (taken_words >> 3) & 1)

    # --- Steps ---
    steps_taken = c.steps_room
    next_step = c.skid_word[STEPS_OUT]
    if p.banks:
        # The first step of a job that loads waits until all before it are over.
        steps_taken = steps_taken and (c.idle_tile or not flag(next_step, LOADS))
        c.idle_tile = empty
    new_steps = c.skid[STEPS_OUT] and steps_taken
    if p.banks and new_steps:
        c.tiles_open += tiles_of(p, next_step)
        if flag(next_step, LOADS):
            c.ring = jobs[c.job[flag(next_step, SLOT)]].ring
    c.steps_room = not new_steps
    for n in range(4 if p.banks else 3):
        c.steps_room = c.steps_room and skid.free(c, STEPS + n)
    if p.banks:
        place(c, new_steps)

    # --- Counted ---
    for n in range(2):
        waits, owner = operand.waits(o[n])
        if waits and n == A:
            c.wait_a[owner] += 1
        elif waits:
            c.wait_b[owner] += 1
    if walk.waits(w[A], gate):
        c.wait_sums[flag(w[A].p_step, SLOT)] += 1

    # --- Walks and operands ---
    begins = walk.starts(w[A]) and first
    for n in range(3):
        # A step's first cycle shows which way its operand is stored.
        job = jobs[c.job[flag(w[n].taken, SLOT)]]
        flip = job.b_transposed if n == B else job.a_transposed
        is_taken = w[n].is_taken
        wants = sums_taken
        if n != SUMS:
            word = c.skid_word[TAKERS + n]
            wants = operand.wants(o[n])
            size = b_size if n == B else a_size
            unit = UNITS[n] + size
            reserve = c.reserve and c.fetches == (KIND_B if n == B else KIND_A)
            operand.advance(
                p, o[n], n, w[n].out, w[n].words[0], c.r_need, reserve,
                (taken_words >> n) & 1, size, flag(word, fetching.LAST), _amount(p, unit, word),
                b_taken if n == B else a_taken,
            )  # fmt: skip
        walk.advance(p, w[n], n, flip, gate if n == A else True, wants)
        if c.skid[STEPS + n] and not is_taken:
            walk.take(w[n], c.skid_word[STEPS + n])
        given = new_steps and (n != B or not p.banks or flag(next_step, LOAD))
        skid.advance(c, STEPS + n, given, next_step, not is_taken)

    # --- Fetch ---
    room = True
    if c.fetches == KIND_A:
        room = c.room_known[A] != 0
    elif c.fetches == KIND_B:
        room = c.room_known[B] != 0
    c.room_known[A], c.room_known[B] = o[A].room, o[B].room
    rows_free, rows_end = not c.busy, c.r_addr
    d_word = c.skid_word[TAKERS + 2]
    accepted = fetching.fetch(p, c, room, c.found and not c.sent, taken_words)
    return _shell(
        p, c, jobs, posted, popped, next_job, steps_taken, rows_free, rows_end, accepted, row_ends,
        begins, addend, (taken_words >> 2) & 1, d_word, columns_end,
    )  # fmt: skip


@compiled
def _by_element(p, c, jobs, posted, popped, next_job):
    """The same where operands are fetched by element."""
    next_step = c.skid_word[STEPS_OUT]
    addend, first = flag(next_step, ADDEND), flag(next_step, FIRST)
    gate = not first or (c.has_half and (not addend or c.has_d))
    offered, starts = waits_for(c, next_step, gate)
    if offered and not gate:
        c.wait_sums[flag(next_step, SLOT)] += 1

    words, here = c.skid_word[TAKERS : TAKERS + 3].copy(), c.skid[TAKERS : TAKERS + 2].copy()
    taken_words = 3
    for n in range(2, 4):
        if c.skid[TAKERS + n] and _shell_takes(p, c, n):
            taken_words |= 1 << n
    _columns(p, c, (taken_words >> 3) & 1)
    rows_free = not c.busy
    accepted = fetching.fetch(p, c, True, c.found and not c.sent, taken_words)
    pops, row_ends = lanes(p, c, starts, next_step)
    for x in range(2):
        collect(c, x, here[x], words[x], pops)
    return _shell(
        p, c, jobs, posted, popped, next_job, starts, rows_free, 0, accepted, row_ends,
        starts and first, addend, (taken_words >> 2) & 1, words[2], 0,
    )  # fmt: skip


@compiled
def _shell_takes(p, c, n):
    """Whether taker ``n`` of words takes one: D, or columns."""
    if n == 2:
        return unpack_ready(c.d_units, c.d_ending, p.out_units[UNITS[2]])[0]
    return unpack_ready(c.c_units, c.c_ending, p.out_units[UNITS[3]])[0]


@compiled
def _columns(p, c, arrives):
    """A cycle of the unpacker of biases and scales; whether it gives the last ones of a row."""
    word = c.skid_word[TAKERS + 3]
    _, rest, gives = unpack_ready(c.c_units, c.c_ending, p.out_units[UNITS[3]])
    ends = gives and c.c_ending and rest == 0
    c.c_units, c.c_ending = unpack(
        c.c_units, c.c_ending, p.out_units[UNITS[3]], arrives, flag(word, fetching.LAST),
        _amount(p, UNITS[3], word),
    )  # fmt: skip
    return ends


@compiled
def _shell(
    p, c, jobs, posted, popped, next_job, steps_taken, rows_free, rows_end, accepted, row_ends,
    begins, addend, d_arrives, d_word, columns_end,
):  # fmt: skip
    """The rest of a cycle: what an engine does not do."""
    loader_idle = c.loader == IDLE and c.idles
    loader_slot = c.slot

    # --- Store, then whatever it and the loader tell the others ---
    ended, done = c.was_stored, c.is_done
    ending, frees, c.is_done, done_slot = store(p, c, jobs)
    starts = parse(p, c, jobs, posted, next_job, done, done_slot, loader_idle)
    steps_free, blocks_free = skid.free(c, STEPS_OUT), c.blocks_inner != BLOCKS
    new_step, new_block, opens, has_d, takes_set = loader(
        p, c, jobs, starts, loader_slot, steps_free, blocks_free, rows_free, rows_end, accepted
    )
    skid.advance(c, STEPS_OUT, new_step >= 0, max(new_step, 0), steps_taken)
    sums(
        p, c, row_ends, opens, has_d, c.l_size[0],
        d_arrives, flag(d_word, fetching.LAST), _amount(p, UNITS[2], d_word),
    )  # fmt: skip
    c.begin, c.begin_addend = begins, addend
    used = c.used
    c.used += int(takes_set) - c.frees_set
    c.set_free = used != 2 and not takes_set
    c.was_stored, c.frees_set = ending, frees

    # --- Queue of blocks; completions ---
    reads = c.blocks_inner != 0 and (not c.blocks_out or ended)
    count = c.blocks_inner + c.blocks_out - int(ended)
    if ended:
        for n in range(3):
            c.blocks[n] = c.blocks[n + 1]
        c.blocks[3] = 0
    writes = new_block >= 0 and blocks_free
    if writes:
        c.blocks[count] = new_block
    if reads:
        c.blocks_out = 1
    elif ended:
        c.blocks_out = 0
    c.blocks_inner += int(writes) - int(reads)
    if p.banks:
        columns_come(c, accepted and c.f_kind >= KIND_BIAS, columns_end)
    # A job that has ended waits for a place among the completions that software has not dropped.
    completes = c.completes
    c.completes = c.ends and c.kept != p.kept
    c.ends = done or (c.ends and not c.completes)
    c.kept += c.completes - int(popped)
    slot = c.end_slot
    if done:
        c.end_slot = done_slot
    c.t += 1
    return starts, slot if completes else -1
