"""Registers of a compact machine, most of them words of one block RAM."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..bus.words import WordPort
from ..config.compact import COMPACT_COUNTERS, CompactConfig
from ..contract.events import SHELL_EVENTS
from ..contract.job import Status
from ..shell.control import COUNTERS, WINDOW
from ..shell.registers import registers
from .ram import EBR_WORDS, BlockRam

__all__ = ["COUNTER_NUMBERS", "CompactControl"]

SPACE_BITS = 12
# Those of an engine follow those of the shell: four about its cycles, then the products.
COUNTER_NUMBERS = {e.name: n for n, e in enumerate(SHELL_EVENTS)} | {"macs": len(SHELL_EVENTS) + 4}


class CompactControl(wiring.Component):
    """Answers a host, takes a descriptor, keeps the counters of the last one.

    The register map is that of :mod:`insitu.hdl.shell.registers`. Identity, window, tag and
    counters are words of a block RAM at the places of their registers; what is fixed it has from
    the start. A descriptor is refused while another one is under way or its completion was not
    taken.

    Parameters
    ----------
    config : CompactConfig
    constants : dict
        Values of read-only registers, by name.

    Members
    -------
    port : ``In(WordPort(30))``
        A write takes two cycles, a read three, as its address is looked at first; both wait while
        the descriptor is read, writes while counters are stored as well.
    start : Out(1)
        A descriptor was taken.
    place, word : In(6), Out(32)
        A word of the window, a cycle later; only while ``reading``.
    reading : In(1)
    ended, status : In
        The descriptor has ended, for a cycle; how.
    abort : Out(1)
        For a cycle.
    events : In, one member for each counter but ``cycles``
        How many it counts in this cycle.
    """

    def __init__(self, config: CompactConfig, constants: dict[str, int]):
        self._config, self._constants = config, constants
        self._most = config.array.macs_per_cycle
        members = {
            f"count_{name}": In(range(self._most + 1) if name == "macs" else 1)
            for name in COMPACT_COUNTERS
            if name != "cycles"
        }
        super().__init__(
            members
            | {
                "port": In(WordPort(30)),
                "start": Out(1),
                "place": In(6),
                "word": Out(32),
                "reading": In(1),
                "ended": In(1),
                "status": In(Status),
                "abort": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, port, regs = self._config, self.port, registers()
        init = [0] * EBR_WORDS
        for name, value in self._constants.items():
            init[regs[name].address >> 2] = value
        for register in regs.values():
            if WINDOW <= register.address < COUNTERS:
                value = sum(f.reset << f.low for f in register.fields)
                init[register.address >> 2] = value
        m.submodules.ram = ram = BlockRam(
            32, EBR_WORDS, target=config.array.target, init=tuple(init)
        )
        m.d.comb += self.word.eq(ram.read_data)

        addr = port.addr[:SPACE_BITS]
        number = addr[2:10]  # of the word in the RAM
        seen, beyond, in_window, in_counters, in_ram = (
            Signal(name=name) for name in ("seen", "beyond", "in_window", "in_counters", "in_ram")
        )
        m.d.sync += [
            seen.eq(port.valid & ~port.done),
            beyond.eq(port.addr[SPACE_BITS:].any()),
            in_window.eq(addr[8:] == WINDOW >> 8),
            in_counters.eq(addr[9:] == COUNTERS >> 9),
            in_ram.eq(~addr[10:].any()),
        ]
        places = {}
        for name in ("status", "control", "doorbell", "completion", "completion_pop"):
            places[name] = Signal(name=f"at_{name}")
            m.d.sync += places[name].eq(addr[2:] == regs[name].address >> 2)
        at = places.__getitem__

        busy, valid, dropped = Signal(), Signal(), Signal()
        saving, waits = Signal(), Signal()
        m.d.comb += waits.eq(self.reading | (saving & port.write))

        # --- Writes ---
        write, ring = Signal(), Signal()
        m.d.comb += [
            write.eq(seen & port.write & ~waits & ~beyond),
            ring.eq(write & at("doorbell")),
            self.start.eq(ring & ~busy & ~valid),
            self.abort.eq(write & at("control") & port.wdata[0] & busy),
        ]
        with m.If(write & at("status") & port.wdata[regs["status"]["dropped"].low]):
            m.d.sync += dropped.eq(0)
        with m.If(ring & ~self.start):
            m.d.sync += dropped.eq(1)
        with m.If(write & at("completion_pop") & port.wdata[0]):
            m.d.sync += valid.eq(0)
        with m.If(self.start):
            m.d.sync += busy.eq(1)

        # --- Counters ---
        counters = {}
        for name in config.counters:
            counters[name] = counter = Signal(config.counter_bits, name=f"counter_{name}")
            if name == "cycles":
                # From the doorbell to the completion; it is stored in the cycle before that.
                m.d.sync += counter.eq(Mux(self.start, 2, counter + 1))
            else:
                with m.If(self.start):
                    m.d.sync += counter.eq(0)
                with m.Else():
                    m.d.sync += counter.eq(counter + getattr(self, f"count_{name}"))
        order = [name for name in config.counters if name != "cycles"] + ["cycles"]
        turn = Signal(range(len(order) + 1))
        saved, saved_at = Signal(32), Signal(range(EBR_WORDS))
        with m.Switch(turn):
            for n, name in enumerate(order):
                with m.Case(n):
                    place = (COUNTERS >> 2) + 2 * COUNTER_NUMBERS[name]
                    m.d.comb += [saved.eq(counters.get(name, 0)), saved_at.eq(place)]
        with m.If(self.ended):
            m.d.sync += [saving.eq(1), turn.eq(0)]
        with m.If(saving):
            m.d.sync += turn.eq(turn + 1)
            with m.If(turn == len(order) - 1):
                m.d.sync += [saving.eq(0), busy.eq(0), valid.eq(1)]
        m.d.comb += [
            ram.write_en.eq(saving | (write & in_window) | self.start),
            ram.write_addr.eq(
                Mux(saving, saved_at, Mux(self.start, regs["completion"].address >> 2, number))
            ),
            ram.write_data.eq(Mux(saving, saved, port.wdata)),
            ram.read_addr.eq(Mux(self.reading, Cat(self.place, Const(WINDOW >> 8, 2)), number)),
        ]

        # --- Reads ---
        second = Signal()
        status = regs["status"]
        shown = Signal(32)
        with m.If(at("status")):
            m.d.comb += [
                shown[status["waiting"].low].eq(busy | valid),
                shown[status["completions"].low].eq(valid),
                shown[status["busy"].low].eq(busy),
                shown[status["dropped"].low].eq(dropped),
            ]
        with m.Elif(at("completion")):
            with m.If(valid):
                m.d.comb += shown.eq(
                    Cat(ram.read_data[:16], Const(0, 15), Const(1, 1)) | (self.status << 16)
                )
        with m.Elif(in_ram & (valid | ~in_counters)):
            m.d.comb += shown.eq(ram.read_data)
        m.d.sync += second.eq(seen & ~port.write & ~waits & ~second & ~beyond)
        m.d.comb += [
            port.rdata.eq(shown),
            port.error.eq(beyond | (ring & ~self.start)),
            port.done.eq(seen & (beyond | second | write)),
        ]
        return m
