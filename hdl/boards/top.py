"""What every board has around a machine: memory on chip, and a host on a serial line."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..bus.frames import FrameSender
from ..bus.link import Link
from ..bus.pool import Pool
from ..bus.uart import UartReceiver, UartTransmitter, divisor
from ..bus.words import RegisterPort
from ..compact import CompactSystem
from ..config import Config
from ..machines import machine
from ..shell.control import ADDR_BITS
from ..stream import Slot

__all__ = ["MAGIC", "BoardTop"]

MAGIC = 0x42534E49  # "INSB"
VERSION = 1


class BoardTop(wiring.Component):
    """A machine, its memory, and a link to a host; ``docs/boards.md`` describes it.

    Parameters
    ----------
    config : Config
        With a table [machine], or [compact], which has its own memory.
    clock_hz : float
        Of the domain ``sync``, which clocks all.
    baud : int
        Bits per second; see :func:`~insitu.hdl.bus.uart.divisor`.
    memory : int
        Bytes, a power of two.
    frame_words : int
        Most words of a request, a power of two.

    Members
    -------
    rx, tx : In(1), Out(1)
        The serial line.
    alive : Out(1)
        Blinks.
    error : Out(1)
        A request was refused, or a frame came broken; for up to a blink.
    """

    def __init__(
        self, config: Config, *, clock_hz: float, baud: int, memory: int, frame_words: int
    ):
        self._config, self._clock_hz = config, clock_hz
        self._cycles = divisor(clock_hz, baud)
        self._memory = memory if config.small is None else config.small.memory
        self._frame_words = frame_words
        super().__init__(
            {"rx": In(1, init=1), "tx": Out(1, init=1), "alive": Out(1), "error": Out(1)}
        )

    def elaborate(self, platform):
        m = Module()
        board = (MAGIC, VERSION, self._memory, self._frame_words, round(self._clock_hz))
        m.submodules.receiver = receiver = UartReceiver(self._cycles)
        m.submodules.link = link = Link(self._frame_words, board)
        m.submodules.sender = sender = FrameSender()
        m.submodules.transmitter = transmitter = UartTransmitter(self._cycles)
        place = self._axi if self._config.small is None else self._compact
        memory, registers, inner = place(m)

        wiring.connect(m, receiver.o, link.i)
        # What the line has to say of a byte ends here: the link asks memory and registers as well.
        m.submodules.slot = slot = Slot(link.o.payload.shape())
        wiring.connect(m, link.o, slot.i)
        wiring.connect(m, slot.o, sender.i)
        wiring.connect(m, sender.o, transmitter.i)
        wiring.connect(m, link.memory, memory)
        wiring.connect(m, link.registers, registers)
        m.d.comb += [receiver.rx.eq(self.rx), self.tx.eq(transmitter.tx)]
        for master, slave in inner:
            wiring.connect(m, master, slave)

        blink = Signal(range(max(2, int(self._clock_hz) // 2)))
        wraps = Signal()
        m.d.comb += [wraps.eq(blink == 0), self.alive.eq(blink[-1])]
        m.d.sync += blink.eq(blink - 1)
        with m.If(link.bad):
            m.d.sync += self.error.eq(1)
        with m.Elif(wraps):
            m.d.sync += self.error.eq(0)
        return m

    def _axi(self, m: Module):
        """A machine of ``hdl/shell`` and block RAM on AXI4.

        Returns the ports to memory and registers, and what is still to be connected.
        Addresses of the machine are those of the memory, from 0.
        """
        shell = self._config.shell
        m.submodules.port = port = RegisterPort(ADDR_BITS)
        m.submodules.machine = core = machine(self._config)
        words = self._memory // shell.bus_bytes
        m.submodules.pool = pool = Pool(
            shell.bus_bits, words, shell.addr_bits, target=shell.array.target
        )
        return pool.host, port.port, [(port.axil, core.s_axil), (core.m_axi, pool.axi)]

    def _compact(self, m: Module):
        """A compact machine with its memory; returns the same."""
        system = CompactSystem(self._config.compact, int(self._config.hash, 16))
        m.submodules.system = system
        return system.memory, system.registers, []
