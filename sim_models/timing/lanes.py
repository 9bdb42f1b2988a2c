"""Lanes with a register tile: what is collected for each k, and the steps that use it."""

from .compiled import compiled
from .fetch import LAST
from .loads import END
from .state import FLIGHT, A, B
from .walk import FIRST, SLOT, STEP_LAST, flag, size_of

__all__ = ["collect", "lanes", "waits_for"]

APART = 6  # rows for the same word of sums
K = 2  # of a step's sizes


@compiled
def waits_for(c, step, gate):
    """Whether the step on offer may start, but for the ``gate``; and whether it does."""
    first = flag(step, FIRST)
    offered = c.skid[0] and not c.e_active and (first or c.e_rest == 0)
    return offered, offered and gate


@compiled
def collect(c, x, arrives, word, pops):
    """A cycle of operand ``x``: a bus ``word`` arrives; the lanes are through with a k."""
    write = (c.g_pipe[x] >> 1) & 1
    whole = arrives and flag(word, LAST) and flag(word, END)
    c.g_pipe[x] = (c.g_pipe[x] << 1 | int(whole)) & 3
    reads = c.g_inner[x] != 0 and (not c.g_out[x] or pops)
    if reads:
        c.g_out[x] = 1
    elif pops:
        c.g_out[x] = 0
    c.g_inner[x] += write - int(reads)


@compiled
def lanes(p, c, starts, step):
    """A cycle of the lanes; ``starts``: with the ``step`` on offer. Whether they are through with a
    k, and whether a block's last row comes."""
    comes = c.flight[c.t % FLIGHT]
    c.flight[c.t % FLIGHT] = 0
    issues = c.e_active and c.g_out[A] and c.g_out[B]
    pops = issues and c.e_at == 1
    if c.e_active:
        c.wait_a[c.e_slot] += 1 - c.g_out[A]
        c.wait_b[c.e_slot] += 1 - c.g_out[B]
    if c.e_rest != 0:
        c.e_rest -= 1
    if issues:
        c.e_at -= 1
    if pops:
        c.e_at = c.e_size
        c.e_left -= 1
        if c.e_left == 0:
            c.e_active, c.e_rest = 0, APART - 2
            if c.e_last:
                c.flight[(c.t + p.wave) % FLIGHT] = 1
    if starts:
        words = (size_of(step, 1) + p.cols - 1) // p.cols
        c.e_active, c.e_slot, c.e_last = 1, flag(step, SLOT), flag(step, STEP_LAST)
        c.e_size = size_of(step, 0) * words
        c.e_at, c.e_left = c.e_size, size_of(step, K)
    c.frees = pops
    return pops, comes
