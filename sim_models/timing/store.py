"""From sums to memory: finishing, packing, the write master, memory."""

from . import skid
from .compiled import compiled
from .fetch import WRITE, cut, free
from .state import CUT, LEAVING, PACKED, PAGE, RESULT, WRITTEN

__all__ = ["DUE", "block_word", "columns_come", "store"]

IDLE, BEGIN, WALK, FINISH, FINAL = range(5)
MATRIX_C = 3
# Of a result: bytes, last of a row, elements, first of a row, its place in a bus word.
SIZES, LAST, COUNT, COUNTS, ROW_FIRST, AT = 7, 3, 4, 127, 11, 12
# A block: rows and columns of 13 bits, then flags.
SLOT, FREES, LAST_M, LAST_N, JOB_LAST = 26, 27, 28, 29, 30
DUE = 31  # and, with banks, rows of biases and scales that it needs and that have not come
COME = 5  # cycles from the last of such a row to what is known of it


@compiled
def block_word(m, n, slot, frees, last_m, last_n, final, due):
    """A block in one word."""
    return (
        m | n << 13 | slot << SLOT | frees << FREES
        | last_m << LAST_M | last_n << LAST_N | final << JOB_LAST | due << DUE
    )  # fmt: skip


@compiled
def columns_come(c, asks, ends):
    """A cycle of the account of biases and scales: a row is asked for; the last of one came."""
    c.columns_due += int(asks)
    c.c_lasts = ((c.c_lasts << 1) | int(ends)) & ((2 << COME) - 1)
    if c.c_lasts >> COME:
        c.columns_due -= 1
        for n in range(4):
            if c.blocks[n] >> DUE:
                c.blocks[n] -= 1 << DUE
        if c.new_block >= 0 and c.new_block >> DUE:
            c.new_block -= 1 << DUE


@compiled
def _bit(word, place):
    return (word >> place) & 1


