"""A machine: control port, memory port, and an engine between them."""

from collections.abc import Callable

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..bus.axi import Axi4, Axi4Lite
from ..bus.reader import ReadMaster
from ..bus.writer import WriteMaster
from ..config.machine import MachineConfig
from ..contract.events import SHELL_EVENTS
from ..contract.job import Kind, block_layout, of_job, tag_layout
from ..stream import Pipe, Skid
from .addressing import addressing
from .arrivals import Arrivals
from .columns import Columns
from .control import ADDR_BITS, Control
from .counters import Counters
from .finishing import finishing
from .loader import Loader
from .outcome import Outcome
from .parse import Parse
from .residency import residency
from .store import Store
from .sums import Sums

__all__ = ["Machine"]


class Machine(wiring.Component):
    """Does one GEMM in memory per descriptor; ``docs/machine.md`` describes it.

    Parameters
    ----------
    config : MachineConfig
    engine : function of a MachineConfig
        Gives a component with the members of :class:`~insitu.hdl.contract.engine.EnginePort`.
    number : int
        The engine's number in the register ``capabilities``.
    config_hash : int
        32 bits.

    Members
    -------
    s_axil : ``In(Axi4Lite(12))``
    m_axi : ``Out(Axi4)``
    irq : Out(1)
    s_axi : ``In(Axi4)``
        Of engines with a ``bank_port``: see :class:`~insitu.hdl.engines.near.bank_port.BankPort`.
    """

    def __init__(
        self,
        config: MachineConfig,
        engine: Callable[[MachineConfig], wiring.Component],
        number: int,
        config_hash: int = 0,
    ):
        self._config, self._engine = config, engine
        self._number, self._hash = number, config_hash
        self._residency = residency(config)
        super().__init__(
            {
                "s_axil": In(Axi4Lite(ADDR_BITS)),
                "m_axi": Out(Axi4(config.bus_bits, config.addr_bits)),
                "irq": Out(1),
            }
            | self._residency.machine_ports()
        )

    def _constants(self) -> dict[str, int | dict[str, int]]:
        """Values of the read-only registers."""
        config, array = self._config, self._config.array
        return {
            "config_hash": self._hash,
            "capabilities": {
                "engine": self._number,
                "zero_points": int(array.zero_points),
                "a_transposed": 1,
                "b_transposed": 1,
                "addend": 1,
                **finishing(config).capabilities,
                "a_bits": array.a.bits,
                "b_bits": array.b.bits,
                "queue": config.queue,
                "word_log2": config.bus_bytes.bit_length() - 1,
                "a_either_sign": int(array.a_either_sign),
                **self._residency.capabilities(),
            },
            "geometry": {"rows": array.rows, "cols": array.cols, "dot": array.dot},
            "max_k": min(array.max_k, (1 << 32) - 1),
            "buffer_a": config.a_bytes,
            "buffer_b": config.b_bytes,
            "buffer_c": config.c_bytes,
            **self._residency.registers(),
            "profile": self._signs() | finishing(config).profile(config) or 0,
            **finishing(config).registers(config),
            "n_max": config.n_max,
        }

    def _signs(self) -> dict[str, int]:
        """Register ``profile``: formats without a sign, where signs are the formats'."""
        array = self._config.array
        fixed = {"a": not (array.zero_points or array.a_either_sign), "b": not array.zero_points}
        return {
            f"{x}_unsigned": 1
            for x, is_fixed in fixed.items()
            if is_fixed and not getattr(array, x).signed
        }

    def elaborate(self, platform):
        m = Module()
        config = self._config
        m.submodules.control = control = Control(
            self._constants(), config.queue, target=config.array.target
        )
        m.submodules.parse = parse = Parse(config)
        m.submodules.loader = loader = Loader(config)
        way = addressing(config)
        m.submodules.rows = rows = way.fetcher()
        tag_bits = tag_layout(config).size
        limits = {"longest": config.burst, "outstanding": config.outstanding}
        m.submodules.reader = reader = ReadMaster(
            config.addr_bits,
            config.bus_bits,
            tag_bits=tag_bits,
            quick=way.quick,
            **limits,
        )
        m.submodules.writer = writer = WriteMaster(
            config.addr_bits, config.bus_bits, target=config.array.target, **limits
        )
        m.submodules.engine = engine = self._engine(config)
        stays = self._residency
        stays.connect_engine(m, self, engine, control, parse)
        m.submodules.sums = sums = Sums(config)
        m.submodules.columns = columns = Columns(config)
        m.submodules.store = store = Store(config)

        wiring.connect(m, wiring.flipped(self.s_axil), control.axil)
        for name, member in Axi4(config.bus_bits, config.addr_bits).members.items():
            # Channels ar and r belong to the reader, the others to the writer.
            owner = reader if name.startswith(("ar", "r")) else writer
            outer, inner = getattr(self.m_axi, name), getattr(owner.axi, name)
            m.d.comb += outer.eq(inner) if member.flow == Out else inner.eq(outer)

        # --- Descriptors ---
        m.d.comb += [
            self.irq.eq(control.irq),
            parse.waiting.eq(control.waiting),
            parse.level.eq(control.level),
            parse.abort.eq(control.abort),
            parse.tag.eq(control.tag),
            parse.posted.eq(control.posted),
            control.word_addr.eq(parse.word_addr),
            parse.word.eq(control.word),
            control.take.eq(parse.take),
            loader.jobs.eq(parse.jobs),
            engine.jobs.eq(parse.jobs),
            store.jobs.eq(parse.jobs),
            store.checked.eq(parse.checked),
        ]
        wiring.connect(m, parse.o, loader.i)

        # --- Fetch ---
        wiring.connect(m, loader.rows, rows.i)
        m.submodules.segments = segments = Skid(rows.o.payload.shape())
        m.submodules.arrivals = arrivals = Arrivals(config)
        wiring.connect(m, rows.o, segments.i)
        wiring.connect(m, segments.o, reader.i)
        way.feed(m, loader, rows, engine)
        m.submodules.words = words = Skid(arrivals.i.payload.shape())
        wiring.connect(m, words.o, arrivals.i)
        word = words.i.payload
        m.d.comb += [
            words.i.valid.eq(reader.valid),
            reader.ready.eq(words.i.ready),
            word.data.eq(reader.data),
            word.last.eq(reader.last),
            word.tag.eq(reader.tag),
        ]
        wiring.connect(m, arrivals.a, engine.a)
        wiring.connect(m, arrivals.b, engine.b)
        wiring.connect(m, arrivals.d, sums.d)
        wiring.connect(m, arrivals.columns, columns.words)

        # --- Compute ---
        step = loader.steps.payload.shape()
        m.submodules.steps = steps = Skid(step)
        m.submodules.blocks = blocks = Pipe(block_layout(), 4)
        wiring.connect(m, loader.steps, steps.i)
        wiring.connect(m, steps.o, engine.steps)
        wiring.connect(m, loader.blocks, blocks.i)
        wiring.connect(m, blocks.o, store.blocks)
        m.d.comb += [
            loader.set_free.eq(columns.free),
            columns.takes.eq(loader.takes_set),
            columns.frees.eq(store.frees),
            loader.half_free.eq(sums.half_free),
            sums.opens.eq(loader.opens),
            sums.d_slot.eq(loader.steps.payload.slot),
            sums.adds.eq(loader.has_d),
            sums.rows_of_d.eq(loader.steps.payload.m),
            engine.has_room.eq(sums.has_room),
            engine.has_d.eq(sums.has_d),
            sums.begin.eq(engine.begin),
            sums.addend.eq(engine.addend),
            sums.rows.eq(engine.rows),
        ]

        stays.connect_columns(m, loader, columns, store)

        # --- Store ---
        m.submodules.written = written = Skid(store.segments.payload.shape())
        wiring.connect(m, store.segments, written.i)
        wiring.connect(m, written.o, writer.i)
        wiring.connect(m, store.words, writer.words)
        m.d.comb += [
            store.idle.eq(writer.idle),
            store.full.eq(sums.full),
            sums.addr.eq(store.addr),
            store.word.eq(sums.word),
            sums.stored.eq(store.stored),
            columns.set.eq(store.set),
            columns.addr.eq(store.column),
            store.bias.eq(columns.bias),
            store.scale.eq(columns.scale),
            parse.ended.eq(store.done),
        ]
        stays.connect_ends(m, store, parse)

        # --- How it ended ---
        m.submodules.outcome = outcome = Outcome()
        read_error, write_error = Signal(2), Signal(2)
        m.d.sync += read_error.eq(Mux(reader.error, 1 << word.tag.slot, 0))
        m.d.comb += write_error.eq(Mux(writer.error, 1 << store.slot, 0))
        m.d.comb += [
            outcome.abort.eq(control.abort),
            outcome.running.eq(parse.running),
            outcome.refused.eq(parse.refused),
            outcome.bus_error.eq(read_error | write_error),
            outcome.bad_scale.eq(columns.bad_scale),
            outcome.ends.eq(store.done),
            outcome.slot.eq(store.slot),
            outcome.tag.eq(of_job(parse.jobs, store.slot, "tag")),
            outcome.posted.eq(of_job(parse.jobs, store.slot, "posted")),
            outcome.bad_slot.eq(parse.o.payload),
            outcome.bad_posted.eq(parse.bad_posted),
            loader.abort.eq(outcome.stops),
            store.discard.eq(outcome.stops),
            store.may_end.eq(outcome.may_end),
            control.busy.eq(parse.busy | outcome.done.valid),
        ]
        stays.connect_outcome(m, outcome, parse)
        wiring.connect(m, parse.bad, outcome.bad)
        wiring.connect(m, outcome.done, control.done)

        # --- What is counted ---
        events = SHELL_EVENTS + engine.counted
        m.submodules.counters = counters = Counters(
            events, 2 + config.queue, target=config.array.target
        )
        m.d.comb += [
            counters.begins.eq(parse.begins),
            parse.counting.eq(counters.in_use),
            counters.ends.eq(outcome.completes),
            counters.popped.eq(control.popped),
            counters.read.eq(control.counter_read),
            counters.addr.eq(control.counter_addr),
            control.counter_valid.eq(counters.valid),
            control.counter.eq(counters.word),
        ]
        # A word is counted in the cycle after it was taken.
        takes, was = Signal(), Signal(word.shape(), reset_less=True)
        m.d.sync += [takes.eq(reader.valid & reader.ready), was.eq(word)]
        per_beat = {"a": config.a_per_beat, "b": config.b_per_beat}
        kind = was.tag.kind
        kinds = {
            "a": kind == Kind.A,
            "b": kind == Kind.B,
            "d": kind == Kind.D,
            "column": (kind == Kind.BIAS) | (kind == Kind.SCALE),
        }
        counted: dict = {}
        counts = way.counts(m, takes, was)
        for name, is_kind in kinds.items():
            whole = per_beat.get(name, config.bus_bits // 32)
            elements = counts(Mux(was.last, was.tag.tail, whole))
            counted[f"{name}_elements"] = (Mux(takes & is_kind, elements, 0), was.tag.slot)
            counted[f"{name}_words"] = (takes & is_kind, was.tag.slot)
        counted |= {
            "cycles": (Mux(outcome.completes, outcome.cycles, 0), outcome.cycles_slot),
            "c_elements": (store.finishes, store.slot),
            "c_words": (store.words.valid & store.words.ready, store.slot),
            "sums_begun": (sums.d_writes, sums.d_writes_slot),
            "sums_written": (sums.row_writes, sums.row_slot),
            "sums_read": (sums.row_reads, sums.row_slot),
            "sums_stored": (store.reads, store.slot),
        }
        for name, (amount, slot) in counted.items():
            event = counters.events[name]
            # Not shared with equal registers, which are where they are needed.
            own = Signal(event.shape(), name=name, attrs={"own_register": 1})
            m.d.sync += [own.amount.eq(amount), own.slot.eq(slot)]
            m.d.comb += event.eq(own)
        for event in engine.counted:
            m.d.sync += counters.events[event.name].eq(engine.events[event.name])
        return m
