"""Memory of an operand buffer: rows in; rows, or columns of the tiles that they make up, out."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..arith.carry_save import carry_save
from ..arith.divide import times
from ..stream import Ram

__all__ = ["SkewedMemory"]

WIDE = 16
"""Lanes beyond which a word is turned bit by bit of the distance, not by a choice for each lane:
fewer cells than ``lanes`` inputs per lane, where a device's wide multiplexers end. As so many lanes
lie far apart, it is then turned in two cycles."""


class SkewedMemory(wiring.Component):
    """Words of ``lanes`` elements, each lane a memory of its own with an address of its own.

    Element c of a tile's row r is stored in lane c + r (modulo ``lanes``), so the elements of a
    column are in different lanes and are read at once, each from its row's word. Rows that are
    read as rows are stored with r = 0.

    One word is written and one read per cycle. What is read appears :meth:`latency` cycles after it
    was asked for; what is written may be asked for two cycles later.

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
    column, before : In(range(lanes))
        Column of the tile, 0 for a row; and what it and the tile's rows less one make, modulo
        ``lanes``: lane n has the row so many less n before the last one.
    shown : Out(lanes * bits)
        The row, or the column, row 0 lowest; garbage beyond ``rows``.
    """

    @staticmethod
    def latency(lanes: int) -> int:
        """Cycles from what asks for a word to that word."""
        return 7 if lanes > WIDE else 6

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
                "before": In(place),
                "shown": Out(lanes * bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        lanes, bits = self._lanes, self._bits

        def elements(word) -> list:
            return [word.word_select(n, bits) for n in range(lanes)]

        def later(value: Value, name: str) -> Signal:
            late = Signal.like(value, name=name, reset_less=True)
            m.d.sync += late.eq(value)
            return late

        def turned(word: list, by, left: bool) -> list:
            """Rotated by a register: to higher lanes if ``left``; a cycle later if ``WIDE``."""
            sign = -1 if left else 1
            if lanes > WIDE:
                half = len(by) // 2
                for k in range(len(by)):
                    if k == half:
                        name = "in" if left else "out"
                        word = elements(later(Cat(word), f"half_{name}"))
                        by = later(by, f"by_{name}")
                    word = [
                        Mux(by[k], word[(n + (sign << k)) % lanes], word[n]) for n in range(lanes)
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
        in_place = Cat(turned(elements(word), row, left=True))
        if lanes > WIDE:
            at, write_half = later(at, "at_half"), Signal()
            m.d.sync += write_half.eq(write)
            write = write_half
        stored = Signal.like(word)
        is_stored, stored_at = Signal(), Signal.like(at)
        m.d.sync += [
            stored.eq(in_place),
            stored_at.eq(at),
            is_stored.eq(write),
        ]

        addresses = self._in_fours(m) if lanes % 4 == 0 else self._alone(m)

        # --- Memories, and their elements back in order ---
        column = self.column
        for n in range(5):  # until the elements of all lanes are near by
            column = later(column, f"column_{n}")
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

    def _behind(self) -> list:
        """Words to add for up to three rows before the last one."""
        return [0, self.less_1, self.less_1 << 1, self.less_3]

    def _in_fours(self, m: Module) -> list:
        """Addresses of the lanes, registers, two cycles later; a lane has a subtraction of its own.

        Of ``before`` less n, lanes with the same n modulo 4 have the two lowest bits in common, and
        lanes of the same four the others, but for a borrow from the lowest.
        """
        width, fours = len(self.base), self._lanes // 4
        low, high = self.before[:2], self.before[2:]
        near, borrows, far = [], [], []
        for n in range(4):
            less = self._behind()
            options = [Signal(width, name=f"less_{n}_{k}") for k in range(4)]
            m.d.comb += [x.eq(less[(k - n) % 4]) for k, x in enumerate(options)]
            address = Signal(width, name=f"near_{n}", reset_less=True)
            borrow = Signal(name=f"borrow_{n}", reset_less=True)
            chosen = _pick(options, low)
            m.d.sync += [
                address.eq(carry_save(m, f"near_{n}", width, self.base, self.offset, chosen)),
                borrow.eq(low < n),
            ]
            near.append(address)
            borrows.append(borrow)
        for n in range(fours):
            back = Signal(range(fours), name=f"back_{n}")
            m.d.comb += back.eq(Mux(high >= n, high - n, high + (fours - n)))
            amount = Signal(width, name=f"far_{n}", reset_less=True)
            m.d.sync += amount.eq(times(self.stride << 2, back))
            far.append(amount)
        addresses = []
        for n in range(self._lanes):
            address = Signal(width, name=f"address_{n}", reset_less=True)
            less = Mux(borrows[n % 4], far[(n // 4 + 1) % fours], far[n // 4])
            m.d.sync += address.eq(near[n % 4] - less)
            addresses.append(address)
        return addresses

    def _alone(self, m: Module) -> list:
        """The same for any number of lanes: each multiplies the stride as well."""
        width, lanes = len(self.base), self._lanes
        near = [Signal.like(self.base, name=f"near_{n}", reset_less=True) for n in range(4)]
        for n, less in enumerate(self._behind()):
            m.d.sync += near[n].eq(carry_save(m, f"near_{n}", width, self.base, self.offset, less))
        stride, before = Signal.like(self.stride, reset_less=True), Signal.like(self.before)
        m.d.sync += [stride.eq(self.stride), before.eq(self.before)]
        addresses = []
        for n in range(lanes):
            # Its two lowest bits choose among those that are near, the others subtract.
            back = Signal.like(before, name=f"back_{n}")
            m.d.comb += back.eq(Mux(before >= n, before - n, before + (lanes - n)) if n else before)
            address = Signal.like(self.base, name=f"address_{n}", reset_less=True)
            m.d.sync += address.eq(_pick(near, back[:2]) - times(stride << 2, back[2:]))
            addresses.append(address)
        return addresses


def _pick(options: list, index):
    """Option number ``index``: a tree of multiplexers."""
    level = list(options)
    for bit in index:
        pairs = zip(level[::2], level[1::2] + level[-1:] * (len(level) % 2), strict=True)
        level = [Mux(bit, odd, even) for even, odd in pairs]
    return level[0]
