"""Results into bus words with byte strobes."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..bus.writer import write_layout
from ..config.machine import MachineConfig

__all__ = ["Pack", "result_layout"]


def result_layout(config: MachineConfig) -> data.StructLayout:
    """``count`` results, 1 to ``lanes``, each 8 or 32 bits by ``wide``; ``last`` of a row of C."""
    lanes = config.lanes
    return data.StructLayout(
        {
            "y": data.ArrayLayout(32, lanes),
            "count": range(lanes + 1),
            "wide": 1,
            "last": 1,
        }
    )


class Pack(wiring.Component):
    """Packs the results of a row into bus words; each row begins a word, and ends one.

    Takes a word of results per cycle, or where these are wider than the bus, in as many cycles as
    they have bus words. Latency is one cycle.

    Parameters
    ----------
    config : MachineConfig
        ``lanes`` is a power of two and no more than the bus has bytes.

    Members
    -------
    i : ``In(stream.Signature(result_layout(config)))``
    o : ``Out(stream.Signature(write_layout(bus_bits)))``
        From registers.
    """

    def __init__(self, config: MachineConfig):
        self._config = config
        super().__init__(
            {
                "i": In(stream.Signature(result_layout(config))),
                "o": Out(stream.Signature(write_layout(config.bus_bits))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        i, o = self.i, self.o
        lanes, size = self._config.lanes, self._config.bus_bytes
        # Results per cycle: all lanes of 8 bits; of 32 bits no more than a bus word holds.
        wide_lanes = min(lanes, size // 4)
        parts = lanes // wide_lanes
        part = Signal(range(parts))
        place = Signal(range(size))  # byte of the bus word that the next result goes to

        chunk = Signal(8 * size)
        strobes = Signal(size)
        amount = Signal(range(size + 1))
        ends_input, ends_word = Signal(), Signal()
        left = Signal(range(lanes + 1))
        m.d.comb += left.eq(i.payload.count - part * wide_lanes)
        with m.If(i.payload.wide):
            with m.Switch(part):
                for p in range(parts):
                    with m.Case(p):
                        for n in range(wide_lanes):
                            y = i.payload.y[p * wide_lanes + n]
                            m.d.comb += chunk[32 * n : 32 * n + 32].eq(y)
            m.d.comb += [
                strobes.eq(Cat((left > n).replicate(4) for n in range(wide_lanes))),
                ends_input.eq(left <= wide_lanes),
                amount.eq(4 * wide_lanes),
            ]
        with m.Else():
            for n in range(lanes):
                m.d.comb += chunk[8 * n : 8 * n + 8].eq(i.payload.y[n][:8])
                m.d.comb += strobes[n].eq(i.payload.count > n)
            m.d.comb += [ends_input.eq(1), amount.eq(lanes)]
        m.d.comb += ends_word.eq((ends_input & i.payload.last) | (place + amount == size))

        moves = Signal()
        fresh = Signal(init=1)  # the next results begin a word
        m.d.comb += [
            moves.eq(i.valid & (~o.valid | o.ready)),
            i.ready.eq(moves & ends_input),
        ]
        with m.If(o.ready):
            m.d.sync += o.valid.eq(0)
        with m.If(moves):
            shifted = Signal(8 * size)
            shifted_strobes = Signal(size)
            with m.Switch(place):
                for p in range(size):
                    with m.Case(p):
                        m.d.comb += [
                            shifted.eq(chunk << 8 * p),
                            shifted_strobes.eq(strobes << p),
                        ]
            m.d.sync += [
                o.valid.eq(ends_word),
                fresh.eq(ends_word),
                o.payload.data.eq(shifted | Mux(fresh, 0, o.payload.data)),
                o.payload.strb.eq(shifted_strobes | Mux(fresh, 0, o.payload.strb)),
                place.eq(Mux(ends_word, 0, place + amount)),
                part.eq(Mux(ends_input, 0, part + 1)),
            ]
        return m
