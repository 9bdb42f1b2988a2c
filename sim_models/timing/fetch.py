"""From blocks to be fetched to words from memory: rows, bursts, the read master, memory."""

from . import skid
from .compiled import compiled
from .loads import SKIP, walk
from .state import PAGE, SEGMENTS, TAKERS, WORDS

__all__ = ["cut", "fetch", "free"]

KIND_A, KIND_B, KIND_D, KIND_BIAS, KIND_SCALE = 0, 1, 2, 3, 4
READ, WRITE = 0, 1
TAILS, SKIPS = 63, 31
SLOT, LAST, TAIL = 3, 4, 5  # of a word: kind, slot, last of its row, elements of it then


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
def _room(p, addr):
    return min(p.longest, (PAGE - addr) // p.bus_bytes)


@compiled
def cut_quick(p, c, taken, offered, addr, beats, tag):
    """A cycle of the read master's cutter where it gives a burst per cycle. Whether a segment is
    accepted."""
    x = READ
    ends = c.b_beats[x] <= c.q_limit
    gives = c.b_held[x] and c.b_limited[x] and (not c.b_valid[x] or taken)
    moves = c.q_given and (not c.b_held[x] or (gives and ends))
    accepts = offered and (not c.q_given or moves)
    again = c.b_held[x] and not c.b_limited[x]
    if taken:
        c.b_valid[x] = 0
    if gives:
        c.b_valid[x], c.b_last[x], c.b_tag = 1, ends, c.q_tag
        c.b_chunk[x] = min(c.b_beats[x], c.q_limit)
        c.b_addr[x] = (c.b_addr[x] + c.q_limit * p.bus_bytes) % PAGE
        c.b_beats[x] -= c.q_limit
        c.b_held[x], c.b_limited[x] = not ends, 0
        if ends:
            c.b_addr[x], c.b_beats[x] = 0, 0
    if again:
        c.q_limit, c.b_limited[x] = _room(p, c.b_addr[x]), 1
    if moves:
        c.b_addr[x], c.b_beats[x], c.q_tag = c.q_addr, c.q_beats, c.q_given_tag
        c.q_limit, c.b_held[x], c.b_limited[x] = _room(p, c.q_addr), 1, 1
        c.q_given, c.q_addr, c.q_beats, c.q_given_tag = 0, 0, 0, 0
    if accepts:
        c.q_given, c.q_addr, c.q_beats, c.q_given_tag = 1, addr, beats, tag
    return accepts


@compiled
def fetch(p, c, room, offered, taken):
    """A cycle of fetching; ``offered``: the loader has a block; whether it is accepted.

    ``room``: of the buffer in question, as it is known in this cycle. ``taken``: words by their
    takers, a bit each.
    """
    # --- Arrivals: a slice for each taker ---
    passes, word = _passes(c), c.skid_word[WORDS]
    arrives = passes and c.skid[WORDS]
    kind = min(word & 7, KIND_BIAS)
    for n in range(4):
        skid.advance(c, TAKERS + n, arrives and kind == n, word, (taken >> n) & 1)

    # --- Read master and memory ---
    issues = c.b_valid[READ] and c.may_read and c.reads < p.memory_bursts
    word_ready = skid.free(c, WORDS)
    moves = not c.word or word_ready
    comes = c.reads != 0 and c.t >= c.read_when[0]
    ends = comes and moves and c.read_left[0] == 0
    skid.advance(c, WORDS, c.word, c.word_word, passes)
    if p.simd:
        c.may_read = c.reads + int(issues) - int(ends) < p.outstanding
    else:
        c.may_read = c.reads != p.outstanding and not issues
    if moves:
        c.word, c.word_word = comes, 0
        if comes:
            tag = c.read_tag[0]
            last = c.read_left[0] == 0 and (tag >> LAST) & 1
            if p.simd:
                tag = _counted(p, c, tag, last)
            c.word_word = (tag & ~(1 << LAST)) | int(last) << LAST
            c.read_left[0] -= 1
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
        c.read_tag[c.reads] = c.b_tag | c.b_last[READ] << LAST
        c.reads += 1

    # --- Rows, register slice, bursts ---
    segment = c.skid_word[SEGMENTS]
    addr, beats = segment & (PAGE - 1), (segment >> 12) & 0xFFFF
    if p.simd:
        accepted = cut_quick(p, c, issues, c.skid[SEGMENTS], addr, beats, segment >> 28)
    else:
        accepted = cut(p, c, READ, issues, c.skid[SEGMENTS], addr, beats)
        if accepted:
            c.b_tag = segment >> 28
    o_ready = skid.free(c, SEGMENTS)
    tag = c.o_kind | c.o_slot << 3 | c.o_tail << TAIL
    skid.advance(c, SEGMENTS, c.o_valid, c.o_addr | c.o_beats << 12 | tag << 28, accepted)
    if p.simd:
        return walk(p, c, offered, o_ready)
    issue = c.roomy
    takes = offered and not c.busy
    c.roomy = c.busy and room and not issue and not c.old and (not c.o_valid or o_ready)
    c.old = int(issue) | ((c.old & 1) | int(takes)) << 1
    c.reserve = issue
    c.fetches = c.r_kind
    if o_ready:
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


@compiled
def _counted(p, c, tag, last):
    """The tag of the next word from memory, with the elements of it that count as its tail."""
    amount = (tag >> TAIL) & TAILS if last else p.per_beat[min(tag & 7, KIND_D)]
    if c.row_fresh:
        amount -= (tag >> SKIP) & SKIPS
    c.row_fresh = last
    return (tag & ~(TAILS << TAIL)) | amount << TAIL


@compiled
def _passes(c):
    """Every taker's slice has room."""
    found = True
    for n in range(4):
        found = found and skid.free(c, TAKERS + n)
    return found
