"""A core whose weights are in memories beside its multipliers, between elastic edges."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config.near import InbankConfig, MeshConfig, NearConfig
from ..stream import Delay, Queue, has_room
from .inbank import Inbank
from .mesh import Mesh
from .ports import a_layout, o_layout, w_layout

__all__ = ["NearCore"]


class NearCore(wiring.Component):
    """``c[col] = Σ_row a[row] · w[bank][row][col]``, exact: a vector per cycle.

    The inside, a :class:`~insitu.hdl.near.mesh.Mesh` or an :class:`~insitu.hdl.near.inbank.Inbank`,
    runs free: a vector enters only if the output queue has room for its sums, so any pattern of
    stalls is safe.

    Parameters
    ----------
    config : MeshConfig or InbankConfig
        Fixes every size, width and latency.

    Members
    -------
    w : ``In(stream.Signature(w_layout(config)))``
        Rows of weights; always ready, one per cycle. Vectors accepted later see them, those
        accepted before do not.
    a : ``In(stream.Signature(a_layout(config)))``
        Vectors. ``a.ready`` is a register.
    o : ``Out(stream.Signature(o_layout(config)))``
        One word per vector, in order; the first one ``config.latency`` cycles later, both included.
    rst
        Synchronous. Drops every vector, and every row of weights, that is under way; weights that
        have arrived stay: all that are older than ``config.latency`` cycles.
    """

    def __init__(self, config: NearConfig):
        self._config = config
        super().__init__(
            {
                "w": In(stream.Signature(w_layout(config), always_ready=True)),
                "a": In(stream.Signature(a_layout(config))),
                "o": Out(stream.Signature(o_layout(config))),
            }
        )

    @property
    def config(self) -> NearConfig:
        return self._config

    def elaborate(self, platform):
        m = Module()
        config, a = self._config, self.a
        if isinstance(config, MeshConfig):
            m.submodules.mesh = inside = Mesh(config)
        else:
            assert isinstance(config, InbankConfig)
            m.submodules.inbank = inside = Inbank(config)
        takes = Signal()
        m.d.comb += [
            takes.eq(a.valid & a.ready),
            inside.write.eq(self.w.valid),
            inside.w.eq(self.w.payload),
            inside.vector.a.eq(a.payload.a),
            inside.vector.bank.eq(a.payload.bank),
            inside.vector.signed.eq(a.payload.signed),
        ]
        flags = data.StructLayout({"valid": 1, "last": 1})
        m.submodules.flags = late = Delay(flags, config.wave_latency, reset=True)
        layout = o_layout(config)
        m.submodules.queue = queue = Queue(layout, config.queue_depth, target=config.target)
        m.d.comb += [
            late.i.valid.eq(takes),
            late.i.last.eq(a.payload.last),
            queue.i.valid.eq(late.o.valid),
            queue.i.payload.c.eq(inside.o),
            queue.i.payload.last.eq(late.o.last),
            self.o.valid.eq(queue.o.valid),
            self.o.payload.eq(queue.o.payload),
            queue.o.ready.eq(self.o.ready),
        ]
        # From a register, so room for one more is kept.
        may_take = Signal(init=1)
        m.d.sync += may_take.eq(has_room(m, self.o, config.credits - 2, takes))
        m.d.comb += a.ready.eq(may_take)
        return m
