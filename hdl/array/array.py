"""Systolic array: elastic edges around a free-running mesh."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import ArrayConfig
from ..stream import Delay, Queue, has_room
from .edge import OperandEdge, unsigned_word
from .launch import LaunchSlice
from .mesh import OutputMesh, WeightMesh
from .ports import a_layout, i_layout, o_layout, w_layout

__all__ = ["SystolicArray"]


class SystolicArray(wiring.Component):
    """Systolic array of either dataflow, for matrices streamed through it tile by tile.

    Edges are elastic, the inside runs free. Every ``ready`` and ``valid`` comes from registers,
    but for ``o.ready``, which drives the output queue's clock enable. A beat is launched into the
    mesh only if the output queue has room for what it will produce, so any pattern of stalls is
    safe. ``docs/array.md`` has the cycle tables.

    Output-stationary: a tile is ``c[rows][cols] = Σ_t Σ_k a_t[row][k] · b_t[col][k]`` over its
    beats t, modulo ``2^acc_bits``. One beat per cycle; one tile per max(beats, ``rows``) cycles.

    Weight-stationary: each vector gives ``c[col] = Σ_row Σ_k a[row][k] · w[row][col][k]`` for the
    weight set that was current when it was launched. One vector per cycle; one weight set per
    max(vectors, ``rows``) cycles, loaded while the one before it is in use.

    Parameters
    ----------
    config : :class:`~insitu.hdl.config.ArrayConfig`
        Fixes every size, width and latency.

    Members (OS)
    ------------
    i : ``In(stream.Signature(i_layout(config)))``
        Beats of a tile, the final one marked ``last``.

    Members (WS)
    ------------
    w : ``In(stream.Signature(w_layout(config)))``
        Rows of a weight set, row 0 first, exactly ``rows`` of them, row ``rows - 1`` marked
        ``last``. While a complete set waits for its ``swap``, two rows more are taken, then none.
    a : ``In(stream.Signature(a_layout(config)))``
        Vectors. One with ``swap`` waits for the next complete weight set and makes it current; the
        first vector after reset must have it.

    Members (both)
    --------------
    o : ``Out(stream.Signature(o_layout(config)))``
        OS: ``rows`` rows per tile, row 0 first, the final one marked ``last``. WS: one row per
        vector, with its ``last``.
    rst
        Synchronous. Drops everything under way; the next beat starts a tile, the next weight beat
        is row 0.
    """

    def __init__(self, config: ArrayConfig):
        self._config = config
        o = {"o": Out(stream.Signature(o_layout(config)))}
        if config.flow == "os":
            super().__init__({"i": In(stream.Signature(i_layout(config)))} | o)
        else:
            super().__init__(
                {
                    "w": In(stream.Signature(w_layout(config))),
                    "a": In(stream.Signature(a_layout(config))),
                }
                | o
            )

    @property
    def config(self) -> ArrayConfig:
        return self._config

    def elaborate(self, platform):
        m = Module()
        if self._config.flow == "os":
            self._output_stationary(m)
        else:
            self._weight_stationary(m)
        return m

    def _weight_mesh(self) -> wiring.Component:
        """What multiplies, weight-stationary, with the members of
        :class:`~insitu.hdl.array.mesh.WeightMesh`; its sums are whole ``wave_latency - 2`` cycles
        after their vector."""
        return WeightMesh(self._config)

    def _slice(self, m: Module, name: str, flags: tuple[str, ...], conditions, may_take):
        """Launch slice on input ``name``."""
        port = getattr(self, name)
        part = LaunchSlice(
            port.payload.shape(),
            flags,
            len(conditions),
            may_take,
            lambda m, word: unsigned_word(m, self._config, word),
        )
        m.submodules[f"{name}_slice"] = part
        wiring.connect(m, wiring.flipped(port), part.i)
        m.d.comb += part.conditions.eq(conditions)
        return part

    def _edge(self, m: Module, name: str, fmt, x, payload, clear=0):
        """Operand edge for ``x``, with the zero point of ``payload`` if there is one."""
        lanes = x.shape().length
        m.submodules[f"{name}_edge"] = edge = OperandEdge(self._config, fmt, lanes)
        m.d.comb += [edge.x.eq(x), edge.clear.eq(clear)]
        if self._config.zero_points:
            m.d.comb += edge.zero.eq(payload[f"{name}_zero"])
        return edge.o

    def _output(self, m: Module, valid, c, last, taken, count: int, margin: int = 0):
        """Output queue and its credits: returns a register that says ``count`` rows have room.

        ``taken`` is high where a launch takes room for ``count`` rows; ``margin`` rows more are
        kept free.
        """
        config = self._config
        word = data.StructLayout(
            {"c": data.ArrayLayout(config.wire(config.out_values), config.cols), "last": 1}
        )
        m.submodules.queue = queue = Queue(word, config.queue_depth, target=config.target)
        m.d.comb += [
            queue.i.valid.eq(valid),
            queue.i.payload.c.eq(c),
            queue.i.payload.last.eq(last),
            self.o.valid.eq(queue.o.valid),
            self.o.payload.last.eq(queue.o.payload.last),
            queue.o.ready.eq(self.o.ready),
        ]
        m.d.comb += [self.o.payload.c[n].eq(queue.o.payload.c[n]) for n in range(config.cols)]
        return has_room(m, self.o, config.credits - count - margin, Mux(taken, count, 0))

    def _output_stationary(self, m: Module):
        config = self._config
        may_end = Signal()
        beat = self._slice(m, "i", ("last",), may_end, lambda head, may_end: ~head.last | may_end)
        launch = Signal()
        ends = Signal()
        m.submodules.mesh = mesh = OutputMesh(config)

        # Rows leave one per cycle, so tiles must end at least `rows` cycles apart. Whether one may
        # end is known a cycle early, and its rows are counted a cycle late; where the next end can
        # come before that, as many launches more are kept free.
        gap = Signal(range(config.rows))
        ended = Signal()
        uncounted = {1: 2, 2: 1}.get(config.rows, 0) * config.rows
        fits = self._output(m, mesh.c_valid, mesh.c, mesh.c_last, ended, config.rows, uncounted)
        m.d.sync += ended.eq(ends)
        m.d.sync += may_end.eq(fits & (gap <= 1) & ~(ends & (config.rows > 1)))
        with m.If(ends):
            m.d.sync += gap.eq(config.rows - 1)
        with m.Elif(gap != 0):
            m.d.sync += gap.eq(gap - 1)
        m.d.comb += [
            launch.eq(beat.take),
            ends.eq(beat.head_valid & beat.head.last & may_end),
        ]

        # From here on a cycle later, with the payload.
        moves = Signal()
        starts = Signal(init=1)
        # Inverses of `moves`, for the clear inputs of many registers.
        a_idle = Signal(init=1, attrs={"own_register": 1})
        b_idle = Signal(init=1, attrs={"own_register": 1})
        m.d.sync += [moves.eq(launch), a_idle.eq(~launch), b_idle.eq(~launch)]
        with m.If(moves):
            m.d.sync += starts.eq(ended)
        m.d.sync += [mesh.first.eq(moves & starts), mesh.last.eq(ended)]
        p = beat.data
        # Without a beat both operands are 0: one would do, but then an unknown on the other, which
        # simulators multiply by 0 to an unknown, would stay in the accumulators.
        m.d.comb += mesh.a.eq(self._edge(m, "a", config.a, p.a, p, a_idle))
        m.d.comb += mesh.b.eq(self._edge(m, "b", config.b, p.b, p, b_idle))

    def _weight_stationary(self, m: Module):
        config = self._config
        launch = Signal()
        m.submodules.mesh = mesh = self._weight_mesh()
        m.submodules.flags = flags = Delay(2, config.wave_latency, reset=True)
        fits = self._output(m, flags.o[0], mesh.c, flags.o[1], launch, 1)

        # A complete set waits in the shadow registers. The first row of the next one may follow in
        # the very cycle that makes it current: both travel as wavefronts, in step.
        complete = Signal()
        vector = self._slice(
            m,
            "a",
            ("swap", "last"),
            Cat(fits, complete),
            lambda head, c: c[0] & (~head.swap | c[1]),
        )
        weights = self._slice(
            m,
            "w",
            ("last",),
            Cat(fits, complete, vector.head_valid, vector.head.swap),
            lambda head, c: ~c[1] | (c[0] & c[2] & c[3]),
        )
        swaps = Signal()
        loads = Signal()
        m.d.comb += [
            launch.eq(vector.take),
            swaps.eq(launch & vector.head.swap),
            loads.eq(weights.take),
            flags.i.eq(launch | (launch & vector.head.last) << 1),
        ]
        with m.If(loads):
            m.d.sync += complete.eq(weights.head.last)
        with m.Elif(swaps):
            m.d.sync += complete.eq(0)

        # From here on a cycle later, with the payload.
        moves_swap = Signal()
        moves_row = Signal()
        m.d.sync += [moves_swap.eq(swaps), moves_row.eq(loads)]
        p, q = vector.data, weights.data
        row = Signal(config.rows, init=1)
        with m.If(moves_row):
            m.d.sync += row.eq(Mux(q.last, 1, row << 1))
        m.d.sync += [mesh.swap.eq(moves_swap), mesh.load.eq(moves_row.replicate(config.rows) & row)]
        m.d.comb += mesh.a.eq(self._edge(m, "a", config.a, p.a, p))
        m.d.comb += mesh.b.eq(self._edge(m, "b", config.b, q.w, q))
