"""Contract of the control port: AXI4-Lite, descriptor queue, completions."""

from amaranth.hdl import Assert, Assume, Cat, Const, Cover, Elaboratable, Module, Mux, Signal, Value
from amaranth.hdl._ast import AnyConst, AnySeq, Initial
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from insitu.hdl.bus.axi import OKAY, SLVERR
from insitu.hdl.shell import Control
from insitu.hdl.shell.control import WINDOW
from insitu.hdl.shell.registers import registers

from .segments import hold

__all__ = ["ControlContract"]

REGS = registers()
PLACE_BITS = 6
BITS = 2  # of tags, cycles and statuses: others are kept as these are
USED = 3  # words of the window


class _OneBit(wiring.Component):
    """A RAM as :class:`.Ram` of which only bit ``bit`` of word ``place`` is known.

    Whatever else is read is anything, and so is a word that is written while it is read: what
    holds with this RAM holds with any that keeps the rules. ``bit`` counts bits of the 32 that a
    word has without those that pad its bytes.
    """

    def __init__(self, width: int, depth: int, place: Value, bit: Value, **_: object) -> None:
        self._pages, self._place, self._bit = depth >> PLACE_BITS, place, bit
        super().__init__(
            {
                "write_en": In(4),
                "write_addr": In(range(depth)),
                "write_data": In(width),
                "read_addr": In(range(depth)),
                "read_data": Out(width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lane = self._bit[3:]
        number = lane * 9 + self._bit[:3]
        pages = [Signal(name=f"page_{n}", reset_less=True) for n in range(self._pages)]
        write_page, read_page = self.write_addr[PLACE_BITS:], self.read_addr[PLACE_BITS:]
        writes = self.write_en.bit_select(lane, 1) & (self.write_addr[:PLACE_BITS] == self._place)
        for n, kept in enumerate(pages):
            with m.If(writes & (write_page == n)):
                m.d.sync += kept.eq(self.write_data.bit_select(number, 1))
        known, value = Signal(2), Signal(2)
        is_new = writes & (write_page == read_page)
        m.d.sync += [
            known.eq(Cat((self.read_addr[:PLACE_BITS] == self._place) & ~is_new, known)),
            value.eq(Cat(Cat(pages).bit_select(read_page, 1), value)),
        ]
        m.d.comb += self.read_data.eq(AnySeq(len(self.read_data)))
        with m.If(known[1]):
            m.d.comb += Assume(self.read_data.bit_select(number, 1) == value[1])
        return m


class ControlContract(Elaboratable):
    """A control port between any software and any machine that keeps to its side.

    What a write does is seen in the first cycle of its response; so the contract's own state of a
    cycle is made of that of the cycle before, of what the machine did then, and of the write that
    is answered now. One byte of one word of the window, one descriptor and one completion, chosen
    by the solver, are watched. Of a byte one bit, of longer fields ``BITS`` stand for all.

    Parameters
    ----------
    part : "bus", "queue", "window" or "completions"
        What to assert.
    queue : int
    """

    def __init__(self, part: str, queue: int = 1) -> None:
        self._part, self._queue = part, queue

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._place, self._bit = Signal(PLACE_BITS), Signal(5)
        m.d.comb += [
            self._place.eq(AnyConst(PLACE_BITS)),
            self._bit.eq(AnyConst(5)),
            Assume((self._place < USED) & (self._bit[:3] == 0)),
        ]

        def ram(width: int, depth: int, **_: object) -> _OneBit:
            return _OneBit(width, depth, self._place, self._bit)

        m.submodules.block = self._block = block = Control({}, self._queue, ram=ram, used=USED)
        bus = block.axil
        inputs = (
            bus.awaddr, bus.awvalid, bus.wdata, bus.wstrb, bus.wvalid, bus.bready,
            bus.araddr, bus.arvalid, bus.rready,
            block.word_addr, block.take, block.busy, block.done.valid, block.done.payload,
            block.counter_valid, block.counter,
        )  # fmt: skip
        for value in map(Value.cast, inputs):
            m.d.comb += value.eq(AnySeq(len(value)))
        m.d.comb += Assume(~block.take | block.waiting)

        # The write and the read under way.
        was_b, was_r = Signal(), Signal()
        m.d.sync += [was_b.eq(bus.bvalid & ~bus.bready), was_r.eq(bus.rvalid & ~bus.rready)]
        self._answers, self._reads = bus.bvalid & ~was_b, bus.rvalid & ~was_r
        has = {name: Signal(name=f"has_{name}") for name in ("aw", "w", "ar")}
        done = {"aw": self._answers, "w": self._answers, "ar": self._reads}
        for name, signal in has.items():
            comes = getattr(bus, f"{name}valid") & getattr(bus, f"{name}ready")
            m.d.sync += signal.eq((signal & ~done[name]) | comes)
            if self._part == "bus":
                # One at a time, and an answer only to one that came.
                m.d.comb += Assert(~comes | ~signal | done[name])
                m.d.comb += Assert(~done[name] | signal)
        self._has_aw, self._has_w, self._reading = has.values()
        self._aw, self._ar = Signal(10), Signal(10)
        self._lane, self._strb = Signal(32), Signal(4)
        with m.If(bus.awvalid & bus.awready):
            m.d.sync += self._aw.eq(bus.awaddr[2:])
        with m.If(bus.arvalid & bus.arready):
            m.d.sync += self._ar.eq(bus.araddr[2:])
        with m.If(bus.wvalid & bus.wready):
            written = Cat(bit.replicate(8) for bit in bus.wstrb) & bus.wdata
            m.d.sync += [self._lane.eq(written), self._strb.eq(bus.wstrb)]

        {
            "bus": self._axi,
            "queue": self._descriptors,
            "window": self._descriptors,
            "completions": self._completions,
        }[self._part](m)
        return m

    def _written(self, name: str) -> Value:
        return self._answers & (self._aw == REGS[name].address >> 2)

    def _set(self, name: str, field: str) -> Value:
        return self._written(name) & self._lane[REGS[name][field].low]

    def _read_is(self, m: Module, name: str, known: Value, fields: dict[str, Value]) -> None:
        """Assert that a read of register ``name`` gives what it was in some cycle of the read.

        Of each field as many bits are looked at as its value has.
        """
        register, value = REGS[name], Cat(fields.values())
        shown = Cat(
            self._block.axil.rdata[register[field].low :][: len(Value.cast(part))]
            for field, part in fields.items()
        )
        guess, seen = Signal(len(value), name=f"guess_{name}"), Signal(name=f"seen_{name}")
        m.d.comb += guess.eq(AnyConst(len(value)))
        m.d.sync += seen.eq(self._reading & ~self._reads & (seen | ~known | (value == guess)))
        with m.If(self._reads & (self._ar == register.address >> 2)):
            m.d.comb += Assert(seen | (shown != guess))

    def _axi(self, m: Module) -> None:
        """Answers are held, come in time, and are what the registers say."""
        block, bus = self._block, self._block.axil
        hold(m, bus.bvalid, bus.bready, bus.bresp)
        hold(m, bus.rvalid, bus.rready, bus.rdata, bus.rresp)
        m.d.comb += Assert(~bus.rvalid | (bus.rresp == OKAY))
        # In time: a write after the copy of a page, a read begun anew after one. A counter may
        # take as long as it likes.
        writing = self._has_aw & self._has_w & ~bus.bvalid
        reading = self._reading & ~self._reads & ~self._written("doorbell")
        asks = block.counter_read & ~block.counter_valid
        for name, waits, stops in (("write", writing, 0), ("read", reading, asks)):
            waited = Signal(range(USED + 9), name=f"waited_{name}")
            m.d.sync += waited.eq(Mux(waits, Mux(stops, waited, waited + 1), 0))
            m.d.comb += Assert(waited < USED + 8)
        m.d.comb += Cover(self._reads & self._answers & ~Initial())

    def _descriptors(self, m: Module) -> None:
        """Doorbells queue descriptors, and the machine gets them in order."""
        block, queue = self._block, self._queue
        took, old = Signal(), Signal(range(queue + 1))
        level, full = Signal.like(old), old == queue
        # By any byte of the tag.
        rings = self._written("doorbell") & self._strb[:2].any()
        rung = rings & ~full
        refused = rings & full
        m.d.sync += [took.eq(block.take), old.eq(level)]
        m.d.comb += level.eq(old + rung - took)

        watched, ahead = Signal(), Signal.like(old)
        now_watched, now_ahead = Signal(), Signal.like(old)
        starts = rung & AnySeq(1) & ~watched
        m.d.comb += [
            now_watched.eq(starts | (watched & ~(took & (ahead == 0)))),
            now_ahead.eq(Mux(starts, old - took, ahead - (took & (ahead != 0)))),
        ]
        m.d.sync += [watched.eq(now_watched), ahead.eq(now_ahead)]
        front = now_watched & (now_ahead == 0)

        if self._part == "queue":
            # Posted: two cycles before the one in which the write is performed.
            then = Signal(BITS)
            m.d.sync += then.eq((block.now - 2)[:BITS])
            value, now_value = Signal(2 * BITS), Signal(2 * BITS)
            m.d.comb += [
                now_value.eq(Mux(starts, Cat(self._lane[:BITS], then), value)),
                Assert(block.level == level),
                Assert(block.waiting == (level != 0)),
                Assert(~front | (Cat(block.tag[:BITS], block.posted[:BITS]) == now_value)),
            ]
            m.d.sync += value.eq(now_value)
            with m.If(self._answers):
                m.d.comb += Assert(block.axil.bresp == Mux(refused, SLVERR, OKAY))
            dropped, now_dropped = Signal(), Signal()
            m.d.comb += now_dropped.eq((dropped & ~self._set("status", "dropped")) | refused)
            m.d.sync += dropped.eq(now_dropped)
            status = {"waiting": level, "dropped": now_dropped}
            self._read_is(m, "status", Const(1), status)
            m.d.comb += Cover(dropped & (level == 0) & ~Initial())
            return

        # The window: what was written last. A descriptor is a copy of it.
        image, known = Signal(reset_less=True), Signal()
        now_image, now_known = Signal(), Signal()
        lane = self._bit[3:]
        writes = self._answers & (self._aw == (WINDOW >> 2) + self._place)
        writes &= self._strb.bit_select(lane, 1)
        m.d.comb += [
            now_image.eq(Mux(writes, self._lane.bit_select(self._bit, 1), image)),
            now_known.eq(known | writes),
        ]
        m.d.sync += [image.eq(now_image), known.eq(now_known)]
        copy, copied = Signal(), Signal()
        now_copy, now_copied = Signal(), Signal()
        m.d.comb += [
            now_copy.eq(Mux(starts, image, copy)),
            now_copied.eq(Mux(starts, known, copied)),
        ]
        m.d.sync += [copy.eq(now_copy), copied.eq(now_copied)]
        asked, expected = Signal(2), Signal(2)
        asks = front & now_copied & (block.word_addr == self._place)
        m.d.sync += [asked.eq(Cat(asks, asked)), expected.eq(Cat(now_copy, expected))]
        with m.If(asked[1]):
            m.d.comb += Assert(block.word.bit_select(self._bit, 1) == expected[1])
        # A read of the window gives what the word was in some cycle of the read.
        seen = Signal(2)
        shows = Mux(now_known, Cat(~now_image, now_image), 0b11)
        m.d.sync += seen.eq(Mux(self._reading & ~self._reads, seen | shows, 0))
        with m.If(self._reads & (self._ar == (WINDOW >> 2) + self._place)):
            bit = block.axil.rdata.bit_select(self._bit, 1)
            m.d.comb += Assert(seen.bit_select(bit, 1))
        m.d.comb += Cover(asked[1] & expected[1] & (level == queue) & ~Initial())

    def _completions(self, m: Module) -> None:
        """Completions are kept and given in order; interrupts follow them."""
        block, queue = self._block, self._queue
        done = block.done.payload
        payload = Cat(done.tag[:BITS], done.status[:BITS])
        put, bad, what = Signal(), Signal(), Signal(payload.shape())
        old, level = Signal(range(queue + 1)), Signal(range(queue + 1))
        popped = self._set("completion_pop", "pop") & (old != 0)
        was_popped = Signal()
        m.d.sync += [
            put.eq(block.done.valid & block.done.ready),
            what.eq(payload),
            bad.eq(done.status != 0),
            old.eq(level),
            was_popped.eq(block.popped),
        ]
        m.d.comb += [
            level.eq(old + put - popped),
            Assert(block.done.ready == (level != queue)),
            Assert(was_popped == popped),
        ]
        watched, ahead, value = Signal(), Signal.like(old), Signal.like(what)
        now_watched, now_ahead, now_value = Signal(), Signal.like(old), Signal.like(what)
        starts = put & AnySeq(1) & ~watched
        m.d.comb += [
            now_watched.eq(starts | (watched & ~(popped & (ahead == 0)))),
            now_ahead.eq(Mux(starts, old - popped, ahead - (popped & (ahead != 0)))),
            now_value.eq(Mux(starts, what, value)),
        ]
        m.d.sync += [watched.eq(now_watched), ahead.eq(now_ahead), value.eq(now_value)]
        front = now_watched & (now_ahead == 0)
        some = level != 0
        fields = {"valid": some, "tag": Mux(some, now_value[:BITS], 0)}
        fields["status"] = Mux(some, now_value[BITS:], 0)
        self._read_is(m, "completion", front | ~some, fields)

        # Sticky until cleared; what comes in the cycle of the clearing stays.
        mask, now_mask, sticky = Signal(2), Signal(2), {}
        for name, comes in (("completed", put), ("failed", put & bad)):
            before, sticky[name] = Signal(name=f"was_{name}"), Signal(name=name)
            m.d.comb += sticky[name].eq((before & ~self._set("irq_status", name)) | comes)
            m.d.sync += before.eq(sticky[name])
        self._read_is(m, "irq_status", Const(1), dict(sticky))
        writes = self._written("irq_mask") & self._strb[0]
        m.d.comb += now_mask.eq(Mux(writes, self._lane[:2], mask))
        irq = Signal()
        m.d.sync += [mask.eq(now_mask), irq.eq((Cat(sticky.values()) & now_mask).any())]
        m.d.comb += Assert(block.irq == irq)
        m.d.comb += Cover(irq & (level == 0) & ~Initial())
