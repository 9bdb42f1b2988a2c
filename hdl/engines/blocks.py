"""What engines that compute block after block of C from two operand buffers have in common."""

from abc import abstractmethod
from collections.abc import Mapping

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring

from ..arith.product import PRODUCT_LATENCY, product
from ..config.machine import MachineConfig
from ..config.widths import BLOCK_BITS
from ..contract.engine import LATE, EnginePort
from ..contract.events import Event
from ..operands.loops import sum_loops
from ..operands.operand import Operand
from ..operands.places import Places
from ..operands.walk import Walk
from ..stream import Delay, Skid

__all__ = ["BlockEngine", "block_events"]


def block_events(config: MachineConfig) -> tuple[Event, ...]:
    """What such engines count."""
    array = config.array
    row = BLOCK_BITS + array.cols.bit_length()
    return (
        Event("busy", 1, "cycles in which the array takes a vector of A"),
        Event("wait_a", 1, "cycles in which a word of A was not here yet"),
        Event("wait_b", 1, "cycles in which a word of B was not here yet"),
        Event("wait_sums", 1, "cycles in which a block waited for room for its sums, or for D"),
        Event("macs", row, "products"),
        Event("nonzero_macs", array.cells.bit_length(), "products with no zero operand"),
        Event("a_written", 1, "words of A written to its buffer"),
        Event("a_read", 1, "words of A read from its buffer"),
        Event("b_written", 1, "words of B written to its buffer"),
        Event("b_read", 1, "words of B read from its buffer"),
        Event("weight_rows", 1, "rows of weights written into the array"),
    )


