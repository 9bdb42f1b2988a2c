"""Biases and scales of the columns of a block, for the block that is stored and the next one."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config.machine import MachineConfig
from ..contract.job import Kind, word_layout
from ..stream import Delay, Ram
from .addressing import addressing
from .residency import residency

__all__ = ["Columns"]


class Columns(wiring.Component):
    """Two sets of ``n_max`` biases and scales; a read gives ``lanes`` of each.

    Parameters
    ----------
    config : MachineConfig

    Members
    -------
    words : ``In(stream.Signature(word_layout(config)))``
        Rows of biases and scales from memory, each for its set.
    bad_scale : Out(2)
        By slot: a scale came that is not positive and normal.
    takes : In(1)
        The next set is being fetched.
    frees : In(1)
        A set is no longer needed.
    free : Out(1)
        There is room for a set.
    asks, asks_set : In(1)
        With banks: a row for that set is asked for. Sets are taken in turn, the second one first.
    here : Out(2)
        With banks: all that was asked for that set has come. Without, whatever a block computes
        with is fetched after its columns, so these are here before it is stored.
    set, addr : In
        Read the lanes of word ``addr`` of that set; they come ``READ`` cycles later.
    bias, scale : Out(ArrayLayout(32 bits, lanes))
    """

    READ = 4

    def __init__(self, config: MachineConfig):
        self._config = config
        lanes = config.lanes
        self._depth = config.n_max // lanes
        self._residency = residency(config)
        super().__init__(
            {
                "words": In(stream.Signature(word_layout(config))),
                "bad_scale": Out(2),
                "takes": In(1),
                "frees": In(1),
                "free": Out(1),
                "set": In(1),
                "addr": In(range(self._depth)),
                "bias": Out(data.ArrayLayout(signed(32), lanes)),
                "scale": Out(data.ArrayLayout(32, lanes)),
            }
            | self._residency.columns_ports()
        )

    def elaborate(self, platform):
        m = Module()
        config, lanes = self._config, self._config.lanes
        place_in = addressing(config)
        m.submodules.unpack = unpack = place_in.unpacker(lanes)
        place_in.unpack_from(m, unpack, self.words.payload.tag)
        used = Signal(range(3))
        m.d.sync += used.eq(used + self.takes - self.frees)
        m.d.sync += self.free.eq((used != 2) & ~self.takes)

        # Whose row is inside: it changes with a row's first word.
        words, given = self.words, self.words.payload
        is_scale, number, slot = Signal(), Signal(), Signal()
        begins = Signal(init=1)
        place = Signal(range(self._depth))
        take = Signal()
        m.d.comb += [
            unpack.i.valid.eq(words.valid),
            unpack.i.payload.data.eq(given.data),
            unpack.i.payload.last.eq(given.last),
            unpack.i.payload.tail.eq(given.tag.tail),
            # Filled up with a scale of 1, which is not a bad one.
            unpack.i.payload.pad.eq(0x3F800000),
            unpack.o.ready.eq(1),
            words.ready.eq(unpack.i.ready),
            take.eq(words.valid & words.ready),
        ]
        with m.If(take):
            m.d.sync += begins.eq(given.last)
        m.d.sync += place.eq(place + unpack.o.valid)
        with m.If(take & begins):
            m.d.sync += [
                is_scale.eq(given.tag.kind == Kind.SCALE),
                number.eq(given.tag.columns),
                slot.eq(given.tag.slot),
                place.eq(0),
            ]

        # Words on their way to the memories.
        word = Signal.like(unpack.o.payload.word, reset_less=True)
        valid, bad = Signal(2), Signal(lanes)  # valid: a bias, a scale
        at, whose = Signal(len(place) + 1), Signal(2)
        m.d.sync += [
            word.eq(unpack.o.payload.word),
            valid.eq(Mux(unpack.o.valid, Cat(~is_scale, is_scale), 0)),
            at.eq(Cat(place, number)),
            whose.eq(Cat(~slot, slot)),
        ]
        for n in range(lanes):
            scale = word.word_select(n, 32)
            exponent = scale[23:31]
            m.d.sync += bad[n].eq(valid[1] & (scale[31] | (exponent == 0) | exponent.all()))
        was_whose = Signal(2)
        m.d.sync += was_whose.eq(whose)
        m.d.comb += self.bad_scale.eq(Mux(bad.any(), was_whose, 0))

        # A register on both sides of the memories, as the store is far away.
        read_at = Signal(len(self.addr) + 1, reset_less=True)
        m.d.sync += read_at.eq(Cat(self.addr, self.set))
        for n, name in enumerate(("bias", "scale")):
            depth = 2 << (self._depth - 1).bit_length()
            ram = Ram(32 * lanes, depth, target=self._config.array.target)
            m.submodules[name] = ram
            m.d.comb += [
                ram.write_en.eq(valid[n]),
                ram.write_addr.eq(at),
                ram.write_data.eq(word),
                ram.read_addr.eq(read_at),
            ]
            m.d.sync += getattr(self, name).as_value().eq(ram.read_data)
        self._residency.columns_account(m, self, unpack.o.valid & unpack.o.payload.last)
        return m

    def account(self, m: Module, ends) -> None:
        """Rows that were asked for and that came, modulo 16; by set, how many of them it needs."""
        asked, came = Signal(4), Signal(4)
        due = [Signal(4, name=f"due_{n}") for n in range(2)]
        newest = Signal()
        # Once they are in the memories, and known to be bad if they are.
        m.submodules.ended = ended = Delay(1, 4, reset=True)
        m.d.comb += ended.i.eq(ends)
        m.d.sync += [
            asked.eq(asked + self.asks),
            came.eq(came + ended.o),
            newest.eq(newest ^ self.takes),
            self.here.eq(Cat(~(came - x)[3] for x in due)),
        ]
        for n in range(2):
            with m.If(self.takes & (newest != n)):
                m.d.sync += due[n].eq(asked)
            with m.Elif(self.asks & (self.asks_set == n)):
                m.d.sync += due[n].eq(asked + 1)
