"""Segments of memory into bursts."""

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .axi import BOUNDARY, Axi4

__all__ = ["Bursts", "Master", "QuickBursts", "burst_layout", "segment_layout"]

BEATS_BITS = 16


def segment_layout(addr_bits: int, tag_bits: int = 0) -> data.StructLayout:
    """Consecutive bus words: ``addr`` of the first in bytes, ``beats`` of them, and a ``tag``."""
    return data.StructLayout(
        {"addr": unsigned(addr_bits), "beats": unsigned(BEATS_BITS), "tag": unsigned(tag_bits)}
    )


def burst_layout(addr_bits: int, tag_bits: int = 0) -> data.StructLayout:
    """One burst: ``addr``, ``len`` as on AXI (beats less one), and of its segment the ``tag``.

    ``final`` marks the segment's last burst.
    """
    return data.StructLayout(
        {"addr": unsigned(addr_bits), "len": unsigned(8), "final": 1, "tag": unsigned(tag_bits)}
    )


class Bursts(wiring.Component):
    """Cuts segments into INCR bursts that never cross 4 KiB.

    A burst takes three cycles at least: two to find its length, one to offer it. The first burst is
    offered three cycles after its segment was accepted; the next segment is accepted in the cycle
    in which the last burst of this one is taken.

    Parameters
    ----------
    addr_bits, data_bits : int
        Of the bus.
    longest : int
        Beats of the longest burst, 1 to 256.
    tag_bits : int
    boundary : int
        Bytes in a page that no burst leaves; AXI's are 4,096, proofs use fewer.

    Members
    -------
    i : ``In(stream.Signature(segment_layout(addr_bits, tag_bits)))``
        ``addr`` is a multiple of the bus word, ``beats`` at least 1.
    o : ``Out(stream.Signature(burst_layout(addr_bits, tag_bits)))``
        From registers.
    """

    def __init__(
        self,
        addr_bits: int,
        data_bits: int,
        longest: int,
        tag_bits: int = 0,
        boundary: int = BOUNDARY,
    ):
        if not 1 <= longest <= 256:
            raise ValueError(f"Longest burst must be from 1 to 256 beats, not {longest}")
        self._word = data_bits // 8
        self._page = boundary // self._word
        self._longest = min(longest, self._page)
        super().__init__(
            {
                "i": In(stream.Signature(segment_layout(addr_bits, tag_bits))),
                "o": Out(stream.Signature(burst_layout(addr_bits, tag_bits))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        i, o = self.i, self.o
        shift = self._word.bit_length() - 1
        page = self._page

        held = Signal()
        segment = Signal(i.payload.shape(), reset_less=True)
        chunk = Signal(range(self._longest + 1), reset_less=True)
        length = Signal(8, reset_less=True)  # chunk - 1
        is_last = Signal(reset_less=True)
        shows_last = Signal()  # o.valid & is_last, as the way back from the bus is long
        m.d.comb += [
            o.payload.addr.eq(segment.addr),
            o.payload.len.eq(length),
            o.payload.final.eq(is_last),
            o.payload.tag.eq(segment.tag),
            i.ready.eq(~held | (shows_last & o.ready)),
        ]

        # Beats up to the boundary, and no more than the longest burst.
        limit = Signal(range(self._longest + 1), reset_less=True)
        is_limited = Signal()
        less, limit_less = Signal(BEATS_BITS, reset_less=True), Signal(8, reset_less=True)
        # Whether the boundary is far is found out beside the way to it.
        place = (segment.addr >> shift)[: page.bit_length() - 1]
        far = place < page - self._longest
        to_end = page - place
        m.d.sync += [
            limit.eq(Mux(far, self._longest, to_end)),
            limit_less.eq(Mux(far, self._longest - 1, to_end - 1)),
            less.eq(segment.beats - 1),
        ]
        with m.If(held & ~is_limited):
            m.d.sync += is_limited.eq(1)
        with m.Elif(held & ~o.valid):
            m.d.sync += [
                o.valid.eq(1),
                chunk.eq(Mux(less >= limit, limit, segment.beats)),
                length.eq(Mux(less >= limit, limit_less, less)),
                is_last.eq(less < limit),
                shows_last.eq(less < limit),
            ]
        with m.Elif(o.valid & o.ready):
            m.d.sync += [
                o.valid.eq(0),
                shows_last.eq(0),
                is_limited.eq(0),
                segment.addr.eq(segment.addr + (chunk << shift)),
                segment.beats.eq(segment.beats - chunk),
                held.eq(~is_last),
            ]
        with m.If(i.ready & i.valid):
            m.d.sync += [held.eq(1), segment.eq(i.payload)]
        return m


class QuickBursts(Bursts):
    """The same, a burst per cycle, where most segments are one: for machines whose accesses are
    short. A further burst of a segment is offered two cycles after the one before it.

    The first burst is offered three cycles after its segment was accepted. Two more segments wait
    after the burst that is offered.
    """

    def elaborate(self, platform):
        m = Module()
        i, o = self.i, self.o
        shift = self._word.bit_length() - 1
        page = self._page

        given, held = Signal(i.payload.shape(), reset_less=True), Signal(i.payload.shape())
        is_given, is_held, is_limited = Signal(), Signal(), Signal()
        limit = Signal(range(self._longest + 1), reset_less=True)
        less = held.beats - 1
        ends, gives, moves = Signal(), Signal(), Signal()
        m.d.comb += [
            ends.eq(less < limit),
            gives.eq(is_held & is_limited & (~o.valid | o.ready)),
            moves.eq(is_given & (~is_held | (gives & ends))),
            i.ready.eq(~is_given | moves),
        ]
        # Beats up to the boundary, and no more than the longest burst: of the next segment, or of
        # what is left of this one.
        again = is_held & ~is_limited
        addr = Mux(again, held.addr, given.addr)
        place = (addr >> shift)[: page.bit_length() - 1]
        found = Signal.like(limit)
        m.d.comb += found.eq(Mux(place < page - self._longest, self._longest, page - place))
        with m.If(o.ready):
            m.d.sync += o.valid.eq(0)
        with m.If(gives):
            m.d.sync += [
                o.valid.eq(1),
                o.payload.addr.eq(held.addr),
                o.payload.len.eq(Mux(ends, less, limit - 1)),
                o.payload.final.eq(ends),
                o.payload.tag.eq(held.tag),
                held.addr.eq(held.addr + (limit << shift)),
                held.beats.eq(held.beats - limit),
                is_held.eq(~ends),
                is_limited.eq(0),
            ]
        with m.If(again):
            m.d.sync += [limit.eq(found), is_limited.eq(1)]
        with m.If(moves):
            m.d.sync += [held.eq(given), limit.eq(found), is_held.eq(1), is_limited.eq(1)]
            m.d.sync += is_given.eq(0)
        with m.If(i.valid & i.ready):
            m.d.sync += [is_given.eq(1), given.eq(i.payload)]
        return m


class Master(wiring.Component):
    """What both masters are made of: a stream ``i`` of segments and a bus ``axi``.

    Parameters
    ----------
    addr_bits, data_bits : int
        Of the bus.
    longest : int
        Beats of the longest burst, 1 to 256.
    outstanding : int
        Bursts under way at most, 1 to 64.
    boundary : int
        See :class:`Bursts`.
    tag_bits : int
        Of a segment.
    members : dict
        Further members.
    quick : bool
        A burst per cycle, see :class:`QuickBursts`.

    Raises
    ------
    ValueError
        If ``longest`` or ``outstanding`` is out of range.
    """

    def __init__(
        self,
        addr_bits: int,
        data_bits: int,
        longest: int,
        outstanding: int,
        boundary: int,
        tag_bits: int,
        members: dict,
        *,
        quick: bool = False,
    ):
        if not 1 <= outstanding <= 64:
            raise ValueError(f"Outstanding bursts must be from 1 to 64, not {outstanding}")
        self._bus = Axi4(data_bits, addr_bits)
        self._longest, self._outstanding = longest, outstanding
        kind = QuickBursts if quick else Bursts
        self._bursts = kind(addr_bits, data_bits, longest, tag_bits, boundary)
        segments = stream.Signature(segment_layout(addr_bits, tag_bits))
        super().__init__({"i": In(segments), "axi": Out(self._bus), **members})

    def _cut(self, m: Module) -> Bursts:
        """The bursts of the segments on ``i``, as a submodule."""
        m.submodules.bursts = self._bursts
        wiring.connect(m, wiring.flipped(self.i), self._bursts.i)
        return self._bursts
