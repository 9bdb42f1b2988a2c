"""Which bank each tile of B is in."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...arith.divide import ceil_div_by, times
from ...config.machine import MachineConfig
from ...config.widths import BLOCK_BITS
from ...contract.job import job_layout, step_layout
from ...operands.ring import Ring
from ...operands.walk import Walk
from ...stream import Pipe

__all__ = ["Placement", "Tiles", "tile_layout"]

AHEAD = Walk.QUEUE + Ring.QUEUE + 8
"""Tiles whose words are on their way from a walk to the tile, at most: a word each."""


def tile_layout(config: MachineConfig) -> data.StructLayout:
    """A tile of B: its ``bank``; ``load``: it is loaded for this use; ``streams``: its job's B is
    streamed; ``end``: the last one of its step."""
    return data.StructLayout({"bank": range(config.array.banks), "load": 1, "streams": 1, "end": 1})


def _block_layout(config: MachineConfig) -> data.StructLayout:
    """Tiles of a step's block: how many less one, the first one's bank, banks from one to the next
    along N; the banks that are streamed through."""
    bank = range(config.array.banks + 1)
    return data.StructLayout(
        {
            "n_less": BLOCK_BITS,
            "k_less": BLOCK_BITS,
            "bank": bank,
            "depth": bank,
            "load": 1,
            "streams": 1,
            "begins": 1,
            "first": bank,
            "last": bank,
        }
    )


class Placement(wiring.Component):
    """Where in the banks the blocks of steps are.

    Parameters
    ----------
    config : MachineConfig

    Members
    -------
    jobs : In(ArrayLayout(job_layout, 2))
    i : ``In(stream.Signature(step_layout))``
        All steps, in order.
    all, loads : ``Out(stream.Signature)``
        Their blocks; those whose B is loaded. From registers.
    """

    def __init__(self, config: MachineConfig):
        self._config = config
        blocks = Out(stream.Signature(_block_layout(config)))
        super().__init__(
            {
                "jobs": In(data.ArrayLayout(job_layout(config), 2)),
                "i": In(stream.Signature(step_layout(config))),
                "all": blocks,
                "loads": blocks,
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, tile = self._config, self._config.array
        layout = _block_layout(config)
        step = Signal(step_layout(config), reset_less=True)
        # Taken, its tiles counted, its place found.
        stages = Signal(3)
        waits = self.all.valid | self.loads.valid
        m.d.comb += self.i.ready.eq(~stages.any() & ~waits)
        m.d.sync += [stages.eq(stages << 1), stages[0].eq(self.i.valid & self.i.ready)]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += step.eq(self.i.payload)
        job = Signal(job_layout(config), reset_less=True)
        m.d.comb += job.eq(Mux(step.slot, self.jobs[1], self.jobs[0]))

        # Banks from that of the matrix's first tile to that of the block's.
        bank = range(tile.banks + 1)
        along_k, along_n = Signal(bank), Signal(bank)
        n_tiles, k_tiles = (Signal(BLOCK_BITS, name=f"{x}_tiles", reset_less=True) for x in "nk")
        few = tile.banks.bit_length()
        wide = Signal(bank, reset_less=True)  # banks of the block before, along N
        with m.If(stages[0]):
            # By the tiles of the block before.
            with m.If(step.first):
                m.d.sync += along_k.eq(0)
            with m.Else():
                m.d.sync += along_k.eq(along_k + k_tiles)
            with m.If(step.n_first):
                m.d.sync += along_n.eq(0)
            with m.Elif(step.first & (job.order | step.m_first)):
                m.d.sync += along_n.eq(along_n + wide)
        with m.If(stages[1]):
            m.d.sync += [
                n_tiles.eq(ceil_div_by(step.n, tile.cols)),
                k_tiles.eq(ceil_div_by(step.k, tile.rows)),
            ]
        block = Signal(layout, reset_less=True)
        with m.If(stages[2]):
            m.d.sync += [
                wide.eq(times(job.b_depth, n_tiles[:few])),
                block.n_less.eq(n_tiles - 1),
                block.k_less.eq(k_tiles - 1),
                block.bank.eq(job.bank_first + along_k + along_n),
                block.depth.eq(job.b_depth),
                block.load.eq(step.load),
                block.streams.eq(~job.resident),
                block.begins.eq(step.begins),
                block.first.eq(job.bank_first),
                block.last.eq(job.b_end - 1),
            ]
        for port, wanted in ((self.all, 1), (self.loads, step.load)):
            m.d.comb += port.payload.eq(block)
            with m.If(stages[2] & wanted):
                m.d.sync += port.valid.eq(1)
            with m.Elif(port.ready):
                m.d.sync += port.valid.eq(0)
        return m


class Tiles(wiring.Component):
    """The tiles of blocks, in the order in which they are used: along N, then along K.

    Holds ``AHEAD`` of them, so that it never is what a walk waits for.

    Parameters
    ----------
    config : MachineConfig

    Members
    -------
    i : In(stream.Signature)
        Blocks, from :class:`Placement`.
    o : ``Out(stream.Signature(tile_layout(config)))``
        From registers.
    """

    def __init__(self, config: MachineConfig):
        self._config = config
        super().__init__(
            {
                "i": In(stream.Signature(_block_layout(config))),
                "o": Out(stream.Signature(tile_layout(config))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        layout = _block_layout(self._config)
        m.submodules.blocks = blocks = Pipe(layout, 4)
        m.submodules.queue = queue = Pipe(tile_layout(self._config), AHEAD)
        wiring.connect(m, wiring.flipped(self.i), blocks.i)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        given, tile = blocks.o.payload, queue.i.payload
        block, is_block = Signal(layout, reset_less=True), Signal()
        n_left, k_left = (Signal(BLOCK_BITS, name=f"{x}_left", reset_less=True) for x in "nk")
        bank = Signal.like(block.bank, reset_less=True)  # of the tile
        row = Signal.like(bank)  # of the first tile at its place along K
        turn = Signal.like(bank, reset_less=True)  # of the next tile that is streamed
        ends_n, ends = Signal(), Signal()
        m.d.comb += [
            ends_n.eq(n_left == 0),
            ends.eq(ends_n & (k_left == 0)),
            tile.bank.eq(Mux(block.streams, turn, bank)),
            tile.load.eq(block.load),
            tile.streams.eq(block.streams),
            tile.end.eq(ends),
            queue.i.valid.eq(is_block),
            blocks.o.ready.eq(~is_block),
        ]
        with m.If(~is_block):
            m.d.sync += [
                is_block.eq(blocks.o.valid),
                block.eq(given),
                n_left.eq(given.n_less),
                k_left.eq(given.k_less),
                bank.eq(given.bank),
                row.eq(given.bank + 1),
            ]
            with m.If(blocks.o.valid & given.begins):
                m.d.sync += turn.eq(given.first)
        with m.Elif(queue.i.ready):
            m.d.sync += turn.eq(Mux(turn == block.last, block.first, turn + 1))
            with m.If(ends):
                m.d.sync += is_block.eq(0)
            with m.If(ends_n):
                m.d.sync += [
                    n_left.eq(block.n_less),
                    k_left.eq(k_left - 1),
                    bank.eq(row),
                    row.eq(row + 1),
                ]
            with m.Else():
                m.d.sync += [n_left.eq(n_left - 1), bank.eq(bank + block.depth)]
        return m
