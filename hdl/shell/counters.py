"""Counters of events, 64 bits each, one page per descriptor, kept in a RAM."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config.fields import ceil_log2
from ..contract.events import Event, event_layout
from ..contract.job import TIME_BITS
from ..stream import Ram
from .choose import choose

__all__ = ["Counters"]

PAGE = 32  # counters a page has room for
GROUP = 8  # accumulators that are picked from in one cycle


class Counters(wiring.Component):
    """Counts events of the two jobs under way; keeps the counts until their completions are read.

    Increments gather in small accumulators. A scanner takes these in turn, one per cycle, and adds
    them to a RAM, so that 64 bits cost one adder in all. When a descriptor ends, its counters are
    settled: all of them are taken once more, beginning at once.

    Parameters
    ----------
    events : tuple of Event
        At most ``PAGE``; counter n counts event n.
    descriptors : int
        Descriptors that can be between their start and the reading of their completion.
    target : "generic", "ecp5" or "ice40"
        Of the RAM.

    Members
    -------
    events : In(event_layout(events))
    begins : In(1)
        The next descriptor begins, its counters at zero. Descriptor n is in slot n modulo 2, which
        must not be ``in_use``.
    in_use : Out(2)
        By slot: its counters are counting or being settled, from the cycle after ``begins`` on.
    ends : In(1)
        The oldest one completes.
    popped : In(1)
        The oldest completion was read.
    read, addr : In(1), In(7)
        Wanted: word ``addr`` of the oldest completion, while ``read`` is high.
    valid, word : Out(1), Out(32)
        The word, once all that was counted is in it.
    """

    def __init__(self, events: tuple[Event, ...], descriptors: int, *, target: str = "generic"):
        if len(events) > PAGE:
            raise ValueError(f"there must be at most {PAGE} events, not {len(events)}")
        self._events, self._target = events, target
        self._pages = 1 << ceil_log2(descriptors + 1)
        super().__init__(
            {
                "events": In(event_layout(events)),
                "begins": In(1),
                "in_use": Out(2),
                "ends": In(1),
                "popped": In(1),
                "read": In(1),
                "addr": In(7),
                "valid": Out(1),
                "word": Out(32),
            }
        )

    def elaborate(self, platform):
        m = Module()
        pages, count = self._pages, len(self._events)
        page_bits = ceil_log2(pages)
        m.submodules.ram = ram = Ram(64, pages * PAGE, target=self._target)

        # Pages are taken, completed, settled and given back in order.
        begun, ended, settled, oldest = (
            Signal(page_bits, name=name) for name in ("begun", "ended", "settled", "oldest")
        )
        page = [Signal(page_bits, name=f"page_{n}") for n in range(2)]
        m.d.sync += [
            begun.eq(begun + self.begins),
            ended.eq(ended + self.ends),
            oldest.eq(oldest + self.popped),
        ]
        # Counters of the slot that have not been written yet: what the RAM has there is of another.
        fresh = [Signal(count, name=f"fresh_{n}") for n in range(2)]

        # --- Scanner: all counters of one slot, then of the other; of one that ended at once ---
        index, which = Signal(range(count)), Signal()
        settling = Signal()  # this pass began after its descriptor's end
        pause = Signal(6)  # as many cycles as bits, until sums under way are in the RAM
        reads = Signal()  # for the control port, in this cycle
        moves = Signal()
        closing = Signal()  # the pass is over, its sums are not all in the RAM yet
        # The slot's page may be written: one that is settled is read by the control port, and
        # writing what is read would give it an undefined word.
        live = Signal(2)
        m.d.comb += self.in_use.eq(live)
        m.d.comb += moves.eq(~pause[0] & ~reads & ~closing)
        pending = Signal()  # a cycle late: a descriptor has ended whose counters are not settled
        m.d.sync += pending.eq((settled != ended) & ~settling)
        with m.If(closing & ~pause[0]):
            m.d.sync += [settled.eq(settled + 1), settling.eq(0), closing.eq(0), which.eq(~which)]
            m.d.sync += live.eq(live & ~(1 << which))
        with m.Elif(~settling & pending):
            m.d.sync += [settling.eq(1), which.eq(settled[0]), index.eq(0), pause.eq(~0)]
        with m.Elif(moves):
            m.d.sync += index.eq(index + 1)
            with m.If(index == count - 1):
                m.d.sync += index.eq(0)
                with m.If(settling):
                    m.d.sync += [closing.eq(1), pause.eq(~0)]
                with m.Else():
                    m.d.sync += which.eq(~which)
        with m.Elif(pause[0]):
            m.d.sync += pause.eq(pause >> 1)
        # A cycle later: which accumulator is taken, and whether it is the first of its page.
        # A bit for each, as they are all over the place.
        is_index, was_which = Signal(count), Signal()
        m.d.sync += [is_index.eq(Cat(index == n for n in range(count))), was_which.eq(which)]
        writes = Signal()  # it will be written
        is_fresh = Signal(2)
        m.d.sync += is_fresh.eq(Cat((bits & is_index).any() for bits in fresh))
        for n in range(2):
            own = Signal(name=f"writes_{n}")
            m.d.comb += own.eq(writes & (was_which == n))
            m.d.sync += fresh[n].eq(fresh[n] & ~(is_index & own.replicate(count)))
            with m.If(self.begins & (begun[0] == n)):
                m.d.sync += [page[n].eq(begun), fresh[n].eq(~0), live[n].eq(1)]

        # Another one later they are where the accumulators are, which is all over the place.
        moved = Signal()
        m.d.sync += moved.eq(moves)

        # An accumulator holds what comes in four passes, slowed down by the reading of words.
        slack = ceil_log2(6 * count)
        amounts = []
        # Events come from all over the place; a descriptor's counters are settled much later.
        events = Signal.like(self.events)
        m.d.sync += events.eq(self.events)
        for n, event in enumerate(self._events):
            given = events[event.name]
            bits = event.bits + (slack if event.bits < TIME_BITS else 0)
            for slot in range(2):
                held = Signal(bits, name=f"{event.name}_{slot}")
                amount = Mux(given.slot == slot, given.amount, 0)
                taken = Signal(name=f"{event.name}_{slot}_taken")
                m.d.sync += taken.eq(moved & is_index[n] & (was_which == slot))
                m.d.sync += held.eq(Mux(taken, 0, held) + amount)
                amounts.append(held)
        # Picked in two steps, while the RAM is read.
        picked = [Signal(max(len(a) for a in amounts[g : g + GROUP]), name=f"picked_{g}")
                  for g in range(0, len(amounts), GROUP)]  # fmt: skip
        low = ceil_log2(GROUP)
        was_index = Signal.like(index)  # with the slot below it the number, in order of `amounts`
        groups = [Signal(len(picked), name=f"is_group_{n}", attrs={"own_register": 1})
                  for n in range(2)]  # fmt: skip
        number = Cat(was_which, was_index)
        m.d.sync += [
            was_index.eq(index),
            groups[0].eq(Cat(number[low:] == g for g in range(len(picked)))),
            groups[1].eq(groups[0]),
        ]
        for g, some in enumerate(picked):
            fine = Signal(low, name=f"fine_{g}", attrs={"own_register": 1})
            m.d.sync += fine.eq(number[:low])
            with m.Switch(fine):
                for n, held in enumerate(amounts[GROUP * g : GROUP * (g + 1)]):
                    with m.Case(n):
                        m.d.sync += some.eq(held)
        gathered = Signal(max(len(some) for some in picked), reset_less=True)
        m.d.sync += gathered.eq(choose(zip(groups[1], picked, strict=True)))

        # Read, add, write.
        addr = Cat(index, Const(0, ceil_log2(PAGE) - len(index)), Mux(which, *page[::-1]))
        stage = data.StructLayout({"valid": 1, "addr": len(addr)})
        stages = [Signal(stage, name=f"stage_{n}") for n in range(6)]
        first, whose = Signal(2), Signal()
        read, before, total = (
            Signal(64, name=x, reset_less=True) for x in ("read", "before", "total")
        )
        added = Signal.like(gathered)
        m.d.sync += [
            stages[0].valid.eq(moves & live.bit_select(which, 1)),
            stages[0].addr.eq(addr),
            stages[1].eq(stages[0]),
            stages[2].eq(stages[1]),
            stages[3].eq(stages[2]),
            stages[4].eq(stages[3]),
            stages[5].eq(stages[4]),
            ram.read_addr.eq(Mux(reads, Cat(self.addr[1:6], oldest), addr)),
            whose.eq(was_which),
            first.eq(Cat(is_fresh.bit_select(whose, 1), first)),
            read.eq(ram.read_data),
            before.eq(Mux(first[1], 0, read)),
            added.eq(gathered),
            total.eq(before + added),
        ]
        m.d.comb += [
            writes.eq(stages[0].valid),
            ram.write_en.eq(stages[5].valid),
            ram.write_addr.eq(stages[5].addr),
            ram.write_data.eq(total),
        ]

        # --- Control port ---
        # Not while a descriptor is settled, so that who reads has no say in when the next begins.
        asked = Signal(3)
        may_read = (settled != oldest) & ~settling & ~self.popped
        m.d.sync += [
            reads.eq(self.read & ~reads & ~asked.any() & ~self.valid & may_read),
            asked.eq(Cat(reads, asked)),
            self.valid.eq(asked[2]),
            self.word.eq(ram.read_data.word_select(self.addr[0], 32)),
        ]
        return m
