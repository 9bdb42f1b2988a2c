"""Contracts of the compute-in-memory tile's control: planes of vectors, and their sum."""

from amaranth.hdl import Assert, Assume, Cat, Cover, Elaboratable, Module, Mux, Signal, Value
from amaranth.hdl._ast import AnySeq

from insitu.hdl.cim.column import Column
from insitu.hdl.cim.order import Order
from insitu.hdl.config import CimConfig
from insitu.hdl.stream import Delay

__all__ = ["ColumnContract", "PlanesContract"]

SLOTS = 4


class PlanesContract(Elaboratable):
    """Each vector's planes come once, the highest first, right after each other and the last one
    once it may end; the next vector's follow without a gap."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = CimConfig(2, 1, 4, "int4", banks=2, skip=True)
        m.submodules.block = block = Order(config, SLOTS)
        i, o, flags = block.i, block.o, block.o.flags
        given = Value.cast(i.payload)
        meant = Cat(i.payload.planes > n for n in range(config.act_bits))
        m.d.comb += [
            i.valid.eq(AnySeq(1)),
            given.eq(AnySeq(len(given))),
            block.may_end.eq(AnySeq(1)),
            Assume((i.payload.planes >= 1) & (i.payload.planes <= config.act_bits)),
            Assume((i.payload.ones & ~meant) == 0),
        ]

        # The vector under way, its planes to come, its place.
        inside, vector, is_first = Signal(), Signal(i.payload.shape()), Signal()
        left, slot = Signal(config.act_bits), Signal(range(SLOTS), init=SLOTS - 1)
        bit = Mux(left != 0, 1 << flags.index, 0)[: len(left)]
        is_last = (left & ~bit) == 0
        takes, ends = i.valid & i.ready, o.valid & flags.end
        with m.If(takes):
            m.d.sync += [vector.eq(i.payload), left.eq(i.payload.ones), is_first.eq(1)]
            m.d.sync += [slot.eq(slot + 1), inside.eq(1)]
        with m.Else():
            with m.If(ends):
                m.d.sync += inside.eq(0)
            with m.If(o.valid):
                m.d.sync += [left.eq(left & ~bit), is_first.eq(0)]

        m.d.comb += [
            Assert(o.valid == (inside & (~is_last | block.may_end))),
            Assert(i.ready == (~inside | ends)),
            Assert(block.ends == ends),
            Assert(block.slot == slot),
            Assert(o.done == (o.valid & (left != 0))),
        ]
        with m.If(o.valid):
            m.d.comb += [
                Assert(flags.first == is_first),
                Assert(flags.end == is_last),
                Assert(o.bank == vector.bank),
                Assert(o.tag == vector.tag),
                Assert(flags.last == vector.last),
                Assert(block.zero == (vector.ones == 0)),
            ]
            with m.If(left != 0):
                is_sign = vector.planes == flags.index + 1
                m.d.comb += [
                    Assert((left >> flags.index) == 1),
                    Assert(flags.negate == (vector.signed & is_sign)),
                ]
        m.d.comb += [
            Cover(o.valid & flags.end & is_first & flags.negate & takes),
            Cover(o.valid & (left == 0)),
            Cover(o.valid & flags.end & (vector.ones == 0b1010) & (slot == 2)),
        ]
        return m


class ColumnContract(Elaboratable):
    """The sum over planes is that of the planes and weights of some cycles before."""

    def __init__(self, *, skip: bool) -> None:
        self._config = CimConfig(2, 1, 2, "int4", banks=1, skip=skip)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        m.submodules.block = block = Column(config)
        valid, first, negate, index = (
            Signal(name=n) for n in ("valid", "first", "negate", "index")
        )
        weights = Value.cast(block.w)
        m.d.comb += [
            valid.eq(AnySeq(1)),
            first.eq(AnySeq(1)),
            index.eq(AnySeq(1)),
            negate.eq(AnySeq(1)),
            block.plane.eq(AnySeq(config.rows)),
            weights.eq(AnySeq(len(weights))),
            Assume(~negate | first),
        ]
        # A vector's planes go down; without `skip` by one each.
        started, low = Signal(), Signal(init=1)
        with m.If(valid):
            m.d.sync += [started.eq(1), low.eq(index == 0)]
            m.d.comb += Assume(first | (started & ~low & (index == 0)))
        latency = config.column_latency
        for name, value, cycles in (
            ("valid", valid, latency - 1),
            ("first", first, latency - 1),
            ("negate", negate, latency - 1),
            # Without `skip` it is not looked at.
            ("index", index, max(0, latency - 3)),
        ):
            m.submodules[f"late_{name}"] = late = Delay(1, cycles, reset=True)
            m.d.comb += [late.i.eq(value), getattr(block, name).eq(late.o)]

        column = Signal(config.out.shape)
        parts = [Mux(block.plane[r], block.w[r].as_signed(), 0) for r in range(config.rows)]
        m.d.comb += column.eq(sum(parts))
        total, is_known = Signal(config.out.shape), Signal()
        term = (column << index) if config.skip else column
        kept = total if config.skip else total << 1
        with m.If(valid):
            m.d.sync += [
                total.eq(Mux(first, 0, kept) + Mux(negate, -term, term)),
                is_known.eq(1),
            ]
        layout = Cat(total, is_known)
        m.submodules.expected = expected = Delay(len(layout), latency - 1, reset=True)
        m.d.comb += expected.i.eq(layout)
        with m.If(expected.o[-1]):
            m.d.comb += Assert(block.total == expected.o[:-1].as_signed())
        m.d.comb += [
            Cover(expected.o[-1] & (block.total == config.out.lo)),
            Cover(expected.o[-1] & (block.total == config.out.hi)),
        ]
        return m
