"""Contract of a register slice whose payloads come after their handshakes."""

from amaranth.hdl import Assert, Cat, Cover, Elaboratable, Module
from amaranth.hdl._ast import AnySeq

from insitu.hdl.stream import Delay, Skid

__all__ = ["LateContract"]

WIDTH = 2


class LateContract(Elaboratable):
    """It does what a plain slice does, its payloads ``late`` cycles later."""

    def __init__(self, late: int) -> None:
        self._late = late

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.plain = plain = Skid(WIDTH)
        m.submodules.block = block = Skid(WIDTH, far=True, late=self._late)
        m.submodules.given = given = Delay(WIDTH, self._late - 1)
        m.submodules.shown = shown = Delay(1, self._late, reset=True)
        m.submodules.meant = meant = Delay(WIDTH, self._late)
        valid, ready = AnySeq(1), AnySeq(1)
        m.d.comb += [
            plain.i.valid.eq(valid),
            plain.i.payload.eq(AnySeq(WIDTH)),
            plain.o.ready.eq(ready),
            given.i.eq(plain.i.payload),
            block.i.valid.eq(plain.i.valid),
            block.i.payload.eq(given.o),
            block.o.ready.eq(plain.o.ready),
            shown.i.eq(plain.o.valid),
            meant.i.eq(plain.o.payload),
            Assert(Cat(block.o.valid, block.i.ready) == Cat(plain.o.valid, plain.i.ready)),
        ]
        with m.If(shown.o):
            m.d.comb += Assert(block.o.payload == meant.o)
        m.d.comb += Cover(shown.o & (meant.o == 1) & ~plain.i.ready & ~plain.o.ready)
        return m
