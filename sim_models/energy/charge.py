"""Which figure each counter of a machine is charged with."""

from collections.abc import Iterator

from insitu.hdl.config import MachineConfig
from insitu.hdl.config.fields import ceil_div
from insitu.hdl.config.numbers import EXACT, number_of

from .bill import Bill, Term
from .tables import Figure, Range, Table

__all__ = ["LEFT_OUT", "bus_bits", "charge", "mac_energy"]

LEFT_OUT = (
    "single registers and wires inside an array, CIM tile or lane, clock, control, requantisation, "
    "the bit that zero points and either signedness add to an operand, leakage"
)
"""What no counter counts: a total is less than a chip's. Operands are charged by the bits of
their formats: the bit more repeats a sign, or is 0, unless a zero point is subtracted."""

TEMPORAL = ("cycles", "busy", "wait_a", "wait_b", "wait_sums")
BUS = ("a_words", "b_words", "d_words", "column_words", "c_words")
# Elements in bus words, which are charged already.
SAME = ("a_elements", "b_elements", "d_elements", "column_elements", "c_elements")


def bus_bits(config: MachineConfig, counters: dict[str, int]) -> int:
    """Bits over the memory bus, either way."""
    return config.bus_bits * sum(counters[name] for name in BUS)


def mac_energy(table: Table, form: str = "int8") -> Range:
    """A multiply and an add, of int8 into 32 bits."""
    wide = "int32" if form == "int8" else form
    return table[f"mul {form}"].energy + table[f"add {wide}"].energy


class _Meter:
    """Charges counters and remembers which."""

    def __init__(self, config: MachineConfig, counters: dict[str, int], table: Table) -> None:
        self.config, self.counters, self.table = config, counters, table
        self.used: set[str] = {*TEMPORAL, *BUS, *SAME}

    def count(self, *names: str) -> int:
        self.used.update(names)
        return sum(self.counters.get(name, 0) for name in names)

    def ram(self, level: str, bits: float, size: int) -> Term:
        figure = self.table.sram(size)
        return Term(level, figure, bits / figure.bits)

    def external(self, pool: str, own_width: bool) -> Iterator[Term]:
        config, counters = self.config, self.counters
        bits = bus_bits(config, counters)
        if own_width:
            for x, element in (("a", config.array.a), ("b", config.array.b)):
                bits += counters[f"{x}_elements"] * element.bits
                bits -= counters[f"{x}_words"] * config.bus_bits
        outer = self.table[pool]
        yield Term("external", outer, bits / outer.bits)

    def buffers(self) -> Iterator[Term]:
        config, array = self.config, self.config.array
        bits = array.a.bits * config.a_word * self.count("a_written", "a_read")
        yield self.ram("buffer A", bits, config.a_bytes)
        word = max(config.b_word, config.b_turned_word)
        bits = array.b.bits * word * self.count("b_written", "b_read")
        yield self.ram("buffer B", bits, config.b_bytes)
        moved = self.count("sums_begun", "sums_written", "sums_read", "sums_stored")
        yield self.ram("sums", moved * array.cols * config.sum_bits, config.c_bytes)
        yield Term("sums", self.table.add(array.acc_bits), self.count("sums_read") * array.cols)

    def registers(self) -> Iterator[Term]:
        """Lanes with more than one sum each: a product reads one of them and writes it."""
        array = self.config.array
        if array.addressing.by_element and array.rm * array.rn > 1:
            size = ceil_div(array.rm * array.rn * array.acc_bits, 8)
            yield self.ram("register tile", 2 * self.count("macs") * array.acc_bits, size)

    def weights(self) -> Iterator[Term]:
        """Memories beside the multipliers; an array's are two sets of registers."""
        array, rows = self.config.array, self.count("weight_rows")
        if "weights_written" not in self.counters:
            size = ceil_div(array.cells * max(array.banks, 2) * array.b.bits, 8)
            yield self.ram("weights", rows * array.cols * array.b.bits, size)
            return
        bits = self.count("weights_written", "weights_read") * array.b.bits
        if "a_broadcast" in self.counters:
            figure = self.table["bank row"]
            yield Term("memory banks", figure, bits / figure.bits)
        else:
            cells = getattr(array, "tile_rows", array.rows) * getattr(array, "tile_cols", 1)
            yield self.ram("tile memories", bits, ceil_div(cells * array.banks * array.b.bits, 8))

    def wires(self) -> Iterator[Term]:
        """Elements passed on from a tile to the next, and those that go to all memory banks."""
        array = self.config.array
        widths = {"a_hops": array.a.bits, "sum_hops": array.out_bits, "weight_hops": array.b.bits}
        hop = self.table["wire"].part(self.table["tile pitch"])
        for name, bits in widths.items():
            yield Term("wires", hop, self.count(name) * bits)
        bits = self.count("a_broadcast") * array.a.bits
        yield Term("wires", self.table["on a memory's die"], bits)

    def product(self) -> list[Figure]:
        """Figures of a multiply and an add. Of floating-point numbers with exact sums: significands
        are multiplied, the product is put in its place, which is charged as an addition of its
        width, and added to the sum."""
        table, array = self.table, self.config.array
        add = table.add(array.acc_bits)
        if number_of(array) is EXACT:
            factors = array.a.significand.bits, array.b.significand.bits
            return [table.mul(*factors), table.add(array.term.bits), add]
        return [table.mul(array.a.bits, array.b.bits), add]

    def macs(self) -> Iterator[Term]:
        table, array = self.table, self.config.array
        macs = self.count("macs")
        nonzero = self.count("nonzero_macs") if "nonzero_macs" in self.counters else macs
        if array.planes:
            # A plane: an adder of a tree per slice of a weight, on the average a bit wider than
            # that (rows - 1 adders, half of them as wide, a quarter one bit wider, ...); then each
            # column adds the sum to those of the planes before. Rows without an activation, or with
            # a zero, do not toggle; of the others every bit is taken to do.
            planes = self.count("planes")
            if "planes" not in self.counters:
                planes = array.planes * self.count("a_read")
            self.count("planes_skipped")
            adds = planes * array.cells
            full = min(adds, nonzero * array.planes)
            add = table["add int8"]
            width = array.slices * (array.slice_width + 1) / add.bits
            yield Term("MACs", add, full * width)
            yield Term("MACs", add.part(table["zero operand"]), (adds - full) * width)
            yield Term("MACs", table.add(array.acc_bits), planes * array.cols)
            return
        for figure in self.product():
            yield Term("MACs", figure, nonzero)
            yield Term("MACs", figure.part(table["zero operand"]), macs - nonzero)


