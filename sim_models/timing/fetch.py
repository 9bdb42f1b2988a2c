"""From blocks to be fetched to words from memory: rows, bursts, the read master, memory."""

from .compiled import compiled
from .state import PAGE

__all__ = ["KIND_A", "KIND_B", "KIND_BIAS", "KIND_D", "KIND_SCALE", "cut", "fetch", "free"]

KIND_A, KIND_B, KIND_D, KIND_BIAS, KIND_SCALE = 0, 1, 2, 3, 4
READ, WRITE = 0, 1


@compiled
def free(c, x, taken):
    """Whether cutter ``x`` accepts a segment; ``taken``: its burst is taken in this cycle."""
    return not c.b_held[x] or (c.b_valid[x] and taken and c.b_last[x])


@compiled
def cut(p, c, x, taken, offered, addr, beats):
    """A cycle of cutter ``x``: a burst is taken; a segment is offered. Whether that is accepted."""
    accepts = free(c, x, taken) and offered
    left = c.b_beats[x]
    room = (PAGE - c.b_addr[x]) // p.bus_bytes
    limit = min(p.longest, room)
    if c.b_held[x] and not c.b_limited[x]:
        c.b_limited[x] = 1
    elif c.b_held[x] and not c.b_valid[x]:
        c.b_valid[x] = 1
        c.b_chunk[x] = min(left, limit)
        c.b_last[x] = left <= limit
    elif c.b_valid[x] and taken:
        c.b_valid[x], c.b_limited[x] = 0, 0
        c.b_addr[x] = (c.b_addr[x] + c.b_chunk[x] * p.bus_bytes) % PAGE
        c.b_beats[x] -= c.b_chunk[x]
        c.b_held[x] = not c.b_last[x]
    if accepts:
        c.b_held[x], c.b_addr[x], c.b_beats[x] = 1, addr, beats
    return accepts


@compiled
def fetch(p, c, room, offered, word_ready):
    """A cycle of fetching; ``offered``: the loader has a block; ``word_ready``: the word is taken.

    ``room``: of the buffer in question, as it is in this cycle.
    """
    # --- Read master and memory ---
    issues = c.b_valid[READ] and c.reads < min(p.outstanding, p.memory_bursts)
    moves = not c.word or word_ready
    comes = c.reads != 0 and c.t >= c.read_when[0]
    ends = comes and moves and c.read_left[0] == 0
    if moves:
        c.word = comes
        if comes:
            tag = c.read_tag[0]
            c.word_kind, c.word_slot = tag & 7, (tag >> 3) & 1
            c.word_tail = tag >> 5
            c.word_last = c.read_left[0] == 0 and (tag >> 4) & 1
            c.read_left[0] -= 1
        else:
            c.word_kind, c.word_slot, c.word_tail, c.word_last = 0, 0, 0, 0
    if ends:
        for n in range(c.reads - 1):
            c.read_when[n] = c.read_when[n + 1]
            c.read_left[n] = c.read_left[n + 1]
            c.read_tag[n] = c.read_tag[n + 1]
        c.reads -= 1
        c.read_when[c.reads], c.read_left[c.reads], c.read_tag[c.reads] = 0, 0, 0
    if issues:
        c.read_when[c.reads] = c.t + p.latency
        c.read_left[c.reads] = c.b_chunk[READ] - 1
        c.read_tag[c.reads] = c.b_tag | c.b_last[READ] << 4
        c.reads += 1

    # --- Rows and bursts ---
    tag = c.o_kind | c.o_slot << 3 | c.o_tail << 5
    accepted = cut(p, c, READ, issues, c.o_valid, c.o_addr, c.o_beats)
    if accepted:
        c.b_tag = tag
    issue = c.busy and c.roomy and (not c.o_valid or accepted)
    takes = offered and not c.busy
    c.roomy = c.busy and room and not issue and not c.reserve
    c.reserve = issue
    if accepted:
        c.o_valid = 0
    if issue:
        c.o_valid, c.o_addr, c.o_beats = 1, c.r_addr, c.r_beats
        c.o_kind, c.o_slot, c.o_tail = c.r_kind, c.r_slot, c.r_tail
        c.r_addr = (c.r_addr + c.r_stride) % PAGE
        c.busy = c.r_rows != 1
        c.r_rows -= 1
    if takes:
        c.busy = 1
        c.r_addr, c.r_stride, c.r_rows = c.f_addr, c.f_stride, c.f_rows
        c.r_beats, c.r_need = c.f_beats, c.f_need
        c.r_kind, c.r_tail, c.r_slot = c.f_kind, c.f_tail, c.l_slot
    return takes
