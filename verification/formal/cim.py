"""Contracts of the compute-in-memory tile's control: planes of vectors, and their sum."""

from amaranth.hdl import Assert, Assume, Cat, Cover, Elaboratable, Module, Mux, Signal, Value
from amaranth.hdl._ast import AnySeq, Initial

from hdl.cim.column import Column
from hdl.cim.planes import Planes
from hdl.config import CimConfig
from hdl.stream import Delay

__all__ = ["ColumnContract", "PlanesContract"]


class PlanesContract(Elaboratable):
    """Each vector's planes come once, the highest first, those without a one left out if skipped.

    Some vector, chosen by the solver, is watched: how many before it have not ended, and which of
    its planes are still to come.
    """

    def __init__(self, *, skip: bool) -> None:
        self._config = CimConfig(2, 1, 3, "int4", banks=2, skip=skip)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        m.submodules.block = block = Planes(config)
        i, flags = block.i, block.flags
        given = Value.cast(i.payload)
        m.d.comb += [
            i.valid.eq(AnySeq(1)),
            given.eq(AnySeq(len(given))),
            block.may_end.eq(AnySeq(1)),
            Assume((i.payload.planes >= 1) & (i.payload.planes <= config.act_bits)),
        ]
        held, last = Signal(), Signal.like(given)
        m.d.sync += [held.eq(i.valid & ~i.ready), last.eq(given)]
        with m.If(held):
            m.d.comb += Assume(i.valid & (given == last))

        # Vectors inside: those whose last plane was not shown yet.
        most = 6 if config.skip else 3
        takes, ends, inside = Signal(), Signal(), Signal(range(most + 2))
        m.d.comb += [takes.eq(i.valid & i.ready), ends.eq(block.valid & flags.end)]
        m.d.sync += inside.eq(inside + takes - ends)
        m.d.comb += Assert(inside <= most)
        with m.If(block.valid):
            m.d.comb += Assert(inside != 0)

        # The watched one.
        watched, before = Signal(), Signal.like(inside)
        vector, left = Signal(i.payload.shape()), Signal(config.act_bits)
        is_first = Signal()
        a = i.payload.a
        meant = Cat(i.payload.planes > n for n in range(config.act_bits))
        used = meant & (a[0] | a[1]) if config.skip else meant
        with m.If(takes & AnySeq(1) & ~watched):
            m.d.sync += [watched.eq(1), vector.eq(i.payload), left.eq(used), is_first.eq(1)]
            m.d.sync += before.eq(inside - ends)
        with m.Elif(watched & block.valid):
            with m.If(before == 0):
                bit = Mux(left != 0, 1 << flags.index, 0)[: len(left)]
                m.d.sync += [left.eq(left & ~bit), is_first.eq(0), watched.eq(~flags.end)]
                is_sign = vector.planes == flags.index + 1
                m.d.comb += [
                    Assert(flags.first == is_first),
                    Assert(flags.end == ((left & ~bit) == 0)),
                    Assert(block.bank == vector.bank),
                    Assert(flags.last == vector.last),
                    Assert(block.plane == Cat((vector.a[r] & bit).any() for r in range(2))),
                    Assert(block.done == (left != 0)),
                ]
                with m.If(left != 0):
                    m.d.comb += [
                        Assert((left >> flags.index) == 1),
                        Assert(flags.negate == (vector.signed & is_sign)),
                    ]
            with m.Elif(flags.end):
                m.d.sync += before.eq(before - 1)

        # No cycle is lost within a vector, and none waits but for room.
        could_end, went_on, waiting = Signal(2), Signal(), Signal(range(9))
        m.d.sync += [
            could_end.eq(Cat(block.may_end, could_end)),
            went_on.eq(block.valid & ~flags.end),
        ]
        with m.If(went_on & could_end.all()):
            m.d.comb += Assert(block.valid)
        m.d.sync += waiting.eq(Mux((inside != 0) & ~block.valid & block.may_end, waiting + 1, 0))
        m.d.comb += Assert(waiting <= 6)
        m.d.comb += [
            Cover(watched & (before == 0) & block.valid & flags.end & is_first & flags.negate),
            Cover((inside == most) & ~Initial()),
        ]
        if config.skip:
            m.d.comb += Cover(watched & (before == 0) & block.valid & (left == 0))
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
            ("index", index, latency - 2),
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
