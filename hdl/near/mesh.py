"""Tiles with a memory and a few multipliers each, which pass on operands and sums."""

from amaranth.hdl import Cat, Module, Signal, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config.near import MeshConfig
from ..stream import Delay
from .local import Local
from .ports import vector_layout, w_layout

__all__ = ["Mesh", "Tile"]


def _east(config: MeshConfig) -> data.StructLayout:
    """What a tile passes on to the east: its rows of a vector."""
    activations = data.ArrayLayout(unsigned(config.act_bits), config.tile_rows)
    return data.StructLayout({"a": activations, "bank": range(config.banks), "signed": 1})


def _south(config: MeshConfig) -> data.StructLayout:
    """To the south, besides sums: its columns of a row of weights, ``row`` counted from here."""
    weights = data.ArrayLayout(unsigned(config.weight.bits), config.tile_cols)
    return data.StructLayout({"bank": range(config.banks), "row": range(config.rows), "w": weights})


def _bank(config: MeshConfig) -> data.StructLayout:
    """What goes with a vector from row to row of tiles."""
    return data.StructLayout({"bank": range(config.banks), "signed": 1})


def _place(config: MeshConfig) -> data.StructLayout:
    """What goes with a row of weights from column to column of tiles."""
    return data.StructLayout({"write": 1, "bank": range(config.banks), "row": range(config.rows)})


class Tile(wiring.Component):
    """A tile: ``tile_rows`` × ``tile_cols`` multipliers, and their weights of every bank.

    Free-running. All that comes is taken into registers, which the next tile sees.

    Parameters
    ----------
    config : :class:`~insitu.hdl.config.MeshConfig`
    is_first, is_last : bool
        No sums come from above; no weights go on to below.

    Members
    -------
    a_i, a_o : In, Out
        Activations from the west, and a cycle later to the east.
    write_i, w_i, write_o, w_o : In, Out
        A row of weights from the north; to the south if it is none of this tile.
    c_i, c_o : In, Out
        Sums from the north, ``config.tile_latency - 1`` cycles after the activations that they
        meet, and to the south with this tile's own, a cycle later.
    """

    def __init__(self, config: MeshConfig, is_first: bool, is_last: bool):
        self._config, self._is_first, self._is_last = config, is_first, is_last
        sums = data.ArrayLayout(config.out.shape, config.tile_cols)
        members = {"a_i": In(_east(config)), "a_o": Out(_east(config)), "c_o": Out(sums)}
        members |= {"write_i": In(1), "w_i": In(_south(config))}
        if not is_first:
            members["c_i"] = In(sums)
        if not is_last:
            members |= {"write_o": Out(1), "w_o": Out(_south(config))}
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        config = self._config
        a = Signal(_east(config), reset_less=True)
        word, comes = Signal(_south(config), reset_less=True), Signal()
        m.d.sync += [a.eq(self.a_i), word.eq(self.w_i), comes.eq(self.write_i)]
        m.d.comb += self.a_o.eq(a)
        m.submodules.local = local = Local(config, config.tile_cols)
        is_mine: Value = word.row < config.tile_rows
        if self._is_last:
            m.d.comb += local.write.eq(comes)
        else:
            m.d.comb += [
                local.write.eq(comes & is_mine),
                self.write_o.eq(comes & ~is_mine),
                self.w_o.eq(word),
                self.w_o.row.eq(word.row - config.tile_rows),
            ]
        m.d.comb += [
            local.put.eq(word.bank),
            local.row.eq(word.row),
            local.w.eq(word.w),
            local.a.eq(a.a),
            local.bank.eq(a.bank),
            local.signed.eq(a.signed),
        ]
        for n in range(config.tile_cols):
            total = Signal(config.out.shape, name=f"total_{n}", reset_less=True)
            m.d.sync += total.eq(local.o[n] if self._is_first else local.o[n] + self.c_i[n])
            m.d.comb += self.c_o[n].eq(total)
        return m


