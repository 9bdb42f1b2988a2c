"""Edge of the array: stored elements become operands."""

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import ArrayConfig, IntFormat
from .ports import stored

__all__ = ["OperandEdge"]


class OperandEdge(wiring.Component):
    """Registers a vector of stored elements as operands, its zero point subtracted.

    Latency is one cycle; never stalls. Without ``config.zero_points`` it is a register.

    Parameters
    ----------
    config : :class:`~hdl.config.ArrayConfig`
    fmt : :class:`~hdl.config.IntFormat`
        Format of the elements: ``config.a`` or ``config.b``.
    lanes : int
        Vectors of ``config.dot`` elements side by side.

    Members
    -------
    clear : In(1)
        The operands of the next cycle are 0.
    x : ``In(ArrayLayout(ArrayLayout(stored, dot), lanes))``
    is_signed, zero : In
        Signedness of ``x`` and ``zero``, and the zero point; present only with zero points. Both
        belong to the cycle of ``x``.
    o : ``Out(ArrayLayout(ArrayLayout(operand, dot), lanes))``
        From registers.
    """

    def __init__(self, config: ArrayConfig, fmt: IntFormat, lanes: int):
        self._config, self._fmt, self._lanes = config, fmt, lanes
        element = stored(config, fmt)
        operand = fmt.operand(config.zero_points).shape
        members = {
            "clear": In(1),
            "x": In(data.ArrayLayout(data.ArrayLayout(element, config.dot), lanes)),
            "o": Out(data.ArrayLayout(data.ArrayLayout(operand, config.dot), lanes)),
        }
        if config.zero_points:
            members |= {"is_signed": In(1), "zero": In(unsigned(fmt.bits))}
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        dot = self._config.dot
        registers = Signal.like(self.o, reset_less=True)
        m.d.comb += self.o.eq(registers)
        if self._config.zero_points:
            # Turning the top bit of both adds the same offset to both, after which they are
            # unsigned whatever they were: one subtraction serves either signedness.
            turn = Signal(self._fmt.bits)
            zero = Signal(self._fmt.bits)
            m.d.comb += turn.eq(self.is_signed << (self._fmt.bits - 1))
            m.d.comb += zero.eq(self.zero ^ turn)
        for lane in range(self._lanes):
            for k in range(dot):
                x = self.x[lane][k]
                value = (x ^ turn) - zero if self._config.zero_points else x
                m.d.sync += registers[lane][k].eq(value)
        with m.If(self.clear):
            m.d.sync += registers.eq(0)
        return m
