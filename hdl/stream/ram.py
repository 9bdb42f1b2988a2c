"""Block RAM of any depth with registered output."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config.fields import ceil_log2
from .queue import QueueMemory

__all__ = ["Ram"]

# Words of a DP16KD at most, and if a word has parts that are written alone.
BANK, BANK_OF_LANES = 1 << 14, 1 << 9


class Ram(wiring.Component):
    """One write port, one read port; every cycle a word may be written and another one read.

    ``read_data`` belongs to the ``read_addr`` of two cycles before. Reading an address in the cycle
    in which it is written gives an undefined word.

    Parameters
    ----------
    width, depth : int
        Bits of a word; words, a power of two.
    target : "generic", "ecp5" or "ice40"
        ``ecp5`` uses the RAMs' own output registers, without which a read alone takes 6 ns. A RAM
        holds as many bits as it can of every word, so that only beyond 16,384 words (512 with
        lanes) one of several is chosen after that.
    lanes : 1 or 4
        Parts of a word that can be written alone; 4 only for words of 36 bits.

    Members
    -------
    write_en, write_addr, write_data : In(lanes), In, In
    read_addr, read_data : In, Out
    """

    def __init__(self, width: int, depth: int, *, target: str = "generic", lanes: int = 1):
        self._width, self._depth, self._target, self._lanes = width, depth, target, lanes
        super().__init__(
            {
                "write_en": In(lanes),
                "write_addr": In(range(depth)),
                "write_data": In(width),
                "read_addr": In(range(depth)),
                "read_data": Out(width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        most = BANK if self._lanes == 1 else BANK_OF_LANES
        banks = max(1, self._depth // most) if self._target == "ecp5" else 1
        low = ceil_log2(self._depth // banks)
        write_bank, read_bank = self.write_addr[low:], self.read_addr[low:]
        now, shown = (Signal(len(read_bank), name=f"bank_{n}") for n in range(2))
        m.d.sync += [now.eq(read_bank), shown.eq(now)]
        with m.Switch(shown):
            for n in range(banks):
                ram = QueueMemory(
                    self._width, self._depth // banks, target=self._target, lanes=self._lanes
                )
                m.submodules[f"bank_{n}"] = ram
                m.d.comb += [
                    ram.write_en.eq(Mux(write_bank == n, self.write_en, 0)),
                    ram.write_addr.eq(self.write_addr[:low]),
                    ram.write_data.eq(self.write_data),
                    ram.read_addr.eq(self.read_addr[:low]),
                    ram.en.eq(~0),
                ]
                with m.Case(n):
                    m.d.comb += self.read_data.eq(ram.read_data)
        return m
