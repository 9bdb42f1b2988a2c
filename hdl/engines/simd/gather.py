"""What accesses bring for a k, collected."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...config.machine import MachineConfig
from ...contract.job import word_layout

__all__ = ["Gather"]


class Gather(wiring.Component):
    """Puts the elements of bus words one after the other into a word, until that of a k is whole.

    Takes a bus word per cycle, never stalls: room for the word was made sure of. Latency is two
    cycles.

    Parameters
    ----------
    config : MachineConfig
    bits, given : int
        Of an element; elements of a word.

    Members
    -------
    valid, i : In(1), In(word_layout(config))
        A bus word; of a row's first one elements from ``i.tag.skip`` on count, of its last one
        those before ``i.tag.tail``. With the last one of a row whose ``i.tag.end`` is set the word
        is whole. No more elements come for it than it has.
    pad : In(bits)
        What fills it up; with its first bus word.
    write, word, slot : Out(1), Out(bits * given), Out(1)
        A whole word; whose it is. From registers.
    """

    def __init__(self, config: MachineConfig, bits: int, given: int):
        self._config, self._bits, self._given = config, bits, given
        super().__init__(
            {
                "valid": In(1),
                "i": In(word_layout(config)),
                "pad": In(bits),
                "write": Out(1),
                "word": Out(bits * given),
                "slot": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        i, bits, given = self.i, self._bits, self._given
        per_beat = self._config.bus_bits // bits
        begins = Signal(init=1)  # a row
        at = Signal(range(given + 1))  # elements that came for this word
        skip, end = Signal(range(per_beat)), Signal(range(per_beat + 1))
        behind = Signal(range(given + per_beat + 1))
        is_whole = i.last & i.tag.end
        m.d.comb += [
            skip.eq(Mux(begins, i.tag.skip, 0)),
            end.eq(Mux(i.last, i.tag.tail, per_beat)),
            behind.eq(at + end - skip),
        ]
        with m.If(self.valid):
            m.d.sync += [begins.eq(i.last), at.eq(Mux(is_whole, 0, behind))]

        # Turned so that each element lies where it goes, modulo the elements of a bus word.
        turn = Signal(range(per_beat))
        turned = Signal(data.ArrayLayout(bits, per_beat), reset_less=True)
        m.d.comb += turn.eq(at - skip)
        elements = data.View(turned.shape(), i.data)
        with m.Switch(turn):
            for by in range(per_beat):
                with m.Case(by):
                    for n in range(per_beat):
                        m.d.sync += turned[n].eq(elements[(n - by) % per_beat])
        comes, fresh, completes = Signal(given), Signal(reset_less=True), Signal()
        pad, slot = Signal(bits, reset_less=True), Signal(reset_less=True)
        m.d.sync += [
            comes.eq(Mux(self.valid, Cat((at <= n) & (behind > n) for n in range(given)), 0)),
            fresh.eq(self.valid & (at == 0)),
            completes.eq(self.valid & is_whole),
            pad.eq(self.pad),
            slot.eq(i.tag.slot),
        ]
        word = Signal(data.ArrayLayout(bits, given), reset_less=True)
        for n in range(given):
            with m.If(comes[n]):
                m.d.sync += word[n].eq(turned[n % per_beat])
            with m.Elif(fresh):
                m.d.sync += word[n].eq(pad)
        m.d.sync += [self.write.eq(completes), self.slot.eq(slot)]
        m.d.comb += self.word.eq(word)
        return m
