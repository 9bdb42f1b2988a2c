"""The same work on every machine, in figures, tables and pictures."""
