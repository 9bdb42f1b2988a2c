"""Memory that a host and a compact machine share: a word per cycle for both together."""

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..bus.words import WordPort
from ..config.compact import CompactConfig
from ..config.fields import ceil_log2

__all__ = ["MemoryPort", "SharedMemory", "SinglePort"]

SPRAM_BITS, NIBBLES = 16, 4


class MemoryPort(wiring.Signature):
    """A word of memory per cycle, seen from the one who asks.

    An access is done in the cycle in which ``valid`` and ``ready`` are high; ``rdata`` has the word
    of a read in the cycle after it, and only then. ``addr`` counts words.

    Parameters
    ----------
    config : CompactConfig
    """

    def __init__(self, config: CompactConfig):
        self.config = config
        super().__init__(
            {
                "valid": Out(1),
                "write": Out(1),
                "addr": Out(config.addr_bits),
                "wdata": Out(8 * config.word_bytes),
                "strobe": Out(config.word_bytes),
                "ready": In(1),
                "rdata": In(8 * config.word_bytes),
            }
        )


class SinglePort(wiring.Component):
    """RAM with one port: each cycle a word is read or some of its bytes are written.

    ``rdata`` belongs to the read of the cycle before; otherwise it is undefined.

    Parameters
    ----------
    config : CompactConfig
        ``ice40``: four SB_SPRAM256KA side by side.

    Members
    -------
    en, write, addr, wdata, strobe, rdata
    """

    def __init__(self, config: CompactConfig):
        self._config = config
        super().__init__(
            {
                "en": In(1),
                "write": In(1),
                "addr": In(config.addr_bits),
                "wdata": In(8 * config.word_bytes),
                "strobe": In(config.word_bytes),
                "rdata": Out(8 * config.word_bytes),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self._config
        writes = self.en & self.write
        if config.array.target != "ice40":
            ram = Memory(shape=8 * config.word_bytes, depth=config.words, init=[])
            m.submodules.ram = ram
            write, read = ram.write_port(granularity=8), ram.read_port()
            m.d.comb += [
                write.en.eq(Mux(writes, self.strobe, 0)),
                write.addr.eq(self.addr),
                write.data.eq(self.wdata),
                read.en.eq(self.en & ~self.write),
                read.addr.eq(self.addr),
                self.rdata.eq(read.data),
            ]
            return m
        for n in range(8 * config.word_bytes // SPRAM_BITS):
            part = slice(SPRAM_BITS * n, SPRAM_BITS * n + SPRAM_BITS)
            strobes = self.strobe[2 * n : 2 * n + 2]
            m.submodules[f"spram_{n}"] = Instance(
                "SB_SPRAM256KA",
                i_CLOCK=ClockSignal(),
                i_ADDRESS=self.addr,
                i_DATAIN=self.wdata[part],
                i_MASKWREN=Cat(bit.replicate(NIBBLES // 2) for bit in strobes),
                i_WREN=self.write,
                i_CHIPSELECT=self.en,
                i_STANDBY=Const(0, 1),
                i_SLEEP=Const(0, 1),
                i_POWEROFF=Const(1, 1),  # active low
                o_DATAOUT=self.rdata[part],
            )
        return m


class SharedMemory(wiring.Component):
    """The memory; the host comes first, and takes a cycle for a word.

    What lies after the end answers the host with an error, and nothing is written. The machine's
    addresses cannot lie there.

    Parameters
    ----------
    config : CompactConfig

    Members
    -------
    host : ``In(WordPort(30))``
        A write is done in its second cycle, a read in its third: its address is looked at first.
    machine : ``In(MemoryPort(config))``
        ``ready`` unless the host has the cycle.
    """

    def __init__(self, config: CompactConfig):
        self._config = config
        super().__init__({"host": In(WordPort(30)), "machine": In(MemoryPort(config))})

    def elaborate(self, platform):
        m = Module()
        config, host, machine = self._config, self.host, self.machine
        m.submodules.ram = ram = SinglePort(config)
        low, top = config.word_log2, ceil_log2(config.memory)
        lanes = config.word_bytes // 4
        lane = host.addr[2:low]
        seen, outside, reading = Signal(), Signal(), Signal()
        asks = Signal()
        m.d.sync += [
            seen.eq(host.valid & ~host.done),
            outside.eq(host.addr[top:].any()),
            reading.eq(asks & ~host.write),
        ]
        m.d.comb += [
            asks.eq(seen & ~reading & ~outside),
            host.error.eq(outside),
            host.done.eq(seen & (host.write | reading | outside)),
            host.rdata.eq(ram.rdata.word_select(lane, 32)),
            machine.ready.eq(~asks),
            machine.rdata.eq(ram.rdata),
            ram.en.eq(asks | machine.valid),
            ram.write.eq(Mux(asks, host.write, machine.write)),
            ram.addr.eq(Mux(asks, host.addr[low:top], machine.addr)),
            ram.wdata.eq(Mux(asks, host.wdata.replicate(lanes), machine.wdata)),
            ram.strobe.eq(Mux(asks, Const(15, 4) << (lane << 2), machine.strobe)),
        ]
        return m
