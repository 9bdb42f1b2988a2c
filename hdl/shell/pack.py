"""Results into bus words with byte strobes."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..bus.writer import write_layout
from ..config.machine import MachineConfig
from .addressing import addressing
from .finishing import finishing

__all__ = ["Pack", "lanes_of", "result_layout"]


def lanes_of(config: MachineConfig, size: int) -> int:
    """Results of ``size`` bytes that are packed per cycle: no more than a bus word holds."""
    return min(config.lanes, config.bus_bytes // size)


def result_layout(config: MachineConfig) -> data.StructLayout:
    """``count`` results, 1 to ``lanes``, of a byte, or larger by ``wide`` and what other names the
    machine's sizes have; ``last`` of a row of C.

    ``more``: bus words that they have besides the first, 0 if they are bytes. Where blocks of C
    begin anywhere, ``first`` of a row goes to byte ``skip`` of a bus word.
    """
    lanes = config.lanes
    sizes = finishing(config).sizes
    fields: dict = {
        "y": data.ArrayLayout(32, lanes),
        "count": range(lanes + 1),
        "more": range(lanes // lanes_of(config, max(sizes.values()))),
        **dict.fromkeys(sizes, 1),
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
        sizes = finishing(self._config).sizes
        fit = {name: lanes_of(self._config, of) for name, of in sizes.items()}
        part = Signal(range(lanes // min(fit.values())))
        place = Signal(range(size // lanes))  # of the bus word that the next result goes to
        after = place
        place = addressing(self._config).pack_place(m, i.payload, after, size // lanes)

        chunk = Signal(8 * size)
        strobes = Signal(size)
        ends_input, ends_word = Signal(), Signal()
        left = Signal(range(lanes + 1))

        def by_size(narrow, value):
            """``narrow`` for bytes, ``value`` of a size for larger ones."""
            for name in reversed(sizes):
                narrow = Mux(i.payload[name], value(name), narrow)
            return narrow

        def is_last(name: str):
            """Of larger results the last that fit begin here; at the word's begin if no more do."""
            last = (size - sizes[name] * fit[name]) // lanes
            return place >= last if last else 1

        amount = by_size(1, lambda name: sizes[name] * fit[name] // lanes)
        fills = by_size(place == size // lanes - 1, is_last)
        *larger, smallest = sizes
        done = part * fit[smallest]  # of bytes none
        for name in reversed(larger):
            done = Mux(i.payload[name], part * fit[name], done)
        m.d.comb += [
            left.eq(i.payload.count - done),
            ends_input.eq(part == i.payload.more),
            ends_word.eq((ends_input & i.payload.last) | fills),
        ]
        branch = m.If
        for name, of in sizes.items():
            with branch(i.payload[name]):
                with m.Switch(part):
                    for p in range(lanes // fit[name]):
                        with m.Case(p):
                            for n in range(fit[name]):
                                y = i.payload.y[p * fit[name] + n]
                                m.d.comb += chunk.word_select(n, 8 * of).eq(y)
                ends = Cat((left > n).replicate(of) for n in range(fit[name]))
                m.d.comb += strobes.eq(ends)
            branch = m.Elif
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
