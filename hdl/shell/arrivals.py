"""Words from memory, each to the part of the machine that it is for."""

from amaranth.hdl import Cat, Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..config.machine import MachineConfig
from ..contract.job import Kind, word_layout
from ..stream import Skid

__all__ = ["Arrivals"]


class Arrivals(wiring.Component):
    """A register slice for each taker, as they are far apart and far from the bus.

    Latency is one cycle, throughput one word per cycle. Words stay in order for each taker; one
    that stalls stops the others when its slice is full.

    Parameters
    ----------
    config : MachineConfig

    Members
    -------
    i : ``In(stream.Signature(word_layout(config)))``
        ``i.ready`` depends on registers only.
    a, b, d, columns : ``Out(stream.Signature(word_layout(config)))``
        Words of A, of B, of D; biases and scales. From registers.
    """

    def __init__(self, config: MachineConfig):
        self._word = word_layout(config)
        words = stream.Signature(self._word)
        takers = {name: Out(words) for name in ("a", "b", "d", "columns")}
        super().__init__({"i": In(words), **takers})

    def elaborate(self, platform):
        m = Module()
        kind = self.i.payload.tag.kind
        kinds = {"a": kind == Kind.A, "b": kind == Kind.B, "d": kind == Kind.D}
        others = ~(kinds["a"] | kinds["b"] | kinds["d"])
        readies = []
        for name in ("a", "b", "d", "columns"):
            m.submodules[name] = skid = Skid(self._word)
            m.d.comb += [
                skid.i.payload.eq(self.i.payload),
                skid.i.valid.eq(self.i.valid & self.i.ready & kinds.get(name, others)),
            ]
            readies.append(skid.i.ready)
            wiring.connect(m, skid.o, wiring.flipped(getattr(self, name)))
        m.d.comb += self.i.ready.eq(Cat(readies).all())
        return m
