"""Widths of what descriptors and shells count, from which other limits follow."""

__all__ = ["BLOCK_BITS", "KEPT_BITS", "MOST_BLOCK", "MOST_ROWS", "WORDS_BITS"]

BLOCK_BITS = 13
"""Bits of a block's size in elements."""
WORDS_BITS = 16
"""Bits of a word's number in an operand buffer."""
KEPT_BITS = 16
"""Bits of the K of an operand whose panel stays in its buffer, and of the K and N of a B that stays
in banks. Larger ones are fetched anew."""
MOST_BLOCK = (1 << BLOCK_BITS) - 1
MOST_ROWS = 1023
"""Rows that register ``geometry`` can tell."""
