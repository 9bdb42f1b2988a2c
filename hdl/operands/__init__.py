"""What brings operands from words of memory to a core."""