@compiled
def store(p, c, jobs):
    """A cycle. Whether a block ends after it, its columns are free, the job is done."""
    block = c.blocks[0]
    valid = c.blocks_out
    rows, cols, slot = block & 8191, (block >> 13) & 8191, _bit(block, SLOT)
    j = jobs[c.s_slot]
    final = _bit(block, JOB_LAST)
    # The copy of the job follows the block by a cycle, and stays when there is none.
    if valid:
        c.s_slot = c.job[slot]

    # --- Memory and write master ---
    burst, length = c.skid[CUT], c.skid_word[CUT]
    aw_ready = c.mem_w + c.mem_b < p.memory_bursts
    claim = c.claim
    cut_taken = c.b_valid[WRITE] and skid.free(c, CUT)
    data_taken = c.skid[LEAVING] and c.mem_w != 0
    data_last = data_taken and c.skid_word[LEAVING] != 0
    leaving_free = skid.free(c, LEAVING)
    leaves = c.w_shown and c.length_count != 0
    leaves_last = leaves and c.beat == c.lengths[0] - 1
    read_enabled = leaving_free and c.length_count != 0
    answered = c.mem_b != 0 and c.t >= c.mem_b_when[0]
    w_ready = c.w_ready
    word = c.pack_valid
    pack_ready = skid.free(c, PACKED)
    in_taken = c.skid[PACKED] and w_ready
    writer_idle = (
        not c.skid[WRITTEN]
        and free(c, WRITE, cut_taken)
        and not c.b_valid[WRITE]
        and not burst
        and c.answers + int(answered) == p.outstanding
        and not c.awvalid
    )
    next_claim = (
        burst
        and not claim
        and c.unclaimed > length - 1
        and c.answers != 0
        and (not c.awvalid or aw_ready)
    )

    # --- Pack, register slice, queue, pipeline ---
    result = c.skid_word[RESULT]
    moves = c.skid[RESULT] and (not word or pack_ready)
    bytes_, last, count = result & SIZES, (result >> LAST) & 1, (result >> COUNT) & COUNTS
    place = result >> AT if _bit(result, ROW_FIRST) else c.place
    ends_input, ends_word, amount = True, False, 0
    if moves:
        at_once = p.at_once[bytes_]
        ends_input = count - c.part * at_once <= at_once
        amount = bytes_ * at_once
        ends_word = (ends_input and last) or place + amount == p.bus_bytes
    k_taken = moves and ends_input
    k_in_ready = skid.free(c, RESULT)
    q_taken = c.q_out and k_in_ready
    latency = p.wide_stages if j.c_bytes == 4 else p.narrow_stages
    arrives = (c.stages >> (latency - 1)) & 1
    step = c.walking and c.has_credit
    row_ends = c.s_cols_left <= p.lanes
    drained = c.credit == p.results and not c.skid[RESULT] and not word and not c.skid[PACKED]
    first_stages = c.stages & 3

    # --- One block after the other ---
    ending = False
    done = False
    asks = False
    g_ready = not c.g_busy
    state = c.store
    was_ending = c.was_stored
    shown = 0 if was_ending else ((c.block_shown << 1) | int(valid)) & 7
    if state == IDLE:
        if c.begins:
            c.c_base, c.c_row, c.c_offset = j.addr[3], j.addr[3], 0
        elif c.begins_matrix:
            c.c_row, c.c_offset = c.c_base, 0
        is_due = block >> DUE != 0
        if c.block_shown >> 2 and c.full and not was_ending and c.checked[slot] and not is_due:
            c.begins, c.begins_matrix = 0, 0
            c.store = BEGIN
    elif state == BEGIN:
        asks = True
        if g_ready:
            c.store = WALK
    elif state == WALK:
        if not c.walking and not first_stages and g_ready:
            c.store = FINISH
    elif state == FINISH:
        ending = not final
        size = cols * j.along[MATRIX_C] >> 3
        page = j.page[MATRIX_C] if p.simd else PAGE
        inside = c.c_offset % p.bus_bytes if p.simd else 0
        last_m, last_n = _bit(block, LAST_M), _bit(block, LAST_N)
        if j.order:
            if not last_n:
                c.c_offset = (c.c_offset + size) % page
            else:
                c.c_row, c.c_offset = (c.g_addr - c.c_offset + inside) % page, 0
        elif not last_m:
            c.c_row = (c.g_addr - c.c_offset + inside) % page
        else:
            c.c_row, c.c_offset = c.c_base, (c.c_offset + size) % page
        if last_m and last_n:
            c.c_base = (c.c_base + j.step[3]) % PAGE
            c.begins_matrix = 1
        c.store = FINAL if final else IDLE
    elif c.drained and c.idle and not c.ends:
        ending, done = True, True
        c.begins = 1
        c.store = IDLE

    # --- Rows of C, bursts ---
    skid.advance(c, CUT, c.b_valid[WRITE], c.b_chunk[WRITE], claim)
    segment = c.skid_word[WRITTEN]
    accepted = cut(p, c, WRITE, cut_taken, c.skid[WRITTEN], segment & (PAGE - 1), segment >> 12)
    g_taken = skid.free(c, WRITTEN)
    skid.advance(c, WRITTEN, c.g_valid, c.g_o_addr | c.g_o_beats << 12, accepted)
    issue = c.g_roomy
    g_busy = c.g_busy
    c.g_roomy = g_busy and not issue and not c.g_reserve and (not c.g_valid or g_taken)
    c.g_reserve = issue
    if g_taken:
        c.g_valid = 0
    if issue:
        c.g_valid, c.g_o_addr, c.g_o_beats = 1, c.g_addr, c.g_beats
        c.g_addr = (c.g_addr + c.g_stride) % PAGE
        c.g_busy = c.g_rows != 1
        c.g_rows -= 1
    if asks and g_ready:
        size = j.c_bytes * cols
        c.g_busy, c.g_rows = 1, rows
        c.g_addr, c.g_stride = (c.c_row + c.c_offset) % PAGE, j.stride[3]
        if p.simd:
            inside = c.c_offset % p.bus_bytes
            c.g_addr, size = (c.g_addr - inside) % j.page[MATRIX_C], size + inside
        c.g_beats = (size + p.bus_bytes - 1) // p.bus_bytes

    # --- Results ---
    tail = (c.results_head + c.results_count) % 64
    if step:
        count = c.s_cols_left if row_ends else p.lanes
        c.results[tail] = j.c_bytes | int(row_ends) << LAST | count << COUNT
        if p.simd and c.s_cols_left == cols:
            c.results[tail] |= 1 << ROW_FIRST | (c.c_offset % p.bus_bytes) << AT
    skid.advance(c, RESULT, c.q_out, c.results[c.results_head], k_taken)
    if q_taken:
        c.results[c.results_head] = 0
        c.results_head = (c.results_head + 1) % 64
        c.results_count -= 1
    c.results_count += int(step)
    q_reads = c.q_inner != 0 and (not c.q_out or k_in_ready)
    if q_reads:
        c.q_out = 1
    elif k_in_ready:
        c.q_out = 0
    c.q_inner += int(arrives) - int(q_reads)
    c.has_credit = q_taken or (c.credit != 1 if step else c.credit != 0)
    c.credit += int(q_taken) - int(step)
    c.stages = ((c.stages << 1) | int(step)) & ((1 << p.narrow_stages) - 1)

    # --- Walk over the block ---
    if state == IDLE:
        c.slice, c.s_rows_left, c.s_cols_left = 0, rows, cols
    if step:
        c.s_cols_left -= p.lanes
        if row_ends:
            c.s_rows_left -= 1
            c.s_cols_left = cols
            c.walking = c.s_rows_left != 0
    if asks and g_ready:
        c.walking = 1

    # --- Words ---
    skid.advance(c, PACKED, word, 0, w_ready)
    if pack_ready:
        c.pack_valid = 0
    if moves:
        c.pack_valid = ends_word
        c.place = 0 if ends_word else place + amount
        c.part = 0 if ends_input else c.part + 1
    # A queue in block RAM: what is in it, latched in it, and shown.
    w_moves = read_enabled or not c.w_shown
    w_reads = w_moves and c.w_stored
    c.w_ready = c.w_count < p.write_queue - 2
    c.w_stored = in_taken or (c.w_count != 1 if w_reads else c.w_stored)
    c.w_count += int(in_taken) - int(w_reads)
    if w_moves:
        c.w_shown, c.w_latched = c.w_latched, w_reads
    c.unclaimed += int(in_taken) - (length if claim else 0)
    c.answers += int(answered) - int(claim)
    aw_taken = c.awvalid and aw_ready
    if claim:
        c.awvalid = 1
    elif aw_ready:
        c.awvalid = 0
    c.claim = next_claim
    skid.advance(c, LEAVING, leaves, int(leaves_last), data_taken)
    if leaves and leaving_free:
        c.beat = 0 if leaves_last else c.beat + 1
    if leaves_last and leaving_free:
        for n in range(c.length_count - 1):
            c.lengths[n] = c.lengths[n + 1]
        c.length_count -= 1
        c.lengths[c.length_count] = 0
    if claim:
        c.lengths[c.length_count] = length
        c.length_count += 1
    if answered:
        for n in range(c.mem_b - 1):
            c.mem_b_when[n] = c.mem_b_when[n + 1]
        c.mem_b -= 1
        c.mem_b_when[c.mem_b] = 0
    if data_last:
        c.mem_b_when[c.mem_b] = c.t + p.latency
        c.mem_b += 1
    c.mem_w += int(aw_taken) - int(data_last)
    c.idle, c.drained, c.block_shown = writer_idle, drained, shown

    return ending, ending and _bit(block, FREES), done, slot
