"""Results into bus words with byte strobes."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..bus.writer import write_layout
from ..config.machine import MachineConfig
from .addressing import addressing

__all__ = ["Pack", "result_layout", "wide_lanes"]


def wide_lanes(config: MachineConfig) -> int:
    """Results of 32 bits that are packed per cycle: no more than a bus word holds."""
    return min(config.lanes, config.bus_bytes // 4)


def result_layout(config: MachineConfig) -> data.StructLayout:
    """``count`` results, 1 to ``lanes``, each 8 or 32 bits by ``wide``; ``last`` of a row of C.

    ``more``: bus words that they have besides the first, if they are wide, otherwise 0. Where
    blocks of C begin anywhere, ``first`` of a row goes to byte ``skip`` of a bus word.
    """
    lanes = config.lanes
    fields: dict = {
        "y": data.ArrayLayout(32, lanes),
        "count": range(lanes + 1),
        "more": range(lanes // wide_lanes(config)),
        "wide": 1,
        "last": 1,
    }
    return data.StructLayout(fields | addressing(config).marks())


class Pack(wiring.Component):
    """Packs the results of a row into bus words; each row ends one, and begins one, there or after
    bytes that are not written.

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
        wide = wide_lanes(self._config)
        parts = lanes // wide
        part = Signal(range(parts))
        place = Signal(range(size // lanes))  # of the bus word that the next result goes to
        after = place
        place = addressing(self._config).pack_place(m, i.payload, after, size // lanes)

        chunk = Signal(8 * size)
        strobes = Signal(size)
        ends_input, ends_word = Signal(), Signal()
        left = Signal(range(lanes + 1))
        amount = Mux(i.payload.wide, 4 * wide // lanes, 1)
        # Of wide results the last ones that fit begin here; at the word's begin if no more do.
        last_wide = (size - 4 * wide) // lanes
        is_last_wide = place >= last_wide if last_wide else 1
        fills = Mux(i.payload.wide, is_last_wide, place == size // lanes - 1)
        m.d.comb += [
            left.eq(i.payload.count - part * wide),
            ends_input.eq(part == i.payload.more),
            ends_word.eq((ends_input & i.payload.last) | fills),
        ]
        with m.If(i.payload.wide):
            with m.Switch(part):
                for p in range(parts):
                    with m.Case(p):
                        for n in range(wide):
                            y = i.payload.y[p * wide + n]
                            m.d.comb += chunk[32 * n : 32 * n + 32].eq(y)
            m.d.comb += strobes.eq(Cat((left > n).replicate(4) for n in range(wide)))
        with m.Else():
            for n in range(lanes):
                m.d.comb += chunk[8 * n : 8 * n + 8].eq(i.payload.y[n][:8])
                m.d.comb += strobes[n].eq(i.payload.count > n)

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
                for p in range(size // lanes):
                    with m.Case(p):
                        m.d.comb += [
                            shifted.eq(chunk << 8 * lanes * p),
                            shifted_strobes.eq(strobes << lanes * p),
                        ]
            m.d.sync += [
                o.valid.eq(ends_word),
                fresh.eq(ends_word),
                o.payload.data.eq(shifted | Mux(fresh, 0, o.payload.data)),
                o.payload.strb.eq(shifted_strobes | Mux(fresh, 0, o.payload.strb)),
                after.eq(Mux(ends_word, 0, place + amount)),
                part.eq(Mux(ends_input, 0, part + 1)),
            ]
        return m
