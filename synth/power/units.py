"""Workloads on the ports of each unit that has one: arrays, tiles, and parts of them."""

from collections.abc import Callable

import numpy as np
from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.config import ArrayConfig, CimConfig, Config, UserError
from hdl.config.fields import ceil_div
from hdl.export import Flat

from ..units import UNITS
from ..units import unit as plain_unit
from .drive import Activity, Bits, Script, Sink, Source, bits, stream
from .simulate import LANES, Simulation
from .workloads import Job, Shape, jobs

__all__ = ["DRIVEN", "Mac", "activity", "unit"]

CYCLES = 448  # counted, in each of 64 lanes


class Mac(wiring.Component):
    """The multiply-accumulate that libraries are compared by: 8 × 8 bits into 32, all registered.

    ``o`` is the sum of all products ``a·b`` since reset, two cycles after them.
    """

    a: In(signed(8))
    b: In(signed(8))
    o: Out(signed(32))

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
    if name not in UNITS:
        raise UserError(f"UNIT: must be one of mac, {', '.join(UNITS)}, not {name!r}")
    return plain_unit(name, config)


def _array_shape(c: ArrayConfig, **size: int) -> Shape:
    high = max(c.a_operand.hi, c.a.values.hi)
    return Shape(a_bits=c.a.bits, b_bits=c.b.bits, a_high=high, **size)


def _stack(made: list[list[Job]], part: Callable[[Job], np.ndarray]) -> np.ndarray:
    """``part`` of each job, one behind the other: [lanes][…]."""
    return np.stack([np.concatenate([part(job) for job in lane]) for lane in made])


def _flag(values: np.ndarray) -> Bits:
    return bits(values[..., None].astype(np.int64), 1)


def _weights_by_vector(made: list[list[Job]]) -> np.ndarray:
    """Each job's b [k][n], once for each of its vectors."""
    return _stack(made, lambda job: np.repeat(job.b[None], len(job.a), axis=0))


def _useful(made: list[list[Job]]) -> np.ndarray:
    """Products of each vector: [lanes][vectors]."""
    return _stack(made, lambda job: np.full(len(job.a), job.useful))


def _mac(config: Config, workload: str, sim: Simulation) -> Activity:
    made = jobs(workload, Shape(1, 1, 1, a_high=127), CYCLES)
    a, b = _stack(made, lambda job: job.a), _weights_by_vector(made)[:, :, 0]
    a, b = a[:, : CYCLES + 2], b[:, : CYCLES + 2]
    # Two registers behind the operands, then the sum; all products since reset.
    total = np.zeros_like(a)
    total[:, 2:] = np.cumsum(a * b, axis=1)[:, :-2]
    macs = np.full(a.shape[1], float(LANES))
    valid = np.ones(a.shape[1], bool)
    ports = {"a": bits(a, 8), "b": bits(b, 8)}
    return Script(ports, macs, 2, {"o": bits(total, 32)}, {"o": valid}).run(sim)


def _late(values: np.ndarray, cycles: int) -> np.ndarray:
    """``values`` [lanes][t][…] so many cycles later, zeros before."""
    late = np.zeros_like(values)
    late[:, cycles:] = values[:, : values.shape[1] - cycles]
    return late


def _dot(config: Config, workload: str, sim: Simulation) -> Activity:
    c = config.array
    made = jobs(workload, _array_shape(c, k=c.dot, n=c.col_group, least=1), CYCLES)
    cut = CYCLES + c.pe_latency
    a, b = (x[:, :cut] for x in (_stack(made, lambda job: job.a), _weights_by_vector(made)))
    ports = {
        "a": bits(a, c.a_operand.bits),
        "b": bits(b.swapaxes(2, 3).reshape(*a.shape[:2], -1), c.b_operand.bits),
    }
    late = c.multiplier_latency + c.tree_latency
    out = _late(np.einsum("ltk,ltkn->ltn", a, b), late)
    valid = np.arange(a.shape[1]) >= late
    macs = _useful(made)[:, :cut].sum(axis=0).astype(float)
    return Script(ports, macs, late, {"o": bits(out, c.dot_sum.bits)}, {"o": valid}).run(sim)


