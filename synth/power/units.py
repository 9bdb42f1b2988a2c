"""Workloads on the ports of each unit that has one: arrays, tiles, and parts of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from insitu.hdl.config import Config, IntFormat, UserError
from insitu.hdl.export import Flat

from ..units import UNITS
from ..units import unit as plain_unit
from . import arrays, boards, tiles
from .drive import CYCLES, Activity, Script, bits
from .lanes import stack, weights_by_vector
from .names import WORKLOADS
from .simulate import LANES, Simulation
from .workloads import Operands, Shape, jobs

__all__ = ["DRIVEN", "Mac", "activity", "check", "unit"]


class Mac(wiring.Component):
    """The multiply-accumulate that libraries are compared by: 8 × 8 bits into 32, all registered.

    ``o`` is the sum of all products ``a·b`` since reset, two cycles after them.
    """

    a: In(signed(8))  # type: ignore[valid-type]
    b: In(signed(8))  # type: ignore[valid-type]
    o: Out(signed(32))  # type: ignore[valid-type]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        a, b, total = Signal(signed(8)), Signal(signed(8)), Signal(signed(32))
        m.d.sync += [a.eq(self.a), b.eq(self.b), total.eq(total + a * b)]
        m.d.comb += self.o.eq(total)
        return m


def unit(name: str, config: Config) -> Flat:
    """Unit ``name``, ``mac`` and ``board`` among them; ``UserError`` if ``config`` has none."""
    if name == "mac":
        return Flat(Mac())
    if name == "board":
        return Flat(boards.top(config))
    return plain_unit(name, config)


def _mac_operands(_: Config) -> Operands:
    signed_byte = IntFormat.parse("int8").values
    return Operands(signed_byte, signed_byte, signed_byte.hi)


def _mac(config: Config, workload: str, sim: Simulation) -> Activity:
    made = jobs(workload, Shape(1, 1, 1, _mac_operands(config)), CYCLES)
    a, b = stack(made, lambda job: job.a), weights_by_vector(made)[:, :, 0]
    a, b = a[:, : CYCLES + 2], b[:, : CYCLES + 2]
    # Two registers after the operands, then the sum; all products since reset.
    total = np.zeros_like(a)
    total[:, 2:] = np.cumsum(a * b, axis=1)[:, :-2]
    macs = np.full(a.shape[1], float(LANES))
    valid = np.ones(a.shape[1], bool)
    ports = {"a": bits(a, 8), "b": bits(b, 8)}
    return Script(ports, macs, 2, {"o": bits(total, 32)}, {"o": valid}).run(sim)


def _other(config: Config, workload: str, sim: Simulation) -> Activity:
    """Every input a new random bit in every cycle, or 0; handshakes as they come."""
    rng = np.random.default_rng(1)
    high = int(workload == "random") + 1
    ports = {
        name: rng.integers(0, high, (LANES, CYCLES, len(nets)), np.uint8)
        for name, nets in sim.netlist.inputs.items()
        if name not in ("clk", "rst")
    }
    return Script(ports, np.zeros(CYCLES), 16).run(sim)


@dataclass(frozen=True)
class Driven:
    """A unit's activity under its ``workloads``; ``operands`` where those of a configuration may
    not go with one of them."""

    run: Callable[[Config, str, Simulation], Activity]
    operands: Callable[[Config], Operands] | None = None
    workloads: tuple[str, ...] = tuple(WORKLOADS)


DRIVEN = {
    "mac": Driven(_mac, _mac_operands),
    "dot": Driven(arrays.dot, arrays.operands),
    "pe": Driven(arrays.pe, arrays.operands),
    "array": Driven(arrays.array, arrays.operands),
    "column": Driven(tiles.column, tiles.operands),
    "tile": Driven(tiles.tile, tiles.operands),
    "board": Driven(boards.board, workloads=boards.WORKLOADS),
}
OTHER = Driven(_other, workloads=("random", "zeros"))


def check(name: str, config: Config, workload: str) -> None:
    """Refuse a unit that there is not, or a workload that it has not got: ``UserError``."""
    if name not in DRIVEN and name not in UNITS:
        known = ", ".join(dict.fromkeys([*DRIVEN, *UNITS]))
        raise UserError(f"UNIT: must be one of {known}, not {name!r}")
    if name == "board":
        config.need_integers(f"UNIT={name} here")
    driven = DRIVEN.get(name, OTHER)
    if workload not in driven.workloads:
        others = [unit for unit, one in DRIVEN.items() if workload in one.workloads]
        which = f"; {', '.join(others)} have that" if others else ""
        known = ", ".join(driven.workloads)
        raise UserError(
            f"WORKLOAD: must be one of {known} for UNIT={name}, not {workload!r}{which}"
        )
    if driven.operands:
        driven.operands(config).check(workload)


def activity(name: str, config: Config, workload: str, sim: Simulation) -> Activity:
    """Simulate unit ``name`` under a workload; raises if its outputs are wrong."""
    return DRIVEN.get(name, OTHER).run(config, workload, sim)
