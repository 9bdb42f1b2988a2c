"""Workloads on the ports of compute-in-memory tiles and their columns."""

import numpy as np

from insitu.hdl.config import Config, UserError
from insitu.hdl.config.fields import ceil_div

from .drive import CYCLES, Activity, Script, Sink, Source, bits, stream
from .lanes import flag, late, stack, useful, weights_by_vector
from .simulate import LANES, Simulation
from .workloads import Operands, Shape, jobs

__all__ = ["column", "operands", "tile"]


def operands(config: Config) -> Operands:
    """Signed activations; ``UserError`` for columns with a converter, whose sums are not exact."""
    c = config.cim
    if c.adc_bits:
        raise UserError("cim.adc_bits: must be 0 for a workload, whose sums are checked")
    return Operands(c.a.values, c.b.values, (1 << c.act_bits) - 1)


def tile(config: Config, workload: str, sim: Simulation) -> Activity:
    """Vectors of all planes; a job's weights are written to the next bank while others are used."""
    c = config.cim
    least = max(8, ceil_div(c.rows, c.act_bits))
    warm = 2 * c.rows + c.latency
    shape = Shape(c.rows, c.cols, least, operands(config))
    made = jobs(workload, shape, 2 + CYCLES // (8 if c.skip else least * c.act_bits))
    m = len(made[0][0].a)
    count = len(made[0])
    rows = np.tile(np.arange(count * c.rows), (LANES, 1))
    w = {
        "bank": bits((rows // c.rows % c.banks)[..., None], max(1, (c.banks - 1).bit_length())),
        "row": bits((rows % c.rows)[..., None], max(1, (c.rows - 1).bit_length())),
        "w": bits(stack(made, lambda job: job.b), c.weight.bits),
    }
    a = stack(made, lambda job: job.a)
    at = np.tile(np.arange(a.shape[1]), (LANES, 1))
    planes = np.full((*a.shape[:2], 1), c.act_bits)
    fields = {
        "a": bits(a, c.act_bits),
        "bank": bits((at // m % c.banks)[..., None], max(1, (c.banks - 1).bit_length())),
        "planes": bits(planes, c.act_bits.bit_length()),
        "signed": np.full((*a.shape[:2], 1), int(made[0][0].signed), np.uint8),
    }
    sink = Sink(sim, bits(stack(made, lambda job: job.c), c.out_bits))
    writes, vectors = Source(sim, "w", w), Source(sim, "a", fields)

    def gate() -> None:
        writes.limit = np.minimum((sink.taken // m + c.banks) * c.rows, writes.beats)
        vectors.limit = writes.sent // c.rows * m

    sources = [writes, vectors]
    return stream(sim, sources, sink, useful(made), warm=warm, cycles=CYCLES, gate=gate)


def column(config: Config, workload: str, sim: Simulation) -> Activity:
    """Vectors of all planes, the highest first; a new set of weights per job."""
    c = config.cim
    shape = Shape(c.rows, 1, 1, operands(config))
    made = jobs(workload, shape, CYCLES // c.act_bits + 3)
    a = stack(made, lambda job: job.a)[:, : CYCLES // c.act_bits + 3]
    b = weights_by_vector(made)[:, : a.shape[1], :, 0]
    order = np.arange(c.act_bits)[::-1]
    cycles = a.shape[1] * c.act_bits
    plane = (a[:, :, None, :] >> order[:, None]) & 1
    index = np.tile(order, (LANES, a.shape[1]))
    first = index == c.act_bits - 1
    delay = c.column_latency
    ports = {
        "plane": plane.reshape(LANES, cycles, -1).astype(np.uint8),
        "w": bits(np.repeat(b, c.act_bits, axis=1), c.weight.bits),
        "valid": np.ones((LANES, cycles, 1), np.uint8),
        "first": flag(late(first, delay - 1)),
        "negate": flag(late(first & made[0][0].signed, delay - 1)),
    }
    if c.skip:
        width = max(1, (c.act_bits - 1).bit_length())
        ports["index"] = bits(late(index, delay - 3)[..., None], width)
    total = np.repeat(np.einsum("ltk,ltk->lt", a, b), c.act_bits, axis=1)
    ends = index[0] == 0
    valid = np.concatenate([np.zeros(delay, bool), ends[:-delay]])
    macs = np.repeat(useful(made)[:, : a.shape[1]].sum(axis=0), c.act_bits) / c.act_bits
    expected = {"total": bits(late(total, delay)[..., None], c.out_bits)}
    warm = delay + c.act_bits
    return Script(ports, macs, warm, expected, {"total": valid}).run(sim)
