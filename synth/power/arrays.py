"""Workloads on the ports of arrays, their PEs and their dot products."""

import numpy as np

from insitu.hdl.config import ArrayConfig, Config
from insitu.hdl.config.fields import ceil_div

from .drive import CYCLES, Activity, Script, Sink, Source, stream
from .lanes import flag, late, stack, useful, weights_by_vector
from .numbers import ports_of
from .simulate import LANES, Simulation
from .workloads import Operands, Shape, jobs

__all__ = ["array", "dot", "operands", "pe"]


def operands(config: Config) -> Operands:
    """What workloads draw for an array."""
    return ports_of(config.array).operands()


def _shape(c: ArrayConfig, **size: int) -> Shape:
    return Shape(operands=operands(Config("", c)), **size)


def dot(config: Config, workload: str, sim: Simulation) -> Activity:
    c = config.array
    of = ports_of(c)
    made = jobs(workload, _shape(c, k=c.dot, n=c.col_group, least=1), CYCLES)
    cut = CYCLES + c.pe_latency
    a, b = (x[:, :cut] for x in (stack(made, lambda job: job.a), weights_by_vector(made)))
    ports = {
        "a": of.moving("a", a),
        "b": of.moving("b", b.swapaxes(2, 3).reshape(*a.shape[:2], -1)),
    }
    delay = c.multiplier_latency + c.tree_latency
    out = late(np.einsum("ltk,ltkn->ltn", a, b), delay)
    valid = np.arange(a.shape[1]) >= delay
    macs = useful(made)[:, :cut].sum(axis=0).astype(float)
    return Script(ports, macs, delay, {"o": of.sums(out, c.dot_sum.bits)}, {"o": valid}).run(sim)


def pe(config: Config, workload: str, sim: Simulation) -> Activity:
    c = config.array
    return (_weight_pe if c.flow == "ws" else _output_pe)(c, workload, sim)


def _weight_pe(c: ArrayConfig, workload: str, sim: Simulation) -> Activity:
    """The last row's: weights of all rows pass it, it takes its own; psums come from above."""
    shape = _shape(c, k=c.k_per_tile, n=c.col_group, least=c.rows)
    made = jobs(workload, shape, CYCLES // c.rows + 4)
    m = len(made[0][0].a)
    made = [lane[: CYCLES // m + 3] for lane in made]
    a = stack(made, lambda job: job.a)
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
    above = stack(made, lambda job: job.a[:, : own.start] @ job.b[: own.start])
    total = stack(made, lambda job: job.c)
    psum, of = c.row_psum(c.rows - 1).bits, ports_of(c)
    ports = {
        "a_i": of.moving("a", a[:, :, own]),
        "b_i": of.moving("b", b),
        "load_i": flag(load),
        "swap_i": flag(swap),
    }
    if c.rows > 1:
        ports["psum_i"] = of.sums(late(above, c.pe_latency - 1), c.row_psum(c.rows - 2).bits)
    expected = {"psum_o": of.sums(late(total, c.pe_latency), psum)}
    # The first job's weights are not there.
    warm = m + c.pe_latency
    valid = {"psum_o": np.arange(cycles) >= warm}
    share = useful(made).sum(axis=0) / c.rows
    return Script(ports, share, warm, expected, valid).run(sim)


def _output_pe(c: ArrayConfig, workload: str, sim: Simulation) -> Activity:
    """Dot products of 64 elements deep, one after the other."""
    beats = ceil_div(64, c.dot)
    shape = _shape(c, k=c.dot * beats, n=c.col_group, least=1)
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
    delay, of = c.pe_latency, ports_of(c)
    valid = np.concatenate([np.zeros(delay, bool), ends[:-delay]])
    ports = {
        "a_i": of.moving("a", a),
        "b_i": of.moving("b", b),
        "first_i": flag(late(first, delay - 1)),
    }
    macs = np.repeat([sum(lane[n].useful for lane in made) / beats for n in range(len(made[0]))],
                     beats)  # fmt: skip
    expected = {"total": of.sums(late(total, delay), c.acc_bits)}
    return Script(ports, macs, delay, expected, {"total": valid}).run(sim)


def array(config: Config, workload: str, sim: Simulation) -> Activity:
    c = config.array
    return (_weight_array if c.flow == "ws" else _output_array)(c, workload, sim)


def _weight_array(c: ArrayConfig, workload: str, sim: Simulation) -> Activity:
    shape = _shape(c, k=c.k_per_tile, n=c.cols, least=c.rows)
    warm = c.wave_latency + c.rows
    made = jobs(workload, shape, (CYCLES + warm) // c.rows + 2)
    m = len(made[0][0].a)
    made = [lane[: (CYCLES + warm) // m + 2] for lane in made]
    words = stack(made, lambda job: job.b.reshape(c.rows, c.dot, -1).swapaxes(1, 2))
    count = words.shape[1]
    is_signed, of = int(made[0][0].signed), ports_of(c)
    w = {
        "w": of.stored("b", words.reshape(LANES, count, -1)),
        "b_signed": np.ones((LANES, count, 1), np.uint8),
        "last": flag(np.tile(np.arange(count) % c.rows == c.rows - 1, (LANES, 1))),
    }
    a = stack(made, lambda job: job.a)
    vectors = np.tile(np.arange(a.shape[1]), (LANES, 1))
    fields = {
        "a": of.stored("a", a),
        "a_signed": np.full((*a.shape[:2], 1), is_signed, np.uint8),
        "swap": flag(vectors % m == 0),
        "last": flag(vectors % m == m - 1),
    }
    sink = Sink(sim, of.sums(stack(made, lambda job: job.c), c.psum_bits))
    sources = [Source(sim, "w", w), Source(sim, "a", fields)]
    return stream(sim, sources, sink, useful(made), warm=warm, cycles=CYCLES)


def _output_array(c: ArrayConfig, workload: str, sim: Simulation) -> Activity:
    """Tiles 64 elements deep; a job's B is streamed once more for every tile of its rows."""
    beats = ceil_div(max(64, c.rows * c.dot), c.dot)
    warm = c.wave_latency + beats
    least = c.rows
    count = (CYCLES + warm) // beats + 2
    made = jobs(workload, _shape(c, k=beats * c.dot, n=c.cols, least=least), count)
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
    is_signed, of = int(made[0][0].signed), ports_of(c)
    fields = {
        "a": of.stored("a", a),
        "b": of.stored("b", b),
        "a_signed": np.full((*a.shape[:2], 1), is_signed, np.uint8),
        "b_signed": np.ones((*a.shape[:2], 1), np.uint8),
        "last": flag(np.tile(np.arange(a.shape[1]) % beats == beats - 1, (LANES, 1))),
    }
    sink = Sink(sim, of.sums(c_out, c.acc_bits))
    return stream(sim, [Source(sim, "i", fields)], sink, macs, warm=warm, cycles=CYCLES)
