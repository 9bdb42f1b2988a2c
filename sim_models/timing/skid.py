"""Register slices; a record has several, by number."""

from .compiled import compiled

__all__ = ["advance", "free"]


@compiled
def free(r, n):
    """Whether slice ``n`` of record ``r`` takes a word."""
    return not r.skid_full[n]


@compiled
def advance(r, n, valid, word, taken):
    """A cycle: ``word`` is offered if ``valid``; what is shown is ``taken``."""
    if taken or not r.skid[n]:
        r.skid[n] = r.skid_full[n] or valid
        if r.skid_full[n]:
            r.skid_word[n] = r.skid_spare[n]
        else:
            r.skid_word[n] = word if valid else 0
        r.skid_full[n], r.skid_spare[n] = 0, 0
    elif valid and not r.skid_full[n]:
        r.skid_full[n], r.skid_spare[n] = 1, word
