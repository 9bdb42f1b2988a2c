"""What ``insitu power`` knows by name."""

__all__ = ["DRIVEN", "MHZ", "WORKLOADS"]

DRIVEN = ("mac", "dot", "pe", "array", "column", "tile", "board")
"""Units that have workloads of their own."""
MHZ = {"liberty": 100.0, "ice40": 24.0, "ecp5": 100.0}
"""Clock that power is stated at."""
WORKLOADS = {
    "random": "operands uniform over their formats, floating-point ones normal of variance 1; "
    "weights changed as often as the unit can",
    "zeros": "all operands 0",
    "held": "random, weights held for 64 vectors",
    "held-sparse": "held, and 90 % of activations 0",
    "digits": "activations and weights of the digits network, all layers, in proportion; weights "
    "held for 64 vectors",
}