def _pe(config: Config, workload: str, sim: Simulation) -> Activity:
    c = config.array
    return (_weight_pe if c.flow == "ws" else _output_pe)(c, workload, sim)


def _weight_pe(c: ArrayConfig, workload: str, sim: Simulation) -> Activity:
    """The last row's: weights of all rows pass it, it takes its own; psums come from above."""
    shape = _array_shape(c, k=c.k_per_tile, n=c.col_group, least=c.rows)
    made = jobs(workload, shape, CYCLES // c.rows + 4)
    m = len(made[0][0].a)
    made = [lane[: CYCLES // m + 3] for lane in made]
    a = _stack(made, lambda job: job.a)
    cycles = a.shape[1]
    own = slice((c.rows - 1) * c.dot, None)
    # In the last cycles of a job the weights of the next come by, row by row.
    b = np.zeros((LANES, cycles, c.col_group * c.dot), np.int64)
    load, swap = np.zeros((LANES, cycles), np.int64), np.zeros((LANES, cycles), np.int64)
    for lane, lane_jobs in enumerate(made):
        for n, job in enumerate(lane_jobs[1:], 1):
            words = job.b.reshape(c.rows, c.dot, -1).swapaxes(1, 2).reshape(c.rows, -1)
            at = n * m
            b[lane, at - m : at] = words[0]
            b[lane, at - c.rows : at] = words
            load[lane, at - 1] = swap[lane, at] = 1
    above = _stack(made, lambda job: job.a[:, : own.start] @ job.b[: own.start])
    total = _stack(made, lambda job: job.c)
    psum = c.row_psum(c.rows - 1).bits
    ports = {
        "a_i": bits(a[:, :, own], c.a_operand.bits),
        "b_i": bits(b, c.b_operand.bits),
        "load_i": _flag(load),
        "swap_i": _flag(swap),
    }
    if c.rows > 1:
        ports["psum_i"] = bits(_late(above, c.pe_latency - 1), c.row_psum(c.rows - 2).bits)
    expected = {"psum_o": bits(_late(total, c.pe_latency), psum)}
    # The first job's weights are not there.
    warm = m + c.pe_latency
    valid = {"psum_o": np.arange(cycles) >= warm}
    share = _useful(made).sum(axis=0) / c.rows
    return Script(ports, share, warm, expected, valid).run(sim)


def _output_pe(c: ArrayConfig, workload: str, sim: Simulation) -> Activity:
    """Dot products of 64 elements deep, one behind the other."""
    beats = ceil_div(64, c.dot)
    shape = _array_shape(c, k=c.dot * beats, n=c.col_group, least=1)
    made = [lane[: CYCLES // beats + 2] for lane in jobs(workload, shape, CYCLES // beats + 2)]
    # A tile per job: its first vector.
    a = np.stack([np.concatenate([j.a[0].reshape(beats, -1) for j in lane]) for lane in made])
    b = np.stack(
        [
            np.concatenate(
                [j.b.reshape(beats, c.dot, -1).swapaxes(1, 2).reshape(beats, -1) for j in lane]
            )
            for lane in made
        ]
    )
    first = np.zeros(a.shape[:2], np.int64)
    first[:, ::beats] = 1
    total = np.zeros((LANES, a.shape[1], c.col_group), np.int64)
    total[:, beats - 1 :: beats] = np.stack([[j.c[0] for j in lane] for lane in made])
    ends = np.zeros(a.shape[1], bool)
    ends[beats - 1 :: beats] = True
    late = c.pe_latency
    valid = np.concatenate([np.zeros(late, bool), ends[:-late]])
    ports = {
        "a_i": bits(a, c.a_operand.bits),
        "b_i": bits(b, c.b_operand.bits),
        "first_i": _flag(_late(first, late - 1)),
    }
    macs = np.repeat([sum(lane[n].useful for lane in made) / beats for n in range(len(made[0]))],
                     beats)  # fmt: skip
    expected = {"total": bits(_late(total, late), c.acc_bits)}
    return Script(ports, macs, late, expected, {"total": valid}).run(sim)


def _array(config: Config, workload: str, sim: Simulation) -> Activity:
    c = config.array
    return (_weight_array if c.flow == "ws" else _output_array)(c, workload, sim)


def _weight_array(c: ArrayConfig, workload: str, sim: Simulation) -> Activity:
    shape = _array_shape(c, k=c.k_per_tile, n=c.cols, least=c.rows)
    warm = c.wave_latency + c.rows
    made = jobs(workload, shape, (CYCLES + warm) // c.rows + 2)
    m = len(made[0][0].a)
    made = [lane[: (CYCLES + warm) // m + 2] for lane in made]
    words = _stack(made, lambda job: job.b.reshape(c.rows, c.dot, -1).swapaxes(1, 2))
    count = words.shape[1]
    is_signed = int(made[0][0].signed)
    w = {
        "w": bits(words.reshape(LANES, count, -1), c.b.bits),
        "b_signed": np.ones((LANES, count, 1), np.uint8),
        "last": _flag(np.tile(np.arange(count) % c.rows == c.rows - 1, (LANES, 1))),
    }
    a = _stack(made, lambda job: job.a)
    vectors = np.tile(np.arange(a.shape[1]), (LANES, 1))
    fields = {
        "a": bits(a, c.a.bits),
        "a_signed": np.full((*a.shape[:2], 1), is_signed, np.uint8),
        "swap": _flag(vectors % m == 0),
        "last": _flag(vectors % m == m - 1),
    }
    sink = Sink(sim, bits(_stack(made, lambda job: job.c), c.psum_bits))
    sources = [Source(sim, "w", w), Source(sim, "a", fields)]
    return stream(sim, sources, sink, _useful(made), warm=warm, cycles=CYCLES)


def _output_array(c: ArrayConfig, workload: str, sim: Simulation) -> Activity:
    """Tiles 64 elements deep; a job's B is streamed once more for every tile of its rows."""
    beats = ceil_div(max(64, c.rows * c.dot), c.dot)
    warm = c.wave_latency + beats
    least = c.rows
    count = (CYCLES + warm) // beats + 2
    made = jobs(workload, _array_shape(c, k=beats * c.dot, n=c.cols, least=least), count)
    tiles = [
        [
            (job.a[at : at + c.rows], job.b, job.useful)
            for job in lane
            for at in range(0, len(job.a) - c.rows + 1, c.rows)
        ][:count]
        for lane in made
    ]

    def a_of(a: np.ndarray) -> np.ndarray:
        return a.reshape(c.rows, beats, c.dot).swapaxes(0, 1).reshape(beats, -1)

    def b_of(b: np.ndarray) -> np.ndarray:
        return b.reshape(beats, c.dot, -1).transpose(0, 2, 1).reshape(beats, -1)

    a = np.stack([np.concatenate([a_of(x) for x, _, _ in lane]) for lane in tiles])
    b = np.stack([np.concatenate([b_of(y) for _, y, _ in lane]) for lane in tiles])
    c_out = np.stack([np.concatenate([x @ y for x, y, _ in lane]) for lane in tiles])
    macs = np.stack([np.repeat([u * c.rows / beats for _, _, u in lane], beats) for lane in tiles])
    is_signed = int(made[0][0].signed)
    fields = {
        "a": bits(a, c.a.bits),
        "b": bits(b, c.b.bits),
        "a_signed": np.full((*a.shape[:2], 1), is_signed, np.uint8),
        "b_signed": np.ones((*a.shape[:2], 1), np.uint8),
        "last": _flag(np.tile(np.arange(a.shape[1]) % beats == beats - 1, (LANES, 1))),
    }
    sink = Sink(sim, bits(c_out, c.acc_bits))
    return stream(sim, [Source(sim, "i", fields)], sink, macs, warm=warm, cycles=CYCLES)


def _cim_shape(c: CimConfig, least: int) -> Shape:
    return Shape(c.rows, c.cols, least, c.act_bits, c.weight.bits)


def _tile(config: Config, workload: str, sim: Simulation) -> Activity:
    """Vectors of all planes; a job's weights are written to the next bank while others are used."""
    c = config.cim
    if c.adc_bits:
        raise UserError("cim.adc_bits: must be 0 for a workload, whose sums are checked")
    least = max(8, ceil_div(c.rows, c.act_bits))
    warm = 2 * c.rows + c.latency
    made = jobs(workload, _cim_shape(c, least), 2 + CYCLES // (8 if c.skip else least * c.act_bits))
    m = len(made[0][0].a)
    count = len(made[0])
    rows = np.tile(np.arange(count * c.rows), (LANES, 1))
    w = {
        "bank": bits((rows // c.rows % c.banks)[..., None], max(1, (c.banks - 1).bit_length())),
        "row": bits((rows % c.rows)[..., None], max(1, (c.rows - 1).bit_length())),
        "w": bits(_stack(made, lambda job: job.b), c.weight.bits),
    }
    a = _stack(made, lambda job: job.a)
    at = np.tile(np.arange(a.shape[1]), (LANES, 1))
    planes = np.full((*a.shape[:2], 1), c.act_bits)
    fields = {
        "a": bits(a, c.act_bits),
        "bank": bits((at // m % c.banks)[..., None], max(1, (c.banks - 1).bit_length())),
        "planes": bits(planes, c.act_bits.bit_length()),
        "signed": np.full((*a.shape[:2], 1), int(made[0][0].signed), np.uint8),
    }
    sink = Sink(sim, bits(_stack(made, lambda job: job.c), c.out_bits))
    writes, vectors = Source(sim, "w", w), Source(sim, "a", fields)

    def gate() -> None:
        writes.limit = np.minimum((sink.taken // m + c.banks) * c.rows, writes.beats)
        vectors.limit = writes.sent // c.rows * m

    sources = [writes, vectors]
    return stream(sim, sources, sink, _useful(made), warm=warm, cycles=CYCLES, gate=gate)


def _column(config: Config, workload: str, sim: Simulation) -> Activity:
    """Vectors of all planes, the highest first; a new set of weights per job."""
    c = config.cim
    shape = Shape(c.rows, 1, 1, c.act_bits, c.weight.bits)
    made = jobs(workload, shape, CYCLES // c.act_bits + 3)
    a = _stack(made, lambda job: job.a)[:, : CYCLES // c.act_bits + 3]
    b = _weights_by_vector(made)[:, : a.shape[1], :, 0]
    order = np.arange(c.act_bits)[::-1]
    cycles = a.shape[1] * c.act_bits
    plane = (a[:, :, None, :] >> order[:, None]) & 1
    index = np.tile(order, (LANES, a.shape[1]))
    first = index == c.act_bits - 1
    late = c.column_latency
    ports = {
        "plane": plane.reshape(LANES, cycles, -1).astype(np.uint8),
        "w": bits(np.repeat(b, c.act_bits, axis=1), c.weight.bits),
        "valid": np.ones((LANES, cycles, 1), np.uint8),
        "first": _flag(_late(first, late - 1)),
        "negate": _flag(_late(first & made[0][0].signed, late - 1)),
    }
    if c.skip:
        width = max(1, (c.act_bits - 1).bit_length())
        ports["index"] = bits(_late(index, late - 2)[..., None], width)
    total = np.repeat(np.einsum("ltk,ltk->lt", a, b), c.act_bits, axis=1)
    ends = index[0] == 0
    valid = np.concatenate([np.zeros(late, bool), ends[:-late]])
    macs = np.repeat(_useful(made)[:, : a.shape[1]].sum(axis=0), c.act_bits) / c.act_bits
    expected = {"total": bits(_late(total, late)[..., None], c.out_bits)}
    warm = late + c.act_bits
    return Script(ports, macs, warm, expected, {"total": valid}).run(sim)


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
    "dot": _dot,
    "pe": _pe,
    "array": _array,
    "column": _column,
    "tile": _tile,
}


def activity(name: str, config: Config, workload: str, sim: Simulation) -> Activity:
    """Simulate unit ``name`` under a workload; raises if its outputs are wrong."""
    return DRIVEN.get(name, _other)(config, workload, sim)
