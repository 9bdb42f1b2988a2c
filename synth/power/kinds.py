"""Kinds of cells as the simulation knows them: their programs, and what their counters mean."""

from dataclasses import dataclass, field

from insitu.hdl.config import UserError

from .cells import Cell, Power
from .program import AND, ANDN, OR, XOR, Program

__all__ = ["PROBE", "Kind", "Meter", "generic", "of_liberty", "probe", "reset_pin"]

PROBE = "probe"
# Yosys's gates: inputs and function.
_GATES = {
    "$_BUF_": (["A"], "A"),
    "$_NOT_": (["A"], "!A"),
    "$_AND_": (["A", "B"], "A & B"),
    "$_NAND_": (["A", "B"], "!(A & B)"),
    "$_OR_": (["A", "B"], "A | B"),
    "$_NOR_": (["A", "B"], "!(A | B)"),
    "$_XOR_": (["A", "B"], "A ^ B"),
    "$_XNOR_": (["A", "B"], "!(A ^ B)"),
    "$_ANDNOT_": (["A", "B"], "A & !B"),
    "$_ORNOT_": (["A", "B"], "A | !B"),
    "$_MUX_": (["A", "B", "S"], "(A & !S) | (B & S)"),
}


@dataclass
class Meter:
    """What a kind's counters count, as numbers of counters."""

    toggles: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Rises and falls of an output."""
    powers: list[tuple[Power, int, int]] = field(default_factory=list)
    """Rises and falls that an internal energy is for."""
    leaks: list[tuple[float, list[int]]] = field(default_factory=list)
    """Watts, and where they are leaked: mean of the counters."""
    rest: float = 0.0
    """Watts where no other condition holds."""


@dataclass
class Kind:
    """A kind of cell.

    ``pins``: inputs, outputs, then a flip-flop's state. ``evaluate`` gives ``outputs`` (pin, slot),
    ``count`` counts, ``follow`` gives the state's next value in slot ``next_slot``.
    """

    name: str
    inputs: list[str]
    output_pins: list[str]
    clock: str = ""
    state: str = ""
    tied: tuple[str, ...] = ()
    meter: Meter = field(default_factory=Meter)
    cell: Cell | None = None

    def __post_init__(self) -> None:
        self.pins = [*self.inputs, *self.output_pins, *([self.state] if self.state else [])]
        self.evaluate, self.count, self.follow = (Program(self.pins) for _ in range(3))
        self.outputs: list[tuple[int, int]] = []
        self.next_slot = 0


def generic(name: str) -> Kind:
    """A gate or flip-flop of Yosys's own library."""
    if name == "$_DFF_P_":
        kind = Kind(name, ["C", "D"], ["Q"], clock="C", state="state")
        kind.outputs = [(2, kind.evaluate.pin("state"))]
        kind.next_slot = kind.follow.pin("D")
        return kind
    if name not in _GATES:
        raise UserError(f"power: no model of cell {name!r}")
    inputs, function = _GATES[name]
    kind = Kind(name, inputs, ["Y"])
    kind.outputs = [(len(inputs), kind.evaluate.expression(function))]
    return kind


def probe() -> Kind:
    """Counts the changes of a net."""
    kind = Kind(PROBE, ["A"], [])
    rise, fall = kind.count.edges("A")
    kind.meter.toggles["A"] = kind.count.count(rise), kind.count.count(fall)
    return kind


def of_liberty(cell: Cell) -> Kind:
    """A cell of a library.

    Conditions are evaluated on values after the change, but for the clock's rise on those before
    it. The clock is taken as high where a condition names it, as everything changes after its
    rising edge; a leakage counts half with it high, half with it low. Raises ``UserError``, with
    the cell's file and line, for what is no gate and no flip-flop on a rising edge.
    """
    try:
        if cell.refused:
            raise UserError(cell.refused)
        return _of_liberty(cell)
    except UserError as error:
        raise UserError(f"LIBERTY: {cell.where}: {cell.name}: {error}") from None


def _of_liberty(cell: Cell) -> Kind:
    inputs = [pin.name for pin in cell.of(inputs=True)]
    outs = cell.of(inputs=False)
    if cell.is_flop:
        if not cell.states:
            raise UserError("ff must have names, as in ff (IQ, IQN)")
        if cell.clock not in inputs:
            raise UserError(f"clocked_on must be an input, not {cell.clock!r}")
        if not cell.next_state:
            raise UserError("ff must have a next_state")
        for expression in cell.tied:
            if reset_pin(expression) not in inputs:
                raise UserError(f"clear and preset must be an input's, not {expression!r}")
    state = cell.states[0] if cell.states else ""
    names = [pin.name for pin in outs]
    kind = Kind(cell.name, inputs, names, cell.clock, state, cell.tied, cell=cell)

    def inverse(program: Program) -> dict[str, int]:
        if len(cell.states) < 2:
            return {}
        return {cell.states[1]: program.step(XOR, 1, program.pin(state))}

    for pin in outs:
        if not pin.function:
            raise UserError(f"output {pin.name} must have a function")
        given = inverse(kind.evaluate)
        slot = kind.evaluate.expression(pin.function, given=given)
        kind.outputs.append((kind.pins.index(pin.name), slot))
    if state:
        kind.next_slot = kind.follow.expression(cell.next_state, given=inverse(kind.follow))
    _measure(kind, cell)
    return kind


def reset_pin(expression: str) -> str:
    """Pin of a clear or preset: of R, !R or R'."""
    return expression.strip("!() '")


def _measure(kind: Kind, cell: Cell) -> None:
    program, meter, clock = kind.count, kind.meter, kind.clock
    for name in kind.output_pins:
        rise, fall = program.edges(name)
        meter.toggles[name] = program.count(rise), program.count(fall)
    high = {clock: 1} if clock else {}

    def holds(power: Power, *, before: bool = False) -> int:
        """Slot of a condition; of none, where no other of the same pins holds."""
        if power.when:
            return program.expression(power.when, before=before, given=high)
        slot = 1
        for other in cell.powers:
            if (other.pin, other.related) == (power.pin, power.related) and other.when:
                when = program.expression(other.when, before=before, given=high)
                slot = program.step(ANDN, slot, when)
        return slot

    for power in cell.powers:
        if power.pin == clock:
            before, after = holds(power, before=True), holds(power)
            meter.powers.append((power, program.count(before), program.count(after)))
            continue
        rise, fall = program.edges(power.pin)
        when = holds(power)
        if power.related and power.related != clock:
            if power.related not in kind.pins:
                raise UserError(f"related_pin must be a pin, not {power.related!r}")
            moved = program.step(OR, *program.edges(power.related))
            when = program.step(AND, when, moved)
        counters = [program.count(program.step(AND, edge, when)) for edge in (rise, fall)]
        meter.powers.append((power, counters[0], counters[1]))
    for condition, watts in cell.leakage:
        if condition:
            levels = ({clock: 0}, {clock: 1}) if clock else ({},)
            slots = [program.expression(condition, given=level) for level in levels]
            meter.leaks.append((watts, [program.count(slot) for slot in slots]))
        else:
            meter.rest = watts
