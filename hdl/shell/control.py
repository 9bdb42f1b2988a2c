"""Control port of a machine: registers, descriptor queue, completions, interrupt."""

from collections.abc import Callable

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from ..bus.axi import OKAY, SLVERR, Axi4Lite
from ..contract.job import TIME_BITS
from ..stream import Ram
from .choose import choose
from .registers import Register, registers

__all__ = ["ADDR_BITS", "WINDOW_WORDS", "Control", "completion_layout"]

ADDR_BITS = 12
WINDOW_WORDS = 64
WINDOW = registers()["descriptor_flags"].address
USED_WORDS = 35  # of the window; those after are never read
COUNTERS = registers()["counters"].address
COUNTER_WORDS = registers()["counters"].count

completion_layout = data.StructLayout({"tag": unsigned(16), "status": unsigned(8)})


class Control(wiring.Component):
    """AXI4-Lite slave with the registers of ``registers.rdl``.

    One write and one read are under way at a time; a read takes five cycles, a write four. A
    doorbell ends the page of descriptors being filled; the next page then gets a copy of it, word
    by word, so that the window keeps its values. Writes wait for that (37 cycles).

    Parameters
    ----------
    constants : dict
        Values of read-only registers that the configuration fixes, by name: an integer, or a
        dictionary of field values.
    queue : int
        Descriptors that can wait, 1 to 14.
    target : "generic", "ecp5" or "ice40"
        Of the RAM.
    ram : class
        Of the RAM; proofs use one of their own.
    used : int
        Words of the window that are copied; proofs use fewer.

    Members
    -------
    axil : ``In(Axi4Lite(12))``
    irq : Out(1)
        Level, from a register.
    waiting : Out(1)
        A descriptor waits; its tag is ``tag``, its words are read through ``word_addr``.
    level : Out(range(queue + 1))
        So many wait.
    tag : Out(16)
    posted, now : Out(48)
        Cycle in which its doorbell was accepted; this cycle.
    word_addr : In(6)
    word : Out(32)
        The word at the ``word_addr`` of two cycles before.
    take : In(1)
        The descriptor has been read; only while ``waiting``.
    busy : In(1)
        A descriptor that was taken has no completion yet.
    done : ``In(stream.Signature(completion_layout))``
        Completions. As many as fit the queue are kept; then ``done.ready`` is low.
    abort : Out(1)
        High for a cycle after abort was written.
    counter_addr : Out(7)
    counter_read : Out(1)
        A counter's word of the oldest completion is wanted.
    counter_valid : In(1)
    counter : In(32)
        The word, any number of cycles later.
    popped : Out(1)
        The oldest completion was dropped, its counters with it.
    """

    def __init__(
        self,
        constants: dict[str, int | dict[str, int]],
        queue: int = 4,
        *,
        target: str = "generic",
        ram: Callable[..., wiring.Component] = Ram,
        used: int = USED_WORDS,
    ):
        if not 1 <= queue <= 14:
            raise ValueError(f"Queue must hold 1 to 14 descriptors, not {queue}")
        self._constants, self._queue, self._target = constants, queue, target
        self._ram, self._used = ram, used
        super().__init__(
            {
                "axil": In(Axi4Lite(ADDR_BITS)),
                "irq": Out(1),
                "waiting": Out(1),
                "level": Out(range(self._queue + 1)),
                "tag": Out(16),
                "posted": Out(TIME_BITS),
                "now": Out(TIME_BITS),
                "word_addr": In(range(WINDOW_WORDS)),
                "word": Out(32),
                "take": In(1),
                "busy": In(1),
                "done": In(stream.Signature(completion_layout)),
                "abort": Out(1),
                "counter_addr": Out(range(COUNTER_WORDS)),
                "counter_read": Out(1),
                "counter_valid": In(1),
                "counter": In(32),
                "popped": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bus, regs = self.axil, registers()

        # --- Pages of the queue ---
        pages = self._queue + 2
        page_bits = (pages - 1).bit_length()
        # Twice, as it is read at two places. Bytes of a word have 9 bits here.
        put_addr = Signal(range(WINDOW_WORDS << page_bits))
        put_data, put_en = Signal(32), Signal(4)
        rams = []
        for name in ("see", "fetch"):
            ram = self._ram(36, WINDOW_WORDS << page_bits, target=self._target, lanes=4)
            m.submodules[name] = ram
            bytes_ = [put_data.word_select(n, 8) for n in range(4)]
            m.d.comb += [
                ram.write_addr.eq(put_addr),
                ram.write_data.eq(Cat(Cat(byte, Const(0, 1)) for byte in bytes_)),
                ram.write_en.eq(put_en),
            ]
            rams.append(ram)
        see, fetch = rams

        def read(ram):
            return Cat(ram.read_data[9 * n : 9 * n + 8] for n in range(4))

        filling = Signal(range(pages))
        oldest = Signal(range(pages))
        waiting = Signal(range(self._queue + 1))

        def after(page):
            return Mux(page == pages - 1, 0, page + 1)

        m.submodules.tags = tags = SyncFIFO(width=16 + TIME_BITS, depth=self._queue)
        m.d.sync += self.now.eq(self.now + 1)
        m.d.comb += [
            self.waiting.eq(tags.r_rdy),
            Cat(self.tag, self.posted).eq(tags.r_data),
            tags.r_en.eq(self.take),
            fetch.read_addr.eq(Cat(self.word_addr, oldest)),
            self.word.eq(read(fetch)),
        ]
        seen = read(see)
        with m.If(self.take):
            m.d.sync += oldest.eq(after(oldest))

        # --- Completions ---
        m.submodules.completions = completions = SyncFIFO(
            width=completion_layout.size, depth=self._queue
        )
        m.d.comb += [
            completions.w_en.eq(self.done.valid),
            completions.w_data.eq(self.done.payload),
            self.done.ready.eq(completions.w_rdy),
        ]
        completed, failed = Signal(), Signal()
        mask = Signal(2)
        dropped = Signal()

        # --- Writes: address and data are kept until both are here ---
        aw, w, strb = Signal(ADDR_BITS - 2), Signal(32), Signal(4)
        has_aw, has_w = Signal(), Signal()
        copying = Signal()
        write = Signal()  # it is done, in this cycle
        step = Signal(range(4))  # of a read: 0 idle, 1 addressed, 2 read, 3 selected
        reading = Signal()  # from a read's address to its answer
        m.d.comb += [
            bus.awready.eq(~has_aw),
            bus.wready.eq(~has_w),
        ]
        # Not while a word is read, which would be undefined if it were written then.
        reads = (step == 1) | (bus.arvalid & bus.arready)
        m.d.sync += write.eq(has_aw & has_w & ~write & ~bus.bvalid & ~copying & ~reads)
        hits: dict[str, Signal] = {}  # by register: it is the one to be written
        with m.If(bus.awvalid & bus.awready):
            m.d.sync += [has_aw.eq(1), aw.eq(bus.awaddr[2:])]
        with m.If(bus.wvalid & bus.wready):
            m.d.sync += [has_w.eq(1), w.eq(bus.wdata), strb.eq(bus.wstrb)]
        with m.If(write):
            m.d.sync += [has_aw.eq(0), has_w.eq(0), bus.bvalid.eq(1), bus.bresp.eq(OKAY)]
        with m.Elif(bus.bready):
            m.d.sync += bus.bvalid.eq(0)

        def written(name: str):
            if name not in hits:
                hits[name] = Signal(name=f"hits_{name}")
                m.d.sync += hits[name].eq(aw == regs[name].address >> 2)
            return write & hits[name]

        lane = Signal(32)
        m.d.comb += lane.eq(w & Cat(bit.replicate(8) for bit in strb))

        def bit(name: str, field: str):
            return written(name) & lane[regs[name][field].low]

        in_window = Signal()
        earlier = Signal(TIME_BITS, reset_less=True)
        m.d.sync += [
            in_window.eq((aw >> 6) == (WINDOW >> 8)),
            earlier.eq(self.now - 1),
            self.abort.eq(bit("control", "abort")),
            completed.eq(
                (completed & ~bit("irq_status", "completed")) | (self.done.valid & self.done.ready)
            ),
            failed.eq(
                (failed & ~bit("irq_status", "failed"))
                | (self.done.valid & self.done.ready & (self.done.payload.status != 0))
            ),
            self.irq.eq((Cat(completed, failed) & mask).any()),
        ]
        with m.If(written("irq_mask") & strb[0]):
            m.d.sync += mask.eq(w[:2])
        with m.If(bit("status", "dropped")):
            m.d.sync += dropped.eq(0)
        m.d.comb += [
            completions.r_en.eq(bit("completion_pop", "pop")),
            self.popped.eq(completions.r_en & completions.r_rdy),
        ]

        # --- Doorbell: rung by any byte of its tag ---
        ring, rings = Signal(), Signal()
        has_tag = Signal()  # a cycle after its strobes, when it may be written
        m.d.sync += has_tag.eq(strb[:2].any())
        m.d.comb += [
            rings.eq(written("doorbell") & has_tag),
            ring.eq(rings & tags.w_rdy),
            tags.w_en.eq(ring),
            # The write was accepted two cycles before.
            tags.w_data.eq(Cat(lane[:16], earlier)),
        ]
        with m.If(rings & ~tags.w_rdy):
            m.d.sync += [dropped.eq(1), bus.bresp.eq(SLVERR)]
        m.d.sync += waiting.eq(waiting + ring - self.take)
        m.d.comb += self.level.eq(waiting)
        index = Signal(range(WINDOW_WORDS))
        previous = Signal.like(filling)
        arrived = Signal(2)
        with m.If(ring):
            m.d.sync += [
                copying.eq(1),
                index.eq(0),
                arrived.eq(0),
                previous.eq(filling),
                filling.eq(after(filling)),
            ]
        with m.If(copying):
            m.d.sync += [arrived.eq(Cat(1, arrived)), index.eq(index + 1)]
            with m.If(index == self._used + 1):
                m.d.sync += copying.eq(0)
        with m.If(copying):
            m.d.comb += [
                put_addr.eq(Cat((index - 2)[: len(index)], filling)),
                put_data.eq(seen),
                put_en.eq(arrived[1].replicate(4)),
            ]
        with m.Else():
            m.d.comb += [
                put_addr.eq(Cat(aw[:6], filling)),
                put_data.eq(w),
                put_en.eq(Mux(write & in_window, strb, 0)),
            ]

        # --- Reads ---
        ar = Signal(ADDR_BITS - 2)
        wants_window, wants_counter = Signal(), Signal()
        m.d.comb += [
            bus.arready.eq(~reading),
            self.counter_addr.eq(ar - (COUNTERS >> 2)),
            self.counter_read.eq((step == 3) & wants_counter),
            see.read_addr.eq(Mux(copying, Cat(index, previous), Cat(ar[:6], filling))),
        ]
        m.d.sync += [
            wants_window.eq((ar >> 6) == (WINDOW >> 8)),
            wants_counter.eq((ar << 2 >= COUNTERS) & (ar << 2 < COUNTERS + 4 * COUNTER_WORDS)),
        ]
        shown = Signal(32)
        status = {
            "waiting": waiting,
            "completions": completions.level,
            "busy": self.busy,
            "dropped": dropped,
        }
        first = data.View(completion_layout, completions.r_data)
        valid = completions.r_rdy
        values: dict[str, int | dict] = {
            **self._constants,
            "status": status,
            "irq_status": {"completed": completed, "failed": failed},
            "irq_mask": {"completed": mask[0], "failed": mask[1]},
            "completion": {
                "tag": Mux(valid, first.tag, 0),
                "status": Mux(valid, first.status, 0),
                "valid": valid,
            },
        }
        choices = []  # addressed, then read
        for name, register in regs.items():
            # What is 0 reads as a place without a register does.
            is_zero = values.get(name, any(f.reset for f in register.fields)) == 0
            is_shown = any(f.readable for f in register.fields) and not is_zero
            if register.address < WINDOW and is_shown:
                picked = Signal(name=f"picked_{name}")
                m.d.sync += picked.eq(ar == register.address >> 2)
                choices.append((picked, _word(register, values.get(name))))
        m.d.sync += shown.eq(choose(choices))
        with m.If(bus.arvalid & bus.arready):
            m.d.sync += [ar.eq(bus.araddr[2:]), step.eq(1), reading.eq(1)]
        with m.Elif(copying & (step != 0)):
            m.d.sync += step.eq(1)
        with m.Elif((step == 1) | (step == 2)):
            m.d.sync += step.eq(step + 1)
        # Without a completion there is nothing to wait for: its counters read as 0.
        with m.Elif((step == 3) & (~wants_counter | self.counter_valid | ~valid)):
            m.d.sync += [
                step.eq(0),
                bus.rvalid.eq(1),
                bus.rdata.eq(Mux(wants_window, seen, shown)),
            ]
            with m.If(wants_counter):
                m.d.sync += bus.rdata.eq(Mux(valid, self.counter, 0))
        with m.If(bus.rvalid & bus.rready):
            m.d.sync += [bus.rvalid.eq(0), reading.eq(0)]
        m.d.comb += bus.rresp.eq(OKAY)
        return m


def _word(register: Register, value):
    """All of a register, from an integer, or from the values of its fields."""
    if value is None:
        value = {}
    for field in register.fields if isinstance(value, dict) else ():
        known = value.get(field.name)
        if isinstance(known, int) and known >> field.bits:
            raise ValueError(
                f"{register.name}.{field.name}: must fit {field.bits} bits, not {known}"
            )
    if isinstance(value, int):
        return Const(value, 32)
    bits, place = [], 0
    fields = sorted(register.fields, key=lambda f: f.low)
    # Beyond the last one that has a value all is 0.
    while fields and fields[-1].name not in value and not fields[-1].reset:
        fields.pop()
    for field in fields:
        bits.append(Const(0, field.low - place))
        part = value.get(field.name, field.reset)
        # Values narrower than their field are extended by the constant, wider ones never fit.
        bits.append((part | Const(0, field.bits))[: field.bits])
        place = field.high + 1
    return Cat(*bits)
