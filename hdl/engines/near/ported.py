"""A core and the AXI slave into its banks."""

from amaranth.hdl import Module, Mux
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...config.machine import MachineConfig
from ...config.near import NearConfig
from ...contract.engine import bank_axi
from ...near.core import NearCore
from ...near.ports import a_layout, o_layout, w_layout
from .bank_port import BankPort

__all__ = ["PortedCore"]


class PortedCore(wiring.Component):
    """A :class:`.NearCore` whose banks an engine and a :class:`BankPort` have in common.

    They take turns: the engine gives rows and vectors only while ``busy``, the port takes beats
    only while not; the last of them is written while the engine still works out its first step.
    Whose a row or a vector is comes from a register: nothing waits for what the engine decides.

    Parameters
    ----------
    config : MachineConfig
        Its array is a :class:`~insitu.hdl.config.NearConfig`.

    Members
    -------
    w, a, o
        As of the core, for the engine.
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
        super().__init__(
            {
                "w": In(stream.Signature(w_layout(core), always_ready=True)),
                "a": In(stream.Signature(a_layout(core))),
                "o": Out(stream.Signature(o_layout(core))),
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
            m.d.comb += core.a.payload[name].eq(Mux(self.busy, mine.payload[name], theirs))
        m.d.comb += [
            port.shows.eq(core.o.valid & port.awaits),
            port.o.eq(core.o.payload),
            self.o.valid.eq(core.o.valid & ~port.awaits),
            self.o.payload.eq(core.o.payload),
            core.o.ready.eq(self.o.ready | port.awaits),
        ]
        return m
