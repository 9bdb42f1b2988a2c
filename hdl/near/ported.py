"""A core and the AXI slave into its banks."""

from amaranth.hdl import Module, Mux
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config.machine import MachineConfig
from ..config.near import NearConfig
from ..engines.port import bank_axi
from .bank_port import BankPort
from .core import NearCore
from .ports import vector_layout, w_layout

__all__ = ["PortedCore"]


class PortedCore(wiring.Component):
    """A :class:`~hdl.near.NearCore` whose banks an engine and a :class:`BankPort` have in common.

    They take turns: the engine gives rows and vectors only while ``busy``, the port takes beats
    only while not; the last of them is written while the engine still works out its first step.
    Whose a row or a vector is comes from a register: nothing waits for what the engine decides.

    Parameters
    ----------
    config : MachineConfig
        Its array is a :class:`~hdl.config.NearConfig`.

    Members
    -------
    w, a, o
        As of the core, for the engine; without a tag.
    axi, busy
        As of the port.
    write, word : Out(1), Out(w_layout)
        A row that is written to the core, by either.
    port_writes : Out(1)
        It is the port's.
    """

    def __init__(self, config: MachineConfig):
        self._config = config
        core = config.array
        assert isinstance(core, NearConfig)
        self._core = core
        sums = data.ArrayLayout(core.out.shape, core.cols)
        super().__init__(
            {
                "w": In(stream.Signature(w_layout(core), always_ready=True)),
                "a": In(stream.Signature(vector_layout(core, "last"))),
                "o": Out(stream.Signature(data.StructLayout({"c": sums, "last": 1}))),
                "axi": In(bank_axi(config)),
                "busy": In(1),
                "write": Out(1),
                "word": Out(w_layout(core)),
                "port_writes": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.core = core = NearCore(self._core)
        m.submodules.port = port = BankPort(self._config)
        wiring.connect(m, wiring.flipped(self.axi), port.axi)
        mine, its = self.a, port.a
        m.d.comb += [
            port.busy.eq(self.busy),
            self.port_writes.eq(port.write),
            self.write.eq(self.w.valid | port.write),
            self.word.eq(Mux(port.write, port.word, self.w.payload)),
            core.w.valid.eq(self.write),
            core.w.payload.eq(self.word),
            core.a.valid.eq(mine.valid | its.valid),
            mine.ready.eq(core.a.ready),
            its.ready.eq(core.a.ready),
        ]
        for name, _ in core.a.payload.shape():
            theirs = its.payload[name]
            ours = mine.payload[name] if name != "tag" else 0
            m.d.comb += core.a.payload[name].eq(Mux(self.busy, ours, theirs))
        m.d.comb += [
            port.shows.eq(core.o.valid & core.o.payload.tag),
            port.o.eq(core.o.payload),
            self.o.valid.eq(core.o.valid & ~core.o.payload.tag),
            self.o.payload.c.eq(core.o.payload.c),
            self.o.payload.last.eq(core.o.payload.last),
            core.o.ready.eq(self.o.ready | core.o.payload.tag),
        ]
        return m