class BlockEngine(wiring.Component):
    """Computes block after block of C; see :class:`~insitu.hdl.contract.engine.EnginePort`.

    Tiles follow each other without a gap, within a block and from one to the next, for as long as
    their operands are there and the buffer of sums has a free half.

    Parameters
    ----------
    config : MachineConfig
    events : tuple of Event
        What it counts: those of :func:`block_events`, and its own.
    """

    def __init__(self, config: MachineConfig, events: tuple[Event, ...]):
        self._config, self.counted = config, events
        super().__init__(EnginePort(config, events))

    @abstractmethod
    def _core(self, m: Module) -> wiring.Component:
        """Add what computes: its member ``o`` gives rows of sums."""

    @abstractmethod
    def _operands(self, m: Module, core, a: Operand, b: Operand) -> None:
        """Connect both operands to it."""

    @abstractmethod
    def _activity(self, m: Module, a: Operand, b: Operand) -> None:
        """Connect the event ``nonzero_macs``, and the engine's own."""

    # Whether the step on offer may be taken; takers that not every step goes to.
    _may_step: Value | None = None
    _wanted: Mapping[str, Value] = {}

    def _steps(self, m: Module, takers: dict) -> None:
        """Give each step to all ``takers``, which are far apart: when all of them had room in the
        cycle before. Steps come many cycles apart."""
        have_room, sends = Signal(init=1), Signal()
        readies = []
        for name, taker in takers.items():
            m.submodules[f"steps_{name}"] = skid = Skid(self.steps.payload.shape())
            valid = sends & self._wanted[name] if name in self._wanted else sends
            m.d.comb += [skid.i.payload.eq(self.steps.payload), skid.i.valid.eq(valid)]
            readies.append(skid.i.ready)
            wiring.connect(m, skid.o, taker)
        m.d.sync += have_room.eq(Cat(readies).all() & ~sends)
        ready = have_room & self._may_step if self._may_step is not None else have_room
        m.d.comb += [self.steps.ready.eq(ready), sends.eq(self.steps.valid & ready)]

    def elaborate(self, platform):
        m = Module()
        config, array = self._config, self._config.array
        core = self._core(m)
        m.submodules.a = a = Operand(config, "a")
        m.submodules.b = b = Operand(config, "b")
        m.submodules.sums = sums = Walk(config, [lambda s: sum_loops(config, s)])

        self._steps(m, {"a": a.steps, "b": b.steps, "sums": sums.i})
        for name, part in (("a", a), ("b", b)):
            m.d.comb += [
                part.jobs.eq(self.jobs),
                part.need.eq(self.need),
                getattr(self, f"room_{name}").eq(part.room),
                part.reserve.eq(getattr(self, f"reserve_{name}")),
            ]
            wiring.connect(m, wiring.flipped(getattr(self, name)), part.words)

        # A block of C begins when there is room for its sums, so that these need never wait.
        m.d.comb += [
            a.gate.eq(~a.next.first | (self.has_room & (~a.next.addend | self.has_d))),
            b.gate.eq(1),
            sums.gate.eq(1),
        ]
        started, is_first = Signal(), Signal()
        m.d.sync += [started.eq(a.starts), is_first.eq(a.next.first), self.addend.eq(a.next.addend)]
        m.d.comb += self.begin.eq(started & is_first)
        self._operands(m, core, a, b)

        # Sums, in the order in which the array gives them.
        m.submodules.places = places = Places(config)
        word = sums.o.payload
        step = word.step
        is_os = array.flow == "os"  # WS adds up along K, tile by tile
        m.d.comb += [
            places.i.valid.eq(sums.o.valid),
            sums.o.ready.eq(places.i.ready),
            places.i.payload.addr.eq(word.offset),
            places.i.payload.slot.eq(step.slot),
            places.i.payload.first.eq(step.first & ~step.addend & ((word.place == 0) | is_os)),
            places.i.payload.skip.eq(word.skip),
            places.i.payload.end.eq(word.end & step.last),
            self.rows.place.eq(places.place),
        ]
        # Registers between the array's queue, the places and the sums: half a device lies between
        # them, so there are two slices, and sums come after what is decided about them.
        shape = core.o.payload.shape()
        m.submodules.drained = drained = Skid(shape, far=True, late=LATE - 1)
        m.submodules.leaving = leaving = Skid(shape, far=True, late=LATE)
        wiring.connect(m, core.o, drained.i)
        wiring.connect(m, drained.o, leaving.i)
        m.d.comb += [leaving.o.ready.eq(places.may_go), places.go.eq(leaving.o.valid)]
        m.d.sync += [
            self.rows.valid.eq(places.may_go & leaving.o.valid),
            *(self.rows.c[n].eq(leaving.o.payload.c[n]) for n in range(array.cols)),
        ]
        self._events(m, a, b, sums)
        return m

    def _events(self, m: Module, a: Operand, b: Operand, sums: Walk) -> None:
        """Connects what is counted."""
        config = self._config.array
        event = self.events
        is_ws = config.flow == "ws"
        a_taken = a.o.valid & a.o.ready
        b_taken = b.o.valid & b.o.ready
        # Products of a row of sums: its columns, times its extent along K; worked out bit by bit
        # when its place is known.
        place = sums.o.payload
        step = place.step
        cols, depth = Signal(range(config.cols + 1)), Signal(BLOCK_BITS)
        most = config.k_per_tile if is_ws else (1 << BLOCK_BITS) - 1
        for name, least, left, limit in (
            ("cols", cols, step.n - place.done, config.cols),
            ("depth", depth, step.k - place.place if is_ws else step.k, most),
        ):
            rest, rest_later = (Signal(BLOCK_BITS, name=f"{name}_left_{n}") for n in range(2))
            more = Signal(name=f"{name}_more")
            m.d.sync += [
                rest.eq(left),
                rest_later.eq(rest),
                more.eq(rest > limit),
                least.eq(Mux(more, limit, rest_later)),
            ]
        row = Cat(sums.o.valid & sums.o.ready & ~place.skip, step.slot)
        m.submodules.row = late = Delay(len(row), 3 + PRODUCT_LATENCY, reset=True)
        m.d.comb += late.i.eq(row)
        products = product(m, cols, depth, "macs", config.target)
        m.d.sync += [
            event.macs.amount.eq(Mux(late.o[0], products, 0)),
            event.macs.slot.eq(late.o[1]),
        ]

        self._activity(m, a, b)
        for name, happens, slot in (
            ("busy", a_taken, a.o.payload.slot),
            ("wait_a", a.waits, a.read_slot),
            ("wait_b", b.waits, b.read_slot),
            ("wait_sums", a.waits_gate, a.next.slot),
            ("a_written", a.writes, a.write_slot),
            ("a_read", a.reads, a.read_slot),
            ("b_written", b.writes, b.write_slot),
            ("b_read", b.reads, b.read_slot),
            ("weight_rows", b_taken if is_ws else 0, b.o.payload.slot),
        ):
            m.d.sync += [event[name].amount.eq(happens), event[name].slot.eq(slot)]
