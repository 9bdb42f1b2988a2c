"""The compact machine: a GEMM at a time, from and to a memory that it shares with a host."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..bus.words import WordPort
from ..config.compact import RESULT_BITS, CompactConfig
from ..contract.job import Status
from ..shell.registers import registers
from .check import Check
from .control import CompactControl
from .finish import Finish
from .memory import MemoryPort, SharedMemory
from .rows import Rows
from .stream import Stream
from .sums import Sums

__all__ = ["CompactMachine", "CompactSystem"]


class CompactMachine(wiring.Component):
    """Works on one descriptor at a time; ``docs/compact.md`` describes it.

    Parameters
    ----------
    config : CompactConfig
    config_hash : int
        32 bits.

    Members
    -------
    port : ``In(WordPort(30))``
        Registers, see :class:`~insitu.hdl.compact.control.CompactControl`.
    memory : ``Out(MemoryPort(config))``
        A word per cycle while A and B come; what finishes sums comes first.
    """

    def __init__(self, config: CompactConfig, config_hash: int = 0):
        self._config, self._hash = config, config_hash
        super().__init__({"port": In(WordPort(30)), "memory": Out(MemoryPort(config))})

    def constants(self) -> dict[str, int]:
        """Values of the read-only registers."""
        config, array, regs = self._config, self._config.array, registers()

        def word(name: str, **values: int) -> int:
            return sum(value << regs[name][field].low for field, value in values.items())

        return {
            "id": regs["id"]["value"].reset,
            "version": sum(f.reset << f.low for f in regs["version"].fields),
            "config_hash": self._hash,
            "capabilities": word(
                "capabilities",
                engine=1,
                b_transposed=1,
                requantise=1,
                column_scale=1,
                binary32=1,
                a_bits=8,
                b_bits=8,
                queue=1,
                word_log2=config.word_log2,
                short_counters=1,
                a_either_sign=1,
            ),
            "profile": word("profile", b_transposed_only=1, small=1),
            "geometry": word("geometry", rows=array.rows, cols=array.cols, dot=array.dot),
            "max_k": config.k_max,
            "buffer_a": array.rows * config.k_max,
            "sums": word("sums", bits=RESULT_BITS),
        }

    def elaborate(self, platform):
        m = Module()
        config = self._config
        m.submodules.control = control = CompactControl(config, self.constants())
        m.submodules.check = check = Check(config)
        m.submodules.stream = stream = Stream(config)
        m.submodules.rows = rows = Rows(config)
        m.submodules.sums = sums = Sums(config)
        m.submodules.finish = finish = Finish(config)
        wiring.connect(m, wiring.flipped(self.port), control.port)

        # --- One memory: what finishes sums is seldom and comes first ---
        memory = self.memory
        for name in ("valid", "write", "addr", "wdata", "strobe"):
            m.d.comb += getattr(memory, name).eq(
                Mux(finish.memory.valid, getattr(finish.memory, name), getattr(stream.memory, name))
            )
        m.d.comb += [
            finish.memory.ready.eq(memory.ready),
            stream.memory.ready.eq(memory.ready & ~finish.memory.valid),
            finish.memory.rdata.eq(memory.rdata),
        ]

        # --- A into its rows, B past them ---
        job = check.job
        tail = job.k[: config.word_log2]
        starts = Signal()
        m.d.comb += [
            rows.write_en.eq(stream.a_row),
            rows.write_addr.eq(stream.a_place),
            rows.data.eq(memory.rdata),
            rows.a_signed.eq(job.a_signed),
            rows.read_addr.eq(stream.place),
            sums.a.eq(rows.o),
            sums.b.eq(memory.rdata),
            sums.a_signed.eq(job.a_signed),
            sums.valid.eq(stream.b_valid),
            sums.last.eq(stream.b_last),
            sums.clear.eq(starts),
        ]
        for n in range(config.array.dot):
            m.d.comb += rows.tail[n].eq(~stream.a_last | (n <= tail))
        for part in (stream, finish):
            m.d.comb += [part.job.eq(job), part.start.eq(starts)]
        m.d.comb += [
            finish.full.eq(sums.full),
            finish.total.eq(sums.total),
            finish.rows.eq(stream.rows),
            stream.taken.eq(finish.done),
        ]

        # --- One descriptor from its doorbell to its end ---
        status = Signal(Status)
        failed = Signal()
        m.d.comb += [
            control.status.eq(status),
            control.place.eq(check.place),
            check.word.eq(control.word),
            check.start.eq(control.start),
            stream.stop.eq(failed),
        ]
        with m.FSM():
            with m.State("IDLE"):
                with m.If(control.start):
                    m.next = "CHECK"
            with m.State("CHECK"):
                # Nothing is written to registers meanwhile: an abort comes in the state after.
                m.d.comb += control.reading.eq(1)
                with m.If(check.done):
                    m.d.sync += [status.eq(check.status), failed.eq(0)]
                    m.next = "START"
                    with m.If(check.status != Status.OK):
                        m.next = "END"
            with m.State("START"):
                with m.If(control.abort):
                    m.d.sync += status.eq(Status.ABORTED)
                    m.next = "END"
                with m.Else():
                    m.d.comb += starts.eq(1)
                    m.next = "RUN"
            with m.State("RUN"):
                with m.If(~failed):
                    with m.If(control.abort):
                        m.d.sync += [status.eq(Status.ABORTED), failed.eq(1)]
                    with m.Elif(finish.bad_scale):
                        m.d.sync += [status.eq(Status.BAD_SCALE), failed.eq(1)]
                with m.If(stream.done):
                    m.next = "END"
            with m.State("END"):
                m.d.comb += control.ended.eq(1)
                m.next = "IDLE"

        m.d.comb += [
            control.count_a_words.eq(stream.loads),
            control.count_b_words.eq(stream.streams),
            control.count_column_words.eq(finish.fetches),
            control.count_c_elements.eq(finish.writes),
            control.count_macs.eq(Mux(stream.streams, stream.products, 0)),
        ]
        return m


class CompactSystem(wiring.Component):
    """The machine and its memory, as a host sees them.

    Parameters
    ----------
    config : CompactConfig
    config_hash : int
        32 bits.

    Members
    -------
    memory, registers : ``In(WordPort(30))``
    """

    def __init__(self, config: CompactConfig, config_hash: int = 0):
        self._config, self._hash = config, config_hash
        super().__init__({"memory": In(WordPort(30)), "registers": In(WordPort(30))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.machine = machine = CompactMachine(self._config, self._hash)
        m.submodules.memory = memory = SharedMemory(self._config)
        wiring.connect(m, wiring.flipped(self.registers), machine.port)
        wiring.connect(m, wiring.flipped(self.memory), memory.host)
        wiring.connect(m, machine.memory, memory.machine)
        return m
