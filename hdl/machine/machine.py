"""A machine: control port, memory port, and an engine between them."""

from collections.abc import Callable

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from ..bus.axi import Axi4, Axi4Lite
from ..bus.reader import ReadMaster
from ..bus.writer import WriteMaster
from ..config.machine import MachineConfig
from .columns import Columns
from .control import ADDR_BITS, TIME_BITS, Control
from .counters import SHELL_EVENTS, Counters
from .job import Kind, Status, block_layout, of_job
from .loader import Loader, tag_layout
from .parse import Parse
from .rows import Rows
from .store import Store
from .sums import Sums

__all__ = ["Machine"]


class Machine(wiring.Component):
    """Does one GEMM in memory per descriptor; ``docs/machine.md`` describes it.

    Parameters
    ----------
    config : MachineConfig
    engine : function of a MachineConfig
        Gives a component with the members of :class:`~hdl.engines.port.EnginePort`.
    number : int
        The engine's number in the register ``capabilities``.
    config_hash : int
        32 bits.

    Members
    -------
    s_axil : ``In(Axi4Lite(12))``
    m_axi : ``Out(Axi4)``
    irq : Out(1)
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
        super().__init__(
            {
                "s_axil": In(Axi4Lite(ADDR_BITS)),
                "m_axi": Out(Axi4(config.bus_bits, config.addr_bits)),
                "irq": Out(1),
            }
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
                "requantise": 1,
                "column_scale": 1,
                "addend": 1,
                "a_bits": array.a.bits,
                "b_bits": array.b.bits,
                "queue": config.queue,
                "word_log2": config.bus_bytes.bit_length() - 1,
            },
            "geometry": {"rows": array.rows, "cols": array.cols, "dot": array.dot},
            "max_k": min(array.max_k, (1 << 32) - 1),
            "buffer_a": config.a_bytes,
            "buffer_b": config.b_bytes,
            "buffer_c": config.c_bytes,
        }

    def elaborate(self, platform):
        m = Module()
        config = self._config
        m.submodules.control = control = Control(
            self._constants(), config.queue, target=config.array.target
        )
        m.submodules.parse = parse = Parse(config)
        m.submodules.loader = loader = Loader(config)
        m.submodules.rows = rows = Rows(config.addr_bits, tag_layout(config))
        tag_bits = tag_layout(config).size
        limits = {"longest": config.burst, "outstanding": config.outstanding}
        m.submodules.reader = reader = ReadMaster(
            config.addr_bits, config.bus_bits, tag_bits=tag_bits, **limits
        )
        m.submodules.writer = writer = WriteMaster(config.addr_bits, config.bus_bits, **limits)
        m.submodules.engine = engine = self._engine(config)
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
            control.busy.eq(parse.busy),
            loader.jobs.eq(parse.jobs),
            engine.jobs.eq(parse.jobs),
            store.jobs.eq(parse.jobs),
            store.checked.eq(parse.checked),
        ]
        wiring.connect(m, parse.o, loader.i)

        # --- Fetch ---
        wiring.connect(m, loader.rows, rows.i)
        wiring.connect(m, rows.o, reader.i)
        fetches_b = rows.tag.kind == Kind.B
        fetches_a = rows.tag.kind == Kind.A
        m.d.comb += [
            loader.rows_end.eq(rows.end),
            engine.need.eq(rows.need),
            rows.room.eq(Mux(fetches_a, engine.room_a, Mux(fetches_b, engine.room_b, 1))),
            engine.reserve_a.eq(rows.reserve & fetches_a),
            engine.reserve_b.eq(rows.reserve & fetches_b),
        ]
        word = data.View(tag_layout(config), reader.tag)
        is_operand = (word.kind == Kind.A) | (word.kind == Kind.B)
        is_d = word.kind == Kind.D
        m.d.comb += [
            engine.valid.eq(reader.valid & is_operand),
            engine.data.eq(reader.data),
            engine.is_b.eq(word.kind == Kind.B),
            engine.tail.eq(word.tail),
            engine.last.eq(reader.last),
            engine.slot.eq(word.slot),
            sums.d_valid.eq(reader.valid & is_d),
            sums.d_data.eq(reader.data),
            sums.d_last.eq(reader.last),
            sums.d_tail.eq(word.tail),
            columns.valid.eq(reader.valid & ~is_operand & ~is_d),
            columns.data.eq(reader.data),
            columns.last.eq(reader.last),
            columns.tail.eq(word.tail),
            columns.is_scale.eq(word.kind == Kind.SCALE),
            columns.columns.eq(word.columns),
            reader.ready.eq(Mux(is_operand, engine.ready, Mux(is_d, sums.d_ready, columns.ready))),
        ]

        # --- Compute ---
        m.submodules.steps = steps = Pipe(loader.steps.payload.shape(), 2)
        m.submodules.blocks = blocks = Pipe(block_layout(), 4)
        wiring.connect(m, loader.steps, steps.i)
        wiring.connect(m, steps.o, engine.steps)
        wiring.connect(m, loader.blocks, blocks.i)
        wiring.connect(m, blocks.o, store.blocks)
        wiring.connect(m, engine.rows, sums.rows)
        m.d.comb += [
            loader.set_free.eq(columns.free),
            columns.takes.eq(loader.takes_set),
            columns.frees.eq(store.frees),
            loader.half_free.eq(sums.half_free),
            sums.opens.eq(loader.opens),
            sums.d_slot.eq(loader.steps.payload.slot),
            sums.has_d.eq(loader.has_d),
            sums.rows_of_d.eq(loader.steps.payload.m),
            sums.cols_of_d.eq(loader.steps.payload.n),
            engine.may_begin.eq(sums.may_begin),
            sums.begin.eq(engine.begin),
            sums.addend.eq(engine.addend),
            sums.complete.eq(engine.complete),
        ]

        # --- Store ---
        wiring.connect(m, store.segments, writer.i)
        wiring.connect(m, store.words, writer.words)
        settled = Signal()
        m.d.sync += settled.eq(writer.idle)
        m.d.comb += [
            store.full.eq(sums.full),
            sums.addr.eq(store.addr),
            store.word.eq(sums.word),
            sums.stored.eq(store.stored),
            columns.set.eq(store.set),
            columns.addr.eq(store.column),
            store.bias.eq(columns.bias),
            store.scale.eq(columns.scale),
            # A cycle later, when an error in the last response is known.
            store.idle.eq(writer.idle & settled),
            parse.ended.eq(store.done),
        ]

        # --- How it ended ---
        failed = [Signal(Status, name=f"failed_{n}", init=Status.OK) for n in range(2)]
        aborted = Signal(2)
        scale_slot = Signal()
        stops = Signal(2)
        m.d.comb += [
            stops.eq(aborted | Cat(f != Status.OK for f in failed)),
            loader.abort.eq(stops),
            store.discard.eq(stops),
        ]
        with m.If(columns.valid):
            m.d.sync += scale_slot.eq(word.slot)
        for n in range(2):
            ends = store.done & (store.slot == n)
            refused = parse.refused[n]
            bus_error = (reader.error & (word.slot == n)) | (writer.error & (store.slot == n))
            with m.If(ends):
                m.d.sync += aborted[n].eq(0)
            with m.Elif(control.abort & parse.running[n]):
                m.d.sync += aborted[n].eq(1)
            with m.If(ends):
                m.d.sync += failed[n].eq(Status.OK)
            with m.Elif(refused):
                m.d.sync += failed[n].eq(Status.BAD_SHAPE)
            with m.Elif(bus_error & (failed[n] == Status.OK)):
                m.d.sync += failed[n].eq(Status.BUS_ERROR)
            with m.Elif(columns.bad_scale & (scale_slot == n) & (failed[n] == Status.OK)):
                m.d.sync += failed[n].eq(Status.BAD_SCALE)
        done = control.done
        ended = Mux(store.slot, failed[1], failed[0])
        m.d.comb += [
            store.may_end.eq(done.ready),
            done.valid.eq(store.done | parse.bad.valid),
            parse.bad.ready.eq(done.ready & ~store.done),
        ]
        with m.If(store.done):
            m.d.comb += [
                done.payload.tag.eq(of_job(parse.jobs, store.slot, "tag")),
                done.payload.status.eq(
                    Mux(aborted.bit_select(store.slot, 1), Status.ABORTED, ended)
                ),
            ]
        with m.Else():
            m.d.comb += done.payload.eq(parse.bad.payload)

        # --- What is counted ---
        events = SHELL_EVENTS + engine.counted
        m.submodules.counters = counters = Counters(
            events, 2 + config.queue, target=config.array.target
        )
        m.d.comb += [
            counters.begins.eq(parse.begins),
            counters.ends.eq(done.valid & done.ready),
            counters.popped.eq(control.popped),
            counters.read.eq(control.counter_read),
            counters.addr.eq(control.counter_addr),
            control.counter_valid.eq(counters.valid),
            control.counter.eq(counters.word),
        ]
        takes = reader.valid & reader.ready
        per_beat = {"a": config.a_per_beat, "b": config.b_per_beat}
        kinds = {
            "a": word.kind == Kind.A,
            "b": word.kind == Kind.B,
            "d": is_d,
            "column": ~is_operand & ~is_d,
        }
        counted: dict = {}
        for name, kind in kinds.items():
            whole = per_beat.get(name, config.bus_bits // 32)
            elements = Mux(reader.last, word.tail, whole)
            counted[f"{name}_elements"] = (Mux(takes & kind, elements, 0), word.slot)
            counted[f"{name}_words"] = (takes & kind, word.slot)
        # Cycles from each doorbell to the one after this, in which a completion is visible; worked
        # out a cycle ahead.
        elapsed = [Signal(TIME_BITS, name=f"elapsed_{n}", reset_less=True) for n in range(3)]
        posted = (parse.jobs[0].posted, parse.jobs[1].posted, control.posted)
        m.d.sync += [
            e.eq(control.now - before + 2) for e, before in zip(elapsed, posted, strict=True)
        ]
        ended_slot = Mux(store.done, store.slot, parse.o.payload)
        took = Mux(store.done, Mux(store.slot, elapsed[1], elapsed[0]), elapsed[2])
        took = Mux(done.valid & done.ready, took, 0)
        counted |= {
            "cycles": (took, ended_slot),
            "c_elements": (store.finishes, store.slot),
            "c_words": (store.words.valid & store.words.ready, store.slot),
            "sums_begun": (sums.d_writes, sums.d_writes_slot),
            "sums_written": (sums.row_writes, sums.row_slot),
            "sums_read": (sums.row_reads, sums.row_slot),
            "sums_stored": (store.reads, store.slot),
        }
        for name, (amount, slot) in counted.items():
            event = counters.events[name]
            m.d.sync += [event.amount.eq(amount), event.slot.eq(slot)]
        for event in engine.counted:
            m.d.sync += counters.events[event.name].eq(engine.events[event.name])
        return m


class Pipe(wiring.Component):
    """A queue of a few words between two streams.

    Parameters
    ----------
    shape : :class:`~amaranth.hdl.ShapeLike`
    depth : int
    """

    def __init__(self, shape, depth: int):
        self._shape, self._depth = shape, depth
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = SyncFIFOBuffered(width=self._shape.size, depth=self._depth)
        m.d.comb += [
            queue.w_data.eq(self.i.payload),
            queue.w_en.eq(self.i.valid),
            self.i.ready.eq(queue.w_rdy),
            self.o.payload.eq(queue.r_data),
            self.o.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.o.ready),
        ]
        return m
