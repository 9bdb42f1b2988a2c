"""Power of FPGAs: iCE40UP5K calibrated by published currents, ECP5 extrapolated from it.

``ice40_points.csv`` has the core currents that tinyvision-ai-inc/ice40_power (README.md) reports of
one iCE40UP5K at 1.219 V, and what the designs measured there do in a cycle: 24-bit counters and
multipliers of two 8-bit counters built anew by :class:`Toy` and simulated, of other counters the
registers by their names. Points ``held out`` are not fitted.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from insitu.hdl.config import UserError

from ..devices import Device
from .fabric import Use

__all__ = ["RANGE", "Coefficients", "Point", "Toy", "coefficients", "points"]

POINTS = Path(__file__).with_name("ice40_points.csv")
VOLTS = 1.219
RANGE = 2.0
"""Factor by which an estimate may be off, either way: one chip, few designs, no memories."""

# Amperes of the core that does nothing, at 1.1 V, of one board each. The 12F is a 25F by its die.
ECP5_VOLTS = 1.1
ECP5_STATIC = {"ecp5-85f": 0.212, "ecp5-25f": 0.077}


@dataclass(frozen=True)
class Point:
    """A published current in ampere, and what its design does per cycle."""

    name: str
    hertz: float
    oscillator: bool
    design: str
    use: Use
    amperes: float
    is_fitted: bool


@dataclass(frozen=True)
class Coefficients:
    """Watts of the idle device and of the oscillator; joules per cycle of the clock's network, per
    register and cycle, per toggle of an output with its wire, per 8×8 multiply of a DSP."""

    static: float
    oscillator: float
    clock: float
    register: float
    toggle: float
    multiply: float

    def dynamic(self, use: Use) -> float:
        """Joules per cycle of what a unit does, without the clock's network."""
        return (
            use.registers * self.register
            + use.toggles * self.toggle
            + use.multiplies * self.multiply
        )

    def power(self, use: Use, hertz: float, *, oscillator: bool = False) -> float:
        """Watts of the core."""
        each_cycle = self.clock * (hertz > 0) + self.dynamic(use)
        return self.static + self.oscillator * oscillator + hertz * each_cycle

    def scaled(self, factor: float, static: float) -> "Coefficients":
        """Energies times ``factor``, another idle device."""
        return Coefficients(
            static, 0.0, *(factor * x for x in (self.clock, self.register, self.toggle,
                                                self.multiply))
        )  # fmt: skip


@cache
def points() -> tuple[Point, ...]:
    """All of the table."""
    with POINTS.open(newline="", encoding="utf-8") as file:
        return tuple(
            Point(
                row["point"],
                float(row["mhz"]) * 1e6,
                row["oscillator"] == "1",
                row["design"],
                Use(float(row["toggles"]), float(row["multiplies"]), int(row["registers"])),
                float(row["core_ua"]) * 1e-6,
                row["use"] == "fit",
            )
            for row in csv.DictReader(file)
        )


def fit(chosen: Iterable[Point]) -> Coefficients:
    """Least squares of relative errors."""
    rows, ones = [], []
    for point in chosen:
        watts = point.amperes * VOLTS
        use, hertz = point.use, point.hertz
        terms = [1, point.oscillator, hertz, hertz * use.registers, hertz * use.toggles,
                 hertz * use.multiplies]  # fmt: skip
        rows.append([term / watts for term in terms])
        ones.append(1.0)
    matrix = np.array(rows)
    scale = np.abs(matrix).max(axis=0)
    found = np.linalg.lstsq(matrix / scale, np.array(ones), rcond=None)[0] / scale
    return Coefficients(*map(float, found))


@cache
def coefficients(device: Device) -> Coefficients:
    """Of a device; ``UserError`` if there are none."""
    fitted = fit(point for point in points() if point.is_fitted)
    if device.name == "up5k":
        return fitted
    if device.name in ECP5_STATIC:
        static = ECP5_STATIC[device.name] * ECP5_VOLTS
        return fitted.scaled((ECP5_VOLTS / VOLTS) ** 2, static)
    known = ", ".join(("up5k", *ECP5_STATIC))
    raise UserError(f"DEVICE: must be one of {known} for power, not {device.name!r}")


class Toy(wiring.Component):
    """What the published designs do: a 24-bit counter, and with ``multiplies`` the product of two
    8-bit counters that step by 3 and 5, unregistered."""

    o: Out(1)  # type: ignore[valid-type]

    def __init__(self, multiplies: bool) -> None:
        self._multiplies = multiplies
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        count = Signal(24)
        m.d.sync += count.eq(count + 1)
        m.d.comb += self.o.eq(count[-1])
        if self._multiplies:
            a, b = Signal(8), Signal(8)
            product = Signal(16, attrs={"keep": 1})
            m.d.sync += [a.eq(a + 3), b.eq(b + 5)]
            m.d.comb += product.eq(a * b)
            m.d.comb += self.o.eq(count[-1] | a.all() | b.all() | product.all())
        return m
