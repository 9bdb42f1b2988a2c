"""What an operand buffer keeps for the next row of steps."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Kept"]


class Kept(wiring.Component):
    """How many words are kept for the next row of steps, from the oldest one on.

    Parameters
    ----------
    most : int

    Members
    -------
    ends, keep, amount, reach : In
        A block of ``amount`` words ends, and is kept: then that many words, ``reach``, lie from
        the oldest one to its end; or it is the oldest one, and given up.
    flush : In(1)
        In the cycle after a job's last block; its ``reach`` is there still. It is kept as well.
    clear : In(1)
        Nothing is kept any more.
    words : Out
        Two cycles after a block's end, and in the cycle after ``flush``.
    """

    def __init__(self, most: int):
        size = range(most + 1)
        super().__init__(
            {
                "ends": In(1),
                "keep": In(1),
                "amount": In(size),
                "reach": In(size),
                "flush": In(1),
                "clear": In(1),
                "words": Out(size),
            }
        )

    def elaborate(self, platform):
        m = Module()
        ended, keep = Signal(), Signal()
        amount, reach = Signal.like(self.amount), Signal.like(self.reach)
        m.d.sync += [
            ended.eq(self.ends),
            keep.eq(self.keep),
            amount.eq(self.amount),
            reach.eq(self.reach),
        ]
        # What decides goes to the register's enable and reset, after one comparison each.
        rest, more = Signal(signed(len(amount) + 1)), Signal(signed(len(reach) + 1))
        grows = Signal()
        m.d.comb += [
            rest.eq(self.words - amount),
            more.eq(self.words - reach),
            grows.eq(self.flush | (ended & keep)),
        ]
        with m.If(self.clear | (ended & ~keep & ~self.flush & rest[-1])):
            m.d.sync += self.words.eq(0)
        with m.Elif(Mux(grows, more[-1], ended)):
            m.d.sync += self.words.eq(Mux(grows, reach, rest))
        return m
