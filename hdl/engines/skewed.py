"""Memory of an operand buffer: rows in; rows, or columns of the tiles that they make up, out."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..arith.carry_save import carry_save
from ..arith.divide import times
from ..stream import Ram

__all__ = ["SkewedMemory"]

WIDE = 16
"""Lanes beyond which a word is turned bit by bit of the distance, not by a choice for each lane:
fewer cells than ``lanes`` inputs per lane, where a device's wide multiplexers end."""


class SkewedMemory(wiring.Component):
    """Words of ``lanes`` elements, each lane a memory of its own with an address of its own.

    Element c of a tile's row r is stored in lane c + r (modulo ``lanes``), so the elements of a
    column are in different lanes and are read at once, each from its row's word. Rows that are
    read as rows are stored with r = 0.

    One word is written and one read per cycle. What is read appears ``LATENCY`` cycles after it was
    asked for; what is written may be asked for in the next cycle.

    Parameters
    ----------
    lanes, bits : int
        Elements of a word, bits of an element.
    depth : int
        Words, a power of two.
    target : "generic", "ecp5" or "ice40"

    Members
    -------
    write, write_addr, word, row : In(1), In, In(lanes * bits), In(range(lanes))
        Store row ``row`` of a tile.
    base, offset : In(range(depth))
        Their sum is the word of the last row that is wanted.
    stride, less_1, less_3 : In(range(depth))
        Words from a row of a tile to the next, and once and three times that less than nothing; 0
        reads a row.
    column, rows : In(range(lanes))
        Column of the tile, and its rows less one; column 0 for a row.
    shown : Out(lanes * bits)
        The row, or the column, row 0 lowest; garbage beyond ``rows``.
    """

    LATENCY = 6

    def __init__(self, lanes: int, bits: int, depth: int, *, target: str = "generic"):
        self._lanes, self._bits, self._depth, self._target = lanes, bits, depth, target
        place = range(lanes)
        super().__init__(
            {
                "write": In(1),
                "write_addr": In(range(depth)),
                "word": In(lanes * bits),
                "row": In(place),
                **{x: In(range(depth)) for x in ("base", "offset", "stride", "less_1", "less_3")},
                "column": In(place),
                "rows": In(place),
                "shown": Out(lanes * bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        lanes, bits = self._lanes, self._bits

        def elements(word) -> list:
            return [word.word_select(n, bits) for n in range(lanes)]

        def turned(word: list, by, left: bool) -> list:
            """Rotated by a register: to higher lanes if ``left``."""
            sign = -1 if left else 1
            if lanes > WIDE:
                for k, bit in enumerate(by):
                    word = [
                        Mux(bit, word[(n + (sign << k)) % lanes], word[n]) for n in range(lanes)
                    ]
                return word
            ways = [[word[(n + sign * k) % lanes] for k in range(lanes)] for n in range(lanes)]
            return [_pick(way, by) for way in ways]

        # --- In ---
        write, row = Signal(), Signal.like(self.row, reset_less=True)
        at, word = Signal.like(self.write_addr), Signal.like(self.word, reset_less=True)
        m.d.sync += [
            write.eq(self.write),
            row.eq(self.row),
            at.eq(self.write_addr),
            word.eq(self.word),
        ]
        stored = Signal.like(word)
        is_stored, stored_at = Signal(), Signal.like(at)
        m.d.sync += [
            stored.eq(Cat(turned(elements(word), row, left=True))),
            stored_at.eq(at),
            is_stored.eq(write),
        ]

        # --- Addresses: lane n has the row that is (rows + column - n) rows before the last one ---
        width = len(self.base)
        near = [Signal.like(self.base, name=f"near_{n}", reset_less=True) for n in range(4)]
        less = (0, self.less_1, self.less_1 << 1, self.less_3)
        for n in range(4):
            address = carry_save(m, f"near_{n}", width, self.base, self.offset, less[n])
            m.d.sync += near[n].eq(address)
        stride = Signal.like(self.stride, reset_less=True)
        m.d.sync += stride.eq(self.stride)
        first = self.rows + self.column
        before = Signal.like(self.rows, reset_less=True)
        m.d.sync += before.eq(Mux(first >= lanes, first - lanes, first))
        addresses = []
        for n in range(lanes):
            # Its two lowest bits choose among those that are near, the others subtract.
            back = Signal.like(self.rows, name=f"back_{n}")
            m.d.comb += back.eq(Mux(before >= n, before - n, before + (lanes - n)) if n else before)
            high = times(stride << 2, back[2:])
            address = Signal.like(self.base, name=f"address_{n}", reset_less=True)
            m.d.sync += address.eq(_pick(near, back[:2]) - high)
            addresses.append(address)

        # --- Memories, and their elements back in order ---
        column = self.column
        for n in range(self.LATENCY - 1):
            late = Signal.like(self.column, name=f"column_{n}", reset_less=True)
            m.d.sync += late.eq(column)
            column = late
        read = []
        for n in range(lanes):
            m.submodules[f"lane_{n}"] = ram = Ram(bits, self._depth, target=self._target)
            m.d.comb += [
                ram.write_en.eq(is_stored),
                ram.write_addr.eq(stored_at),
                ram.write_data.eq(elements(stored)[n]),
                ram.read_addr.eq(addresses[n]),
            ]
            # The memories may be far away.
            near_by = Signal(bits, name=f"read_{n}", reset_less=True)
            m.d.sync += near_by.eq(ram.read_data)
            read.append(near_by)
        m.d.sync += self.shown.eq(Cat(turned(read, column, left=False)))
        return m


def _pick(options: list, index):
    """Option number ``index``: a tree of multiplexers."""
    level = list(options)
    for bit in index:
        pairs = zip(level[::2], level[1::2] + level[-1:] * (len(level) % 2), strict=True)
        level = [Mux(bit, odd, even) for even, odd in pairs]
    return level[0]
