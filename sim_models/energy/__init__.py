"""Energy of what a machine counts: tables per node, counters × table, orders within the ranges."""

from .bill import Bill, Term, difference, flips, ratio
from .charge import LEFT_OUT, bus_bits, charge, mac_energy
from .logic import own_logic
from .tables import NODES, Figure, Range, Table, read, table

__all__ = [
    "LEFT_OUT",
    "NODES",
    "Bill",
    "Figure",
    "Range",
    "Table",
    "Term",
    "bus_bits",
    "charge",
    "difference",
    "flips",
    "mac_energy",
    "own_logic",
    "ratio",
    "read",
    "table",
]
