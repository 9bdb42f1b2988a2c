"""Workloads on the ports of each unit that has one: arrays, tiles, and parts of them."""

from collections.abc import Callable

import numpy as np
from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.config import Config, UserError
from hdl.export import Flat

from ..units import UNITS
from ..units import unit as plain_unit
from . import arrays, boards, tiles
from .drive import CYCLES, Activity, Script, bits
from .lanes import stack, weights_by_vector
from .simulate import LANES, Simulation
from .workloads import Shape, jobs

__all__ = ["DRIVEN", "Mac", "activity", "unit"]


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
    """Unit ``name``, ``mac`` among them; ``UserError`` if there is none."""
    if name == "mac":
        return Flat(Mac())
    if name == "board":
        return Flat(boards.top(config))
    if name not in UNITS:
        raise UserError(f"UNIT: must be one of mac, {', '.join(UNITS)}, not {name!r}")
    return plain_unit(name, config)


def _mac(config: Config, workload: str, sim: Simulation) -> Activity:
    made = jobs(workload, Shape(1, 1, 1, a_high=127), CYCLES)
    a, b = stack(made, lambda job: job.a), weights_by_vector(made)[:, :, 0]
    a, b = a[:, : CYCLES + 2], b[:, : CYCLES + 2]
    # Two registers behind the operands, then the sum; all products since reset.
    total = np.zeros_like(a)
    total[:, 2:] = np.cumsum(a * b, axis=1)[:, :-2]
    macs = np.full(a.shape[1], float(LANES))
    valid = np.ones(a.shape[1], bool)
    ports = {"a": bits(a, 8), "b": bits(b, 8)}
    return Script(ports, macs, 2, {"o": bits(total, 32)}, {"o": valid}).run(sim)


def _other(config: Config, workload: str, sim: Simulation) -> Activity:
    """Every input a new random bit in every cycle, or 0; handshakes as they come."""
    if workload not in ("random", "zeros"):
        raise UserError(
            f"WORKLOAD: must be random or zeros for units without one of their own "
            f"({', '.join(DRIVEN)} have), not {workload!r}"
        )
    rng = np.random.default_rng(1)
    high = int(workload == "random") + 1
    ports = {
        name: rng.integers(0, high, (LANES, CYCLES, len(nets)), np.uint8)
        for name, nets in sim.netlist.inputs.items()
        if name not in ("clk", "rst")
    }
    return Script(ports, np.zeros(CYCLES), 16).run(sim)


DRIVEN: dict[str, Callable[[Config, str, Simulation], Activity]] = {
    "mac": _mac,
    "dot": arrays.dot,
    "pe": arrays.pe,
    "array": arrays.array,
    "column": tiles.column,
    "tile": tiles.tile,
    "board": boards.board,
}


def activity(name: str, config: Config, workload: str, sim: Simulation) -> Activity:
    """Simulate unit ``name`` under a workload; raises if its outputs are wrong."""
    return DRIVEN.get(name, _other)(config, workload, sim)
