"""Biases and scales of the columns of a block, for the block that is stored and the next one."""

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config.machine import MachineConfig
from ..stream import Ram
from .unpack import Unpack

__all__ = ["Columns"]


class Columns(wiring.Component):
    """Two sets of ``n_max`` biases and scales; a read gives ``lanes`` of each, two cycles later.

    Parameters
    ----------
    config : MachineConfig

    Members
    -------
    valid, data, last, tail, is_scale, columns, ready
        Rows of bus words from memory, for set ``columns``.
    bad_scale : Out(1)
        A scale came that is not positive and normal.
    takes : In(1)
        The next set is being fetched.
    frees : In(1)
        A set is no longer needed.
    free : Out(1)
        There is room for a set.
    set, addr : In
        Read the lanes of word ``addr`` of that set.
    bias, scale : Out(ArrayLayout(32 bits, lanes))
    """

    def __init__(self, config: MachineConfig):
        self._config = config
        lanes = config.lanes
        self._depth = config.n_max // lanes
        super().__init__(
            {
                "valid": In(1),
                "data": In(config.bus_bits),
                "last": In(1),
                "tail": In(range(config.bus_bits // 32 + 1)),
                "is_scale": In(1),
                "columns": In(1),
                "ready": Out(1),
                "bad_scale": Out(1),
                "takes": In(1),
                "frees": In(1),
                "free": Out(1),
                "set": In(1),
                "addr": In(range(self._depth)),
                "bias": Out(data.ArrayLayout(signed(32), lanes)),
                "scale": Out(data.ArrayLayout(32, lanes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, lanes = self._config, self._config.lanes
        m.submodules.unpack = unpack = Unpack(32, config.bus_bits // 32, lanes)
        used = Signal(range(3))
        m.d.sync += used.eq(used + self.takes - self.frees)
        m.d.sync += self.free.eq((used != 2) & ~self.takes)

        # Whose row is inside: it changes with a row's first word.
        is_scale, number = Signal(), Signal()
        begins = Signal(init=1)
        place = Signal(range(self._depth))
        take = Signal()
        m.d.comb += [
            unpack.i.valid.eq(self.valid),
            unpack.i.payload.data.eq(self.data),
            unpack.i.payload.last.eq(self.last),
            unpack.i.payload.tail.eq(self.tail),
            # Filled up with a scale of 1, which is not a bad one.
            unpack.i.payload.pad.eq(0x3F800000),
            unpack.o.ready.eq(1),
            self.ready.eq(unpack.i.ready),
            take.eq(self.valid & self.ready),
        ]
        with m.If(take):
            m.d.sync += begins.eq(self.last)
        m.d.sync += place.eq(place + unpack.o.valid)
        with m.If(take & begins):
            m.d.sync += [is_scale.eq(self.is_scale), number.eq(self.columns), place.eq(0)]

        word = unpack.o.payload.word
        bad = Signal(lanes)
        for n in range(lanes):
            scale = word.word_select(n, 32)
            exponent = scale[23:31]
            m.d.comb += bad[n].eq(scale[31] | (exponent == 0) | exponent.all())
        m.d.sync += self.bad_scale.eq(unpack.o.valid & is_scale & bad.any())

        for name, wanted in (("bias", ~is_scale), ("scale", is_scale)):
            depth = 2 << (self._depth - 1).bit_length()
            ram = Ram(32 * lanes, depth, target=self._config.array.target)
            m.submodules[name] = ram
            m.d.comb += [
                ram.write_en.eq(unpack.o.valid & wanted),
                ram.write_addr.eq(Cat(place, number)),
                ram.write_data.eq(word),
                ram.read_addr.eq(Cat(self.addr, self.set)),
                getattr(self, name).as_value().eq(ram.read_data),
            ]
        return m