class Mesh(wiring.Component):
    """Vectors times resident weights on a mesh of :class:`Tile`, wired between neighbours only.

    Free-running: a vector and a row of weights per cycle. Activations enter each row of tiles from
    the west, a cycle later per row, and pass to the east; sums pass to the south and leave the last
    row of tiles, a cycle later per column, whereupon they are made even. Rows of weights enter from
    the north, a cycle later per column, and pass to the south until they are where they belong. So
    both are wavefronts of one shape, and a vector finds what was written before it.

    Parameters
    ----------
    config : :class:`~insitu.hdl.config.MeshConfig`

    Members
    -------
    write, w, vector, o
        As of :class:`~insitu.hdl.near.inbank.Inbank`.
    """

    def __init__(self, config: MeshConfig):
        self._config = config
        super().__init__(
            {
                "write": In(1),
                "w": In(w_layout(config)),
                "vector": In(vector_layout(config)),
                "o": Out(data.ArrayLayout(config.out.shape, config.cols)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self._config
        down, across = config.tiles_down, config.tiles_across
        r, c = config.tile_rows, config.tile_cols
        tiles = [[Tile(config, i == 0, i == down - 1) for _ in range(across)] for i in range(down)]
        for i, line in enumerate(tiles):
            for j, tile in enumerate(line):
                m.submodules[f"tile_{i}_{j}"] = tile
                if j:
                    m.d.comb += tile.a_i.eq(line[j - 1].a_o)
                if i:
                    above = tiles[i - 1][j]
                    m.d.comb += [
                        tile.c_i.eq(above.c_o),
                        tile.w_i.eq(above.w_o),
                        tile.write_i.eq(above.write_o),
                    ]

        # West: the bank's number passes from row to row of tiles, activations wait for it.
        width = r * config.act_bits
        goes = Signal(_bank(config), name="goes_0", reset_less=True)
        m.d.sync += [goes.bank.eq(self.vector.bank), goes.signed.eq(self.vector.signed)]
        for i, line in enumerate(tiles):
            m.submodules[f"west_{i}"] = west = Delay(width, i + 1)
            m.d.comb += [
                west.i.eq(Cat(self.vector.a).word_select(i, width)),
                Cat(line[0].a_i.a).eq(west.o),
                line[0].a_i.bank.eq(goes.bank),
                line[0].a_i.signed.eq(goes.signed),
            ]
            if i + 1 < down:
                later = Signal.like(goes, name=f"goes_{i + 1}", reset_less=True)
                m.d.sync += later.eq(goes)
                goes = later

        # North: the same for rows of weights.
        width = c * config.weight.bits
        put = Signal(_place(config), name="put_0")
        m.d.sync += [
            put.write.eq(self.write),
            put.bank.eq(self.w.bank),
            put.row.eq(self.w.row),
        ]
        for j, tile in enumerate(tiles[0]):
            m.submodules[f"north_{j}"] = north = Delay(width, j + 1)
            m.d.comb += [
                north.i.eq(Cat(self.w.w).word_select(j, width)),
                tile.write_i.eq(put.write),
                tile.w_i.bank.eq(put.bank),
                tile.w_i.row.eq(put.row),
                Cat(tile.w_i.w).eq(north.o),
            ]
            if j + 1 < across:
                later = Signal.like(put, name=f"put_{j + 1}")
                m.d.sync += later.eq(put)
                put = later

        # South: sums of the first column of tiles wait for those of the last.
        for j, tile in enumerate(tiles[-1]):
            sums = data.ArrayLayout(config.out.shape, c)
            m.submodules[f"south_{j}"] = south = Delay(sums, across - 1 - j)
            m.d.comb += south.i.eq(tile.c_o)
            m.d.comb += [self.o[c * j + n].eq(south.o[n]) for n in range(c)]
        return m
