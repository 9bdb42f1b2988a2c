"""Edge of the array: stored elements become operands."""

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..arith.numbers import arithmetic
from ..config import ArrayConfig
from ..formats import Format
from .ports import stored

__all__ = ["OperandEdge", "unsigned_word"]


def unsigned_word(m: Module, config: ArrayConfig, word: data.View) -> data.View:
    """``word`` with elements and zero points made unsigned.

    Inverting the top bit of both adds the same offset to both, so they are unsigned whatever
    they were: one subtraction serves either signedness. Without zero points nothing is inverted.
    """
    turned = Signal(word.shape(), name="turned")
    m.d.comb += turned.eq(word)
    for vector, name in (("a", "a"), ("b", "b"), ("w", "b")):
        if config.zero_points and vector in word.shape().members:
            is_signed = word[f"{name}_signed"]
            zero = word[f"{name}_zero"]
            m.d.comb += turned[f"{name}_zero"].eq(Cat(zero[:-1], zero[-1] ^ is_signed))
            for lane in range(word[vector].shape().length):
                for k in range(config.dot):
                    x = word[vector][lane][k]
                    m.d.comb += turned[vector][lane][k].eq(Cat(x[:-1], x[-1] ^ is_signed))
    return turned


class OperandEdge(wiring.Component):
    """Registers a vector of stored elements as operands, its zero point subtracted.

    Latency is one cycle; never stalls. Without ``config.zero_points`` integers are registered as
    they are; floating-point numbers are taken apart.

    Parameters
    ----------
    config : :class:`~insitu.hdl.config.ArrayConfig`
    fmt : IntFormat or FloatFormat
        Format of the elements: ``config.a`` or ``config.b``.
    lanes : int
        Vectors of ``config.dot`` elements side by side.

    Members
    -------
    clear : In(1)
        The operands of the next cycle are 0.
    x : ``In(ArrayLayout(ArrayLayout(stored, dot), lanes))``
        With zero points, as :func:`unsigned_word` leaves it.
    zero : In
        The zero point, likewise, in the cycle of ``x``; present only with zero points.
    o : ``Out(ArrayLayout(ArrayLayout(operand, dot), lanes))``
        From registers.
    """

    def __init__(self, config: ArrayConfig, fmt: Format, lanes: int):
        self._config, self._fmt, self._lanes = config, fmt, lanes
        element = stored(config, fmt)
        operand = config.number.moving(fmt, config.zero_points).shape
        members = {
            "clear": In(1),
            "x": In(data.ArrayLayout(data.ArrayLayout(element, config.dot), lanes)),
            "o": Out(data.ArrayLayout(data.ArrayLayout(operand, config.dot), lanes)),
        }
        if config.zero_points:
            members["zero"] = In(unsigned(fmt.bits))
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        dot, entering = self._config.dot, arithmetic(self._config).entering
        registers = Signal.like(self.o, reset_less=True)
        m.d.comb += self.o.eq(registers)
        for lane in range(self._lanes):
            for k in range(dot):
                zero = self.zero if self._config.zero_points else None
                value = entering(self._fmt, self.x[lane][k], zero)
                m.d.sync += registers[lane][k].eq(value)
        with m.If(self.clear):
            m.d.sync += registers.eq(0)
        return m
