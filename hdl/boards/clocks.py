"""A clock of any frequency from a board's oscillator."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from amaranth.hdl import Instance, Signal

from ..config.fields import UserError

__all__ = ["PLLS", "Ecp5Pll", "Ice40Pll", "Pll"]


class Pll(Protocol):
    """A family's PLL, set to make ``clock_hz`` of ``source_hz``.

    ``at_the_pin``: its source is a pin, not what a pin's buffer gives. ``gated``: the clock can be
    held back until it is stable.
    """

    at_the_pin: ClassVar[bool]
    gated: ClassVar[bool]

    def instance(self, source: Any, clock: Signal, locked: Signal) -> Instance:
        """From pin ``source`` to ``clock``; ``locked`` is high once that is stable."""


def _cannot(source_hz: float, clock_hz: float) -> UserError:
    return UserError(
        f"clock: must be one that the PLL makes exactly of {source_hz / 1e6:g} MHz, "
        f"not {clock_hz / 1e6:g} MHz"
    )


@dataclass(frozen=True)
class Ecp5Pll:
    """EHXPLLL: ``clock = source · feedback / divide``, oscillator ``clock · out``.

    Ranges as in Lattice's FPGA-TN-02200: 3.125 to 400 MHz at the phase detector, 400 to 800 MHz for
    the oscillator.
    """

    at_the_pin: ClassVar = False
    gated: ClassVar = True

    divide: int
    feedback: int
    out: int

    @classmethod
    def find(cls, source_hz: float, clock_hz: float) -> "Ecp5Pll":
        """The one with the fastest phase detector, its oscillator near 600 MHz."""
        for divide in range(1, 129):
            feedback = clock_hz * divide / source_hz
            if feedback == int(feedback) <= 128 and 3.125e6 <= source_hz / divide <= 400e6:
                outs = [n for n in range(1, 129) if 400e6 <= clock_hz * n <= 800e6]
                if outs:
                    out = min(outs, key=lambda n: abs(clock_hz * n - 600e6))
                    return cls(divide, int(feedback), out)
        raise _cannot(source_hz, clock_hz)

    def instance(self, source: Any, clock: Signal, locked: Signal) -> Instance:
        return Instance(
            "EHXPLLL",
            # Charge pump and filter as Lattice's tool sets them for all such settings.
            a_ICP_CURRENT="12",
            a_LPF_RESISTOR="8",
            a_MFG_ENABLE_FILTEROPAMP="1",
            a_MFG_GMCREF_SEL="2",
            p_CLKI_DIV=self.divide,
            p_CLKFB_DIV=self.feedback,
            p_FEEDBK_PATH="CLKOP",
            p_CLKOP_ENABLE="ENABLED",
            p_CLKOP_DIV=self.out,
            p_CLKOP_CPHASE=self.out - 1,
            p_CLKOP_FPHASE=0,
            i_CLKI=source,
            i_CLKFB=clock,
            i_RST=0,
            i_STDBY=0,
            i_PHASESEL0=0,
            i_PHASESEL1=0,
            i_PHASEDIR=1,
            i_PHASESTEP=1,
            i_PHASELOADREG=1,
            i_PLLWAKESYNC=0,
            i_ENCLKOP=0,
            o_CLKOP=clock,
            o_LOCK=locked,
        )


@dataclass(frozen=True)
class Ice40Pll:
    """SB_PLL40_PAD: ``clock = source · (multiply + 1) / (divide + 1) / 2^shift``.

    Ranges as in Lattice's FPGA-TN-02052: 10 to 133 MHz at the phase detector, 533 to 1,066 MHz for
    the oscillator.
    """

    at_the_pin: ClassVar = True
    gated: ClassVar = False

    divide: int
    multiply: int
    shift: int
    filter: int

    # Upper limits of the filter's ranges, of the phase detector's frequency.
    RANGES: ClassVar = ((17e6, 1), (26e6, 2), (44e6, 3), (66e6, 4), (101e6, 5), (133e6, 6))

    @classmethod
    def find(cls, source_hz: float, clock_hz: float) -> "Ice40Pll":
        """The one with the fastest phase detector."""
        for divide in range(16):
            detector = source_hz / (divide + 1)
            for shift in range(1, 7):
                oscillator = clock_hz * 2**shift
                times = oscillator / detector
                fits = 10e6 <= detector <= 133e6 and 533e6 <= oscillator <= 1066e6
                if fits and times == int(times) <= 128:
                    filter_range = next(n for most, n in cls.RANGES if detector <= most)
                    return cls(divide, int(times) - 1, shift, filter_range)
        raise _cannot(source_hz, clock_hz)

    def instance(self, source: Any, clock: Signal, locked: Signal) -> Instance:
        return Instance(
            "SB_PLL40_PAD",
            p_FEEDBACK_PATH="SIMPLE",
            p_DIVR=self.divide,
            p_DIVF=self.multiply,
            p_DIVQ=self.shift,
            p_FILTER_RANGE=self.filter,
            i_PACKAGEPIN=source,
            i_RESETB=1,
            i_BYPASS=0,
            o_PLLOUTGLOBAL=clock,
            o_LOCK=locked,
        )


PLLS: dict[str, Callable[[float, float], Pll]] = {"ecp5": Ecp5Pll.find, "ice40": Ice40Pll.find}
"""By family: from the oscillator's frequency and the one that is wanted, ``UserError`` if it cannot
be made exactly."""
