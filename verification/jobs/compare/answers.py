"""The answers at the top of docs/compare.md: sentences whose figures are the models' own."""

from collections.abc import Iterator, Sequence

from .modelled import SHARED, counted, done, sized_point, there
from .models import KINDS
from .orders import claim, ranking
from .run import bill
from .tables import POOLS, number, ranged

__all__ = ["answers"]

USUAL = [(node, pools[0]) for node, pools in POOLS.items()]
"""Nodes, each with the memory that it is usually seen with."""


def _span(values: Sequence[float]) -> str:
    """From the least to the most."""
    low, high = number(min(values)), number(max(values))
    return low if low == high else f"{low} to {high}"


def _named(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _where(node: str, memory: str) -> str:
    return f"at {node.replace('nm', ' nm')} with {memory.upper()}"


def _fetching() -> str:
    told = []
    for node, memory in USUAL:
        (row,) = (x for x in claim(node) if (x["memory"], x["format"]) == (memory, "int8"))
        told.append(f"{ranged(row['operand_by_mac'])} {_where(node, memory)}")
    return (
        "**What does a fetch cost?** The energy of so many int8 multiply-adds, for one 8-bit "
        f"operand from memory: {', '.join(told)}."
    )


def _reuse() -> str:
    bits = {name: done(name, "digits")["bits_per_mac"] for name in there()}
    most, least = max(bits, key=lambda x: bits[x]), min(bits.values())
    told = []
    for node, memory in USUAL:
        order = ranking(counted("digits"), node, memory)
        told.append(f"{ranged(order['ratio_to_best'][most])} times {_where(node, memory)}")
    return (
        f"**What does reuse save?** On the digits network {most} moves {number(bits[most])} bits "
        f"per product over the bus, the best {number(least)}. Its energy is {_named(told)} "
        "that of the best."
    )


def _least_energy() -> str:
    told = []
    for node, memory in USUAL:
        order = ranking(counted("digits"), node, memory)
        best, second = order["order"][:2]
        ratio = ranged(order["ratio_to_best"][second])
        doubt = "open" if [best, second] in order["open"] else "settled"
        told.append(f"{best} {_where(node, memory)}, before {second} with {ratio} times ({doubt})")
    return (
        f"**Which machine takes the least energy?** On the digits network {'; '.join(told)}. "
        "Open: the ranges of the figures allow the other order."
    )


def _weights_that_stay() -> str:
    names = [name for name, config in there().items() if config.shell.array.banks]
    others = [name for name in there() if name not in names and _is_on_par(name, "vectors")]
    (node, memory), *_ = USUAL
    parts = []
    for group in (names, others):
        bits = [done(name, "vectors")["bits_per_mac"] for name in group]
        energy = []
        for name in group:
            shell, found = counted("vectors")[name]
            energy.append(bill(shell, found, node, memory).total.value / found["macs"])
        parts.append(f"{_span(bits)} bits and {_span(energy)} pJ per product on {_named(group)}")
    return (
        "**What are weights worth that stay?** Vectors that come one after the other to the same "
        f"weights take {', but '.join(parts)} ({_where(node, memory)})."
    )


def _is_on_par(name: str, case: str) -> bool:
    """Moves a quarter more than the least that its bytes allow, or less."""
    x = done(name, case)
    return x["bits_per_mac"] <= 1.25 * x["bound_bits_per_mac"]


def _used_once() -> str:
    names = [name for name in there() if _is_on_par(name, "gemv")]
    found = [done(name, "gemv") for name in names]
    cycles, bits, least = (
        _span([x[key] for x in found]) for key in ("cycles", "bits_per_mac", "bound_bits_per_mac")
    )
    return (
        "**And if each weight is used once?** Then no machine helps: a vector by a matrix of "
        f"256 × 256 takes {cycles} cycles and {bits} bits per product on {_named(names)}; at "
        f"least {least} bits must be moved."
    )


def _equal() -> str:
    found = [x for kind in KINDS if (x := sized_point("bert-base", kind, SHARED))]
    (node, memory), *_ = USUAL
    energy = {x.kind: bill(x.shell, x.counters, node, memory).total.value / x.macs for x in found}
    low, high = min(energy, key=lambda x: energy[x]), max(energy, key=lambda x: energy[x])
    cycles, bits = _span([x.cycles / 1e6 for x in found]), _span([x.bits / x.macs for x in found])
    return (
        f"**And with equal peak and equal bytes?** BERT-base takes {cycles} million cycles and "
        f"{bits} bits per product on {len(found)} kinds of machine of {SHARED} products per "
        "cycle: buffers decide what crosses the bus. The engine decides the rest, "
        f"{number(energy[low])} ({low}) to {number(energy[high])} pJ per product ({high}) "
        f"{_where(node, memory)}."
    )


def answers() -> Iterator[str]:
    """Each answer, in a line of Markdown."""
    for answer in (_fetching, _reuse, _least_energy, _weights_that_stay, _used_once, _equal):
        yield f"- {answer()}"
