"""Blocks whose operands are fetched by element: for each k, what it needs of A, then of B."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...bus.bursts import BEATS_BITS, segment_layout
from ...config.machine import MachineConfig
from ...config.widths import BLOCK_BITS
from ...contract.job import Kind, tag_layout

__all__ = ["Loads", "loads_layout"]


def loads_layout(config: MachineConfig) -> data.StructLayout:
    """A block of A or B, or rows of D, of biases or scales.

    ``count`` times (each k; each row of D) there are ``rows`` accesses, ``stride`` bytes apart.
    ``along``: k runs along the stored rows, so that each access is one element, and the next k is
    the next element; otherwise an access is one row of ``beats`` bus words, and the next is
    ``stride`` further. ``tag.skip`` and ``tag.tail`` say which elements of its first and last bus
    word count, of the first access if ``along``. ``addr`` is that of a bus word.
    """
    size = unsigned(BLOCK_BITS)
    return data.StructLayout(
        {
            "addr": unsigned(config.addr_bits),
            "stride": unsigned(32),
            "along": 1,
            "rows": size,
            "count": size,
            "beats": unsigned(BEATS_BITS),
            "tag": tag_layout(config),
        }
    )


class Loads(wiring.Component):
    """Turns blocks into accesses, each a segment of memory, one per cycle.

    A block of A is only remembered; the block of B after it is walked together with it, k by k:
    first the accesses to A, then those to B. Each k needs room where its operands are collected.
    Other blocks are walked alone. The first access is offered two cycles after its block was
    accepted, the next block is accepted in the cycle after the last access was offered, or later.

    Parameters
    ----------
    config : MachineConfig

    Members
    -------
    i : ``In(stream.Signature(loads_layout(config)))``
        ``i.ready`` is a register's inverse.
    frees : In(1)
        The operands of a k are no longer needed where they were collected.
    o : ``Out(stream.Signature(segment_layout(addr_bits, bits of tag)))``
        From registers.
    a_last, b_last : Out(addr_bits)
        Bus word where the last stored row of a block begins, of A and of any other; valid while
        ``i.ready``, from the cycle in which the block after A has ended.
    """

    def __init__(self, config: MachineConfig):
        self._config = config
        self._block = loads_layout(config)
        super().__init__(
            {
                "i": In(stream.Signature(self._block)),
                "frees": In(1),
                "o": Out(
                    stream.Signature(segment_layout(config.addr_bits, tag_layout(config).size))
                ),
                "a_last": Out(config.addr_bits),
                "b_last": Out(config.addr_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, i, o = self._config, self.i, self.o
        low = config.bus_bytes.bit_length() - 1
        busy, has_a, is_b = Signal(), Signal(), Signal()
        given = Signal(self._block)
        m.d.comb += [i.ready.eq(~busy), given.eq(i.payload)]
        accept = Signal()
        m.d.comb += accept.eq(i.valid & ~busy)

        # Steps of k for which there is room, known a cycle before.
        depth = config.a_words
        credit, roomy = Signal(range(depth + 1), init=depth), Signal(init=1)
        issue, begins = Signal(), Signal(init=1)  # of a k: its first access comes next
        takes = Signal()
        m.d.comb += [
            issue.eq(busy & (~has_a | ~begins | roomy) & (~o.valid | o.ready)),
            takes.eq(issue & has_a & begins),
        ]
        m.d.sync += [
            credit.eq(credit + self.frees - takes),
            roomy.eq(self.frees | Mux(takes, credit != 1, credit != 0)),
        ]

        count = Signal(BLOCK_BITS, reset_less=True)  # still to come, this one included
        ends, is_first = Signal(), Signal()  # the last access of this k; of the block's first k
        parts = {}
        for name, here in (("a", ~is_b), ("b", is_b)):
            block = Signal(self._block, name=f"{name}_block", reset_less=True)
            word = Signal(config.addr_bits - low, name=f"{name}_word", reset_less=True)
            first = Signal.like(word, name=f"{name}_first", reset_less=True)
            left = Signal(BLOCK_BITS, name=f"{name}_left", reset_less=True)
            last = Signal.like(word, name=f"{name}_last_word", reset_less=True)
            one = Signal(name=f"{name}_one", reset_less=True)  # left == 1
            skip = Signal.like(block.tag.skip, name=f"{name}_skip", reset_less=True)
            parts[name] = (block, word, skip, one)
            bits = (config.array.a if name == "a" else config.array.b).bits
            per_beat = config.bus_bits // bits
            over = skip == per_beat - 1  # the next element is in the next bus word
            # The next k along the rows, or the next row.
            turns, after = block.along & one, Signal.like(word, name=f"{name}_after")
            m.d.comb += [
                after.eq(Mux(turns, first, word) + Mux(turns, over, block.stride >> low)),
                getattr(self, f"{name}_last").eq(Cat(Const(0, low), last)),
            ]
            with m.If(issue & here):
                m.d.sync += [
                    word.eq(after),
                    left.eq(Mux(one, block.rows, left - 1)),
                    one.eq(Mux(one, block.rows == 1, left == 2)),
                ]
                with m.If(one & (is_first | ~block.along)):
                    m.d.sync += last.eq(word)
                with m.If(turns):
                    m.d.sync += [first.eq(after), skip.eq(Mux(over, 0, skip + 1))]
            mine = given.tag.kind == Kind.A
            with m.If(accept & (mine if name == "a" else ~mine)):
                m.d.sync += [
                    block.eq(given),
                    word.eq(given.addr[low:]),
                    first.eq(given.addr[low:]),
                    left.eq(given.rows),
                    one.eq(given.rows == 1),
                    skip.eq(given.tag.skip),
                ]
        m.d.comb += ends.eq(Mux(is_b, parts["b"][3], parts["a"][3]))

        with m.If(o.ready):
            m.d.sync += o.valid.eq(0)
        with m.If(issue):
            m.d.sync += [o.valid.eq(1), begins.eq(0)]
            for name, here in (("a", ~is_b), ("b", is_b)):
                block, word, skip, _ = parts[name]
                tag = Signal(tag_layout(config), name=f"{name}_tag")
                m.d.comb += [
                    tag.eq(block.tag),
                    tag.skip.eq(skip),
                    tag.tail.eq(Mux(block.along, skip + 1, block.tag.tail)),
                    tag.end.eq(ends),
                ]
                with m.If(here):
                    m.d.sync += [
                        o.payload.addr.eq(Cat(Const(0, low), word)),
                        o.payload.beats.eq(Mux(block.along, 1, block.beats)),
                        o.payload.tag.eq(tag),
                    ]
            with m.If(ends):
                with m.If(~is_b):
                    m.d.sync += is_b.eq(1)
                with m.Else():
                    m.d.sync += [
                        is_b.eq(~has_a),
                        begins.eq(1),
                        is_first.eq(0),
                        count.eq(count - 1),
                        busy.eq(count != 1),
                    ]
                    with m.If(count == 1):
                        m.d.sync += has_a.eq(0)
        with m.If(accept):
            with m.If(given.tag.kind == Kind.A):
                m.d.sync += has_a.eq(1)
            with m.Else():
                m.d.sync += [
                    busy.eq(1),
                    is_b.eq(~has_a),
                    is_first.eq(1),
                    begins.eq(1),
                    count.eq(given.count),
                ]
        return m
