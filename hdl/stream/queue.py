"""First-in first-out queue in block RAM, its output registered in the RAM itself."""

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Mux, Shape, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config.fields import ceil_div, ceil_log2

__all__ = ["Queue", "QueueMemory"]

# RAMs that lie near to each other. Those of a tile of 64 × 16 do not: one register for its first
# RAM and for the count was 36 tiles from that, and the tile at 171 MHz (`make synth
# CONFIG=cim-64x16-plain UNIT=tile`, seed 1).
NEAR = 8


class Queue(wiring.Component):
    """First-in first-out queue of ``depth`` words.

    Latency of an empty queue is 3 cycles: written, read, registered. Throughput is one word per
    cycle. Refuses words when ``depth - 1`` are in memory, and for a cycle after ``depth - 2`` were;
    its read pipeline holds up to two more.

    Parameters
    ----------
    shape : :class:`~amaranth.hdl.ShapeLike`
        Shape of a word, at least one bit wide.
    depth : int
        Words in memory, a power of two from 4 to 65,536.
    target : "generic", "ecp5" or "ice40"
        Whose block RAM to instantiate; ``generic`` and ``ice40`` leave it to be inferred, and so
        does ``ecp5`` beyond 512 words.

    Members
    -------
    i : ``In(stream.Signature(shape))``
        ``i.ready`` is a register, low in the first cycle after reset.
    o : ``Out(stream.Signature(shape))``
        From the memory's output register. ``o.ready`` drives the memory's clock enables through
        one gate, and no other port.

    Raises
    ------
    ValueError
        If ``shape`` is zero bits wide or ``depth`` is not such a power of two.
    """

    def __init__(self, shape, depth: int, *, target: str = "generic"):
        if Shape.cast(shape).width == 0:
            raise ValueError(f"Word shape must be at least one bit wide, not {shape!r}")
        if not 4 <= depth <= 1 << 16 or depth & (depth - 1):
            raise ValueError(f"Queue depth must be a power of two, 4 to 65536, not {depth}")
        # Deeper ones are left to be inferred.
        target = target if depth <= 512 else "generic"
        self._shape, self._depth, self._target = shape, depth, target
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        i, o = self.i, self.o
        width = Shape.cast(self._shape).width

        m.submodules.memory = ram = QueueMemory(width, self._depth, target=self._target)
        write = Signal()
        read = Signal()
        written = Signal(range(self._depth))
        taken = Signal(range(self._depth))
        # Words in the memory that are not yet on their way out, and whether there are any.
        count = Signal(range(self._depth + 1))
        stored = Signal()
        ready = Signal()

        with m.If(write):
            m.d.sync += written.eq(written + 1)
        with m.If(read):
            m.d.sync += taken.eq(taken + 1)
        # Worked out for each case: who writes and who reads may be far away, so that comes late.
        more, fewer = count + 1, count - 1
        m.d.sync += count.eq(Mux(write, Mux(read, count, more), Mux(read, fewer, count)))
        m.d.sync += stored.eq(write | Mux(read, count != 1, stored))
        # A cycle late, hence a word early; and the last slot is never filled.
        m.d.sync += ready.eq(count < self._depth - 2)
        m.d.comb += [
            i.ready.eq(ready),
            write.eq(i.valid & ready),
            # Written whether it is taken or not, so that no gate stands before the RAMs' enables,
            # which may be far apart: a slot is always free, and is written again if it was not.
            ram.write_en.eq(i.valid),
            ram.write_addr.eq(written),
            ram.write_data.eq(i.payload),
            ram.read_addr.eq(taken),
        ]

        # The latch and the output register of the memory move together, whenever the word shown is
        # taken or there is none. Each RAM has its own copy of `valid`, which keeps the way from
        # that register to its clock enables short. What counts the words goes by one of them: that
        # of a RAM, or where RAMs are many and far apart one that has no RAM.
        latched = Signal()
        rams = len(ram.en)
        control = rams if rams > NEAR else 0
        moves = Signal(max(rams, control + 1))
        for n in range(len(moves)):
            shown = Signal(name=f"shown_{n}")
            m.d.comb += moves[n].eq(o.ready | ~shown)
            with m.If(moves[n]):
                m.d.sync += shown.eq(latched)
            if n == control:
                m.d.comb += o.valid.eq(shown)
        with m.If(moves[control]):
            m.d.sync += latched.eq(stored)
        m.d.comb += [
            read.eq(moves[control] & stored),
            ram.en.eq(moves),
            o.payload.eq(ram.read_data),
        ]

        return m


