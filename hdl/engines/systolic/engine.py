"""The systolic array between its operand buffers and the sums of a block of C."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring

from ...arith.product import PRODUCT_LATENCY, product
from ...array import SystolicArray
from ...config.machine import BLOCK_BITS, MachineConfig
from ...machine.counters import Event
from ...machine.job import step_layout
from ...machine.places import Places
from ...stream import Delay, Skid
from ..port import EnginePort
from .activity import Activity
from .loops import sum_loops
from .operand import Operand
from .walk import Walk

__all__ = ["SystolicEngine", "engine_events"]


def engine_events(config: MachineConfig) -> tuple[Event, ...]:
    """What the engine counts."""
    array = config.array
    row = BLOCK_BITS + array.cols.bit_length()
    return (
        Event("busy", 1, "cycles in which the array takes a vector of A"),
        Event("wait_a", 1, "cycles in which a word of A was not here yet"),
        Event("wait_b", 1, "cycles in which a word of B was not here yet"),
        Event("wait_sums", 1, "cycles in which a block waited for room for its sums, or for D"),
        Event("macs", row, "products"),
        Event("nonzero_macs", array.macs_per_cycle.bit_length(), "products with no zero operand"),
        Event("a_written", 1, "words of A written to its buffer"),
        Event("a_read", 1, "words of A read from its buffer"),
        Event("b_written", 1, "words of B written to its buffer"),
        Event("b_read", 1, "words of B read from its buffer"),
        Event("weight_rows", 1, "rows of weights written into the array"),
    )


class SystolicEngine(wiring.Component):
    """Computes block after block of C; see :class:`~hdl.engines.port.EnginePort`.

    Tiles follow each other without a gap, within a block and from one to the next, for as long as
    their operands are there and the buffer of sums has a free half.

    Parameters
    ----------
    config : MachineConfig
    """

    def __init__(self, config: MachineConfig):
        self._config = config
        super().__init__(EnginePort(config, engine_events(config)))

    @property
    def counted(self) -> tuple[Event, ...]:
        """What ``events`` has."""
        return engine_events(self._config)

    def elaborate(self, platform):
        m = Module()
        config, array_config = self._config, self._config.array
        m.submodules.array = array = SystolicArray(array_config)
        m.submodules.a = a = Operand(config, "a")
        m.submodules.b = b = Operand(config, "b")
        m.submodules.sums = sums = Walk(config, [lambda s: sum_loops(config, s)])

        # Each step goes to both operands and to the sums, which are far apart: when all of them had
        # room in the cycle before. Steps come many cycles apart.
        takers = {"a": a.steps, "b": b.steps, "sums": sums.i}
        have_room, sends = Signal(init=1), Signal()
        readies = []
        for name, taker in takers.items():
            m.submodules[f"steps_{name}"] = skid = Skid(step_layout())
            m.d.comb += [skid.i.payload.eq(self.steps.payload), skid.i.valid.eq(sends)]
            readies.append(skid.i.ready)
            wiring.connect(m, skid.o, taker)
        m.d.sync += have_room.eq(Cat(readies).all() & ~sends)
        m.d.comb += [self.steps.ready.eq(have_room), sends.eq(self.steps.valid & have_room)]

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
        self._operands(m, array, a, b)

        # Sums, in the order in which the array gives them.
        m.submodules.places = places = Places(config)
        word = sums.o.payload
        step = word.step
        is_os = array_config.flow == "os"  # WS adds up along K, tile by tile
        m.d.comb += [
            places.i.valid.eq(sums.o.valid),
            sums.o.ready.eq(places.i.ready),
            places.i.payload.addr.eq(word.offset),
            places.i.payload.slot.eq(step.slot),
            places.i.payload.first.eq(step.first & ~step.addend & ((word.place == 0) | is_os)),
            places.i.payload.skip.eq(word.skip),
            places.i.payload.end.eq(word.end & step.last),
            array.o.ready.eq(places.may_go),
            places.go.eq(array.o.valid),
            self.rows.place.eq(places.place),
        ]
        # Registers between the array's queue and the sums, which need not be near each other.
        m.d.sync += [
            self.rows.valid.eq(places.may_go & array.o.valid),
            *(self.rows.c[n].eq(array.o.payload.c[n]) for n in range(array_config.cols)),
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

        m.submodules.activity = activity = Activity(self._config)
        m.d.comb += [
            activity.a.eq(a.o.payload.word),
            activity.b.eq(b.o.payload.word),
            activity.a_zero.eq(a.o.payload.zero),
            activity.b_zero.eq(b.o.payload.zero),
            activity.a_taken.eq(a_taken),
            activity.a_first.eq(a.o.payload.first),
            activity.b_taken.eq(b_taken),
            activity.b_last.eq(b.o.payload.last),
            activity.slot.eq(a.o.payload.slot),
            event.nonzero_macs.amount.eq(activity.products),
            event.nonzero_macs.slot.eq(activity.products_slot),
        ]
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

    def _operands(self, m: Module, array: SystolicArray, a: Operand, b: Operand) -> None:
        """Connects both operands to the array's inputs."""
        config = self._config.array

        def signs(port, name: str, part: Operand):
            if config.zero_points:
                m.d.comb += [
                    port[f"{name}_signed"].eq(part.o.payload.signed),
                    port[f"{name}_zero"].eq(part.o.payload.zero),
                ]

        def elements(part: Operand) -> Cat:
            return Cat(part.o.payload.word)

        if config.flow == "ws":
            m.d.comb += [
                array.a.valid.eq(a.o.valid),
                a.o.ready.eq(array.a.ready),
                array.a.payload.a.as_value().eq(elements(a)),
                array.a.payload.swap.eq(a.o.payload.first),
                array.a.payload.last.eq(a.o.payload.last),
                array.w.valid.eq(b.o.valid),
                b.o.ready.eq(array.w.ready),
                array.w.payload.w.as_value().eq(elements(b)),
                array.w.payload.last.eq(b.o.payload.last),
            ]
            signs(array.a.payload, "a", a)
            signs(array.w.payload, "b", b)
            return
        m.d.comb += [
            array.i.valid.eq(a.o.valid & b.o.valid),
            a.o.ready.eq(b.o.valid & array.i.ready),
            b.o.ready.eq(a.o.valid & array.i.ready),
            array.i.payload.a.as_value().eq(elements(a)),
            array.i.payload.b.as_value().eq(elements(b)),
            array.i.payload.last.eq(a.o.payload.last),
        ]
        signs(array.i.payload, "a", a)
        signs(array.i.payload, "b", b)
