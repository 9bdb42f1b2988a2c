"""Block RAM with which a small device's logic cells are spared."""

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["EBR_WORDS", "BlockRam"]

EBR_BITS, EBR_WORDS = 16, 256
"""Of an SB_RAM40_4K, as it is used here."""


class BlockRam(wiring.Component):
    """One write port, one read port, ``read_data`` a cycle after ``read_addr``.

    Reading an address in the cycle in which it is written gives an undefined word. An inferred RAM
    would give the old one, for which a mapper puts a register before each of its pins on iCE40.

    Parameters
    ----------
    width, depth : int
        Bits of a word; words, up to 256.
    target : "generic", "ecp5" or "ice40"
        ``ice40`` instantiates an SB_RAM40_4K for each 16 bits.
    init : tuple of int
        Words as they are after configuration; a reset does not bring them back.

    Members
    -------
    write_en, write_addr, write_data : In
    read_addr, read_data : In, Out
    """

    def __init__(self, width: int, depth: int, *, target: str, init: tuple[int, ...] = ()):
        if depth > EBR_WORDS:
            raise ValueError(f"BlockRam must have up to {EBR_WORDS} words, not {depth}")
        self._width, self._depth, self._target, self._init = width, depth, target, init
        super().__init__(
            {
                "write_en": In(1),
                "write_addr": In(range(depth)),
                "write_data": In(width),
                "read_addr": In(range(depth)),
                "read_data": Out(width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        if self._target != "ice40":
            ram = Memory(shape=self._width, depth=self._depth, init=self._init)
            m.submodules.ram = ram
            write, read = ram.write_port(), ram.read_port()
            m.d.comb += [
                write.en.eq(self.write_en),
                write.addr.eq(self.write_addr),
                write.data.eq(self.write_data),
                read.addr.eq(self.read_addr),
                self.read_data.eq(read.data),
            ]
            return m
        for low in range(0, self._width, EBR_BITS):
            part = self.write_data[low : low + EBR_BITS]
            words = [word >> low & 0xFFFF for word in self._init]
            out = self.read_data[low : low + EBR_BITS]
            m.submodules[f"ebr_{low // EBR_BITS}"] = Instance(
                "SB_RAM40_4K",
                **{f"p_INIT_{n:X}": Const(_row(words, n), 256) for n in range(16)},
                p_READ_MODE=Const(0, 2),
                p_WRITE_MODE=Const(0, 2),
                i_RCLK=ClockSignal(),
                i_RCLKE=Const(1, 1),
                i_RE=Const(1, 1),
                i_RADDR=Cat(self.read_addr, Const(0, 11 - len(self.read_addr))),
                i_WCLK=ClockSignal(),
                i_WCLKE=Const(1, 1),
                i_WE=self.write_en,
                i_WADDR=Cat(self.write_addr, Const(0, 11 - len(self.write_addr))),
                i_MASK=Const(0, 16),
                i_WDATA=Cat(part, Const(0, EBR_BITS - len(part))) if len(part) < 16 else part,
                o_RDATA=out,
            )
        return m


def _row(words: list[int], n: int) -> int:
    """Sixteen words as one parameter has them."""
    return sum(word << 16 * place for place, word in enumerate(words[16 * n : 16 * n + 16]))