def charge(
    config: MachineConfig,
    counters: dict[str, int],
    table: Table,
    pool: str,
    *,
    own_width: bool = False,
    logic: Figure | None = None,
) -> Bill:
    """Energy of a descriptor, or of several whose counters are added up.

    Parameters
    ----------
    config : MachineConfig
    counters : dict
        As the machine counts them, or :func:`insitu.sim_models.traffic.counters`; without
        ``nonzero_macs`` no product has a zero operand, without ``planes`` a CIM tile skips none.
    table : Table
        Of a node.
    pool : str
        What the memory bus leads to: one of ``table.pools``.
    own_width : bool
        Bits of A and B are those of the elements asked for, not of the bus words that brought them:
        what a memory with a port as narrow as an element would move.
    logic : Figure or None
        Of a product on the whole engine, see :func:`~.logic.own_logic`: level "engine" instead of
        "MACs" and "weights", and registers of the engine are not left out.

    Returns
    -------
    Bill
        Levels "external", "buffer A", "buffer B", "sums", "weights", "MACs", and a machine's own.
    """
    meter = _Meter(config, counters, table)
    found = [*meter.external(pool, own_width), *meter.buffers(), *meter.registers()]
    found += [*meter.weights(), *meter.wires(), *meter.macs()]
    if logic:
        found = [term for term in found if term.level not in ("weights", "MACs")]
        found.append(Term("engine", logic, counters["macs"]))
    left = {name: n for name, n in counters.items() if name not in meter.used and n}
    return Bill(table, tuple(term for term in found if term.count), tuple(left.items()))