class QueueMemory(wiring.Component):
    """One write port, one read port, read data two enabled cycles after its address.

    Reading an address in the cycle in which it is written gives an undefined word.

    Parameters
    ----------
    width, depth : int
        Bits of a word; words, a power of two.
    target : "generic", "ecp5" or "ice40"
        ``ecp5`` instantiates DP16KD, from 36 bits by 512 words to 1 bit by 16,384, with output
        registers: without them the RAM alone takes longer than a 200 MHz cycle.
    lanes : 1 or 4
        Parts of a word that can be written alone; 4 only for up to 512 words of 36 bits.

    Members
    -------
    write_en, write_addr, write_data : In(lanes), In, In
        Write the lanes of a word.
    read_addr : In
    en : In(number of RAMs)
        Per RAM: take ``read_addr``, and move the word that was there before to ``read_data``.
    """

    def __init__(self, width: int, depth: int, *, target: str = "generic", lanes: int = 1):
        if lanes != 1 and (lanes, width) != (4, 36):
            raise ValueError(f"RAM must have 1 lane, or 4 of 9 bits, not {lanes} of {width} bits")
        self._width, self._depth, self._target, self._lanes = width, depth, target, lanes
        # Bits of a word of a DP16KD: 36 × 512 words, 18 × 1024, 9 × 2048, 4 × 4096, 2, 1.
        self._mode = (36, 18, 9, 4, 2, 1)[max(0, ceil_log2(depth) - 9)] if target == "ecp5" else 0
        rams = ceil_div(width, self._mode) if target == "ecp5" else 1
        super().__init__(
            {
                "write_en": In(lanes),
                "write_addr": In(range(depth)),
                "write_data": In(width),
                "read_addr": In(range(depth)),
                "en": In(rams),
                "read_data": Out(width),
            }
        )

    def elaborate(self, platform):
        if self._target == "ecp5":
            return self._ecp5()
        m = Module()
        attrs = {} if self._target == "generic" else {"ram_style": "block"}
        m.submodules.ram = ram = memory.Memory(
            shape=self._width, depth=self._depth, init=[], attrs=attrs
        )
        granularity = self._width // self._lanes if self._lanes > 1 else None
        write, read = ram.write_port(granularity=granularity), ram.read_port()
        shown = Signal(self._width, reset_less=True)
        m.d.comb += [
            write.en.eq(self.write_en),
            write.addr.eq(self.write_addr),
            write.data.eq(self.write_data),
            read.en.eq(self.en),
            read.addr.eq(self.read_addr),
            self.read_data.eq(shown),
        ]
        with m.If(self.en):
            m.d.sync += shown.eq(read.data)
        return m

    def _ecp5(self):
        m = Module()
        mode = self._mode
        # Address pins below the word's address.
        unused = 14 - max(9, ceil_log2(self._depth))
        for n, low in enumerate(range(0, self._width, mode)):
            bits = min(mode, self._width - low)
            word_in, word_out = Signal(mode, name=f"in_{n}"), Signal(mode, name=f"out_{n}")
            m.d.comb += word_in.eq(self.write_data[low : low + bits])
            m.d.comb += self.read_data[low : low + bits].eq(word_out)
            # Port A writes and port B reads; in the two wide modes A's lowest address bits are byte
            # enables. With 36 bits the low half of a word is on the A pins, the high half on the B
            # pins; narrower words are written on the A pins and read on the B pins.
            lanes = self.write_en if self._lanes > 1 else Const(0b1111, 4)
            enables = {36: Cat(lanes, Const(0, 1)), 18: Const(0b0011, 4)}
            write_addr = Cat(enables.get(mode, Const(0, unused)), self.write_addr)
            read_addr = Cat(Const(0, unused), self.read_addr)
            pins = {}
            for bit in range(14):
                pins[f"i_ADA{bit}"] = write_addr[bit] if bit < len(write_addr) else Const(0, 1)
                pins[f"i_ADB{bit}"] = read_addr[bit] if bit < len(read_addr) else Const(0, 1)
            for half, port in enumerate("AB"):
                for bit in range(18):
                    place = 18 * half + bit
                    pins[f"i_DI{port}{bit}"] = word_in[place] if place < mode else Const(0, 1)
                    shown = place if mode == 36 else (bit if half else mode)
                    if shown < mode:
                        pins[f"o_DO{port}{bit}"] = word_out[shown]
                pins |= {f"i_CS{port}{bit}": Const(0, 1) for bit in range(3)}
                pins |= {f"i_CLK{port}": ClockSignal(), f"i_RST{port}": Const(0, 1)}
                pins |= {f"i_OCE{port}": self.en[n]}
            m.submodules[f"ram_{n}"] = Instance(
                "DP16KD",
                p_DATA_WIDTH_A=mode,
                p_DATA_WIDTH_B=mode,
                p_REGMODE_A="OUTREG",
                p_REGMODE_B="OUTREG",
                p_RESETMODE="SYNC",
                p_ASYNC_RESET_RELEASE="SYNC",
                p_CSDECODE_A="0b000",
                p_CSDECODE_B="0b000",
                p_GSR="AUTO",
                i_WEA=Const(1, 1),
                i_CEA=self.write_en.any() if self._lanes > 1 else self.write_en,
                i_WEB=Const(0, 1),
                i_CEB=self.en[n],
                **pins,
            )
        return m
