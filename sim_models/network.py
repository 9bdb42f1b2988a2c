"""Layers of a network on a machine: where matrices lie, which plan, how many cycles and words."""

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, replace
from typing import Any

from insitu.hdl.config import MachineConfig, UserError
from insitu.hdl.config.fields import ceil_div

from . import traffic
from .descriptor import Descriptor
from .plan import planned
from .timing.run import Timing, temporal
from .workloads import Gemm, load

__all__ = ["WORDS", "LayerModel", "parts", "placed", "run_layers"]

PAGE = 4096  # a matrix begins at a page
WORDS = ("a_words", "b_words", "d_words", "column_words", "c_words")  # that cross the bus
LINE = 64  # rows are multiples of this many bytes apart, or a power of two if they are shorter


def _stride(config: MachineConfig, elements: int, bits: int) -> int:
    length = ceil_div(elements * bits, 8)
    if length <= LINE:
        return max(config.bus_bytes, 1 << (length - 1).bit_length())
    return ceil_div(length, LINE) * LINE


def placed(config: MachineConfig, job: Descriptor, base: int = 0) -> tuple[Descriptor, int]:
    """``job`` with its matrices one behind the other from ``base`` on, and where they end."""
    end = base

    def place(rows: int, elements: int, bits: int, batch: int) -> tuple[int, int, int]:
        nonlocal end
        start = ceil_div(end, PAGE) * PAGE
        stride = _stride(config, elements, bits)
        end = start + rows * stride * batch
        return start, stride, rows * stride

    array = config.array
    a = (job.k, job.m) if job.a_transposed else (job.m, job.k)
    b = (job.n, job.k) if job.b_transposed else (job.k, job.n)
    c_bits = 32 if job.format == "int32" else 8
    for x, (rows, elements), bits in (
        ("a", a, array.a.bits),
        ("b", b, array.b.bits),
        ("c", (job.m, job.n), c_bits),
        ("d", (job.m, job.n), 32),
    ):
        if x == "d" and not job.addend:
            continue
        start, stride, step = place(rows, elements, bits, job.batch)
        given: dict[str, Any] = {x: start, f"{x}_stride": stride, f"{x}_batch": step}
        job = replace(job, **given)
    if job.has_bias:
        job = replace(job, bias=place(1, job.n, 32, 1)[0])
    if job.column_scale and job.format != "int32":
        job = replace(job, scales=place(1, job.n, 32, 1)[0])
    return job, end


def parts(config: MachineConfig, job: Descriptor) -> list[Descriptor]:
    """``job``, or if its K is refused, as its sums could overflow, parts of it one after the other.

    All but the last write int32 sums, all but the first add to these.
    """
    most = config.array.max_k
    if job.k <= most:
        return [job]
    step = most // LINE * LINE or most
    sizes = [min(step, job.k - at) for at in range(0, job.k, step)]
    first = replace(job, k=sizes[0], has_bias=False, column_scale=False, format="int32")
    between = [replace(first, k=k, addend=True) for k in sizes[1:-1]]
    return [first, *between, replace(job, k=sizes[-1], addend=True)]


@dataclass(frozen=True)
class LayerModel:
    """A layer as the models see it; counters of one repeat of all its batch.

    ``job``: its descriptor, or the first one if its K takes several, see :func:`parts`.
    """

    gemm: Gemm
    job: Descriptor
    timing: Timing
    counters: dict[str, int]

    @property
    def words(self) -> int:
        """Bus words read and written."""
        return sum(self.counters[name] for name in WORDS)


def run_layers(
    config: MachineConfig, name: str, *, a_transposed: bool = False
) -> Iterator[LayerModel]:
    """Layers of network ``name``, 8 bits in and out, with a bias; each alone, by its plan.

    ``a_transposed``: activations are stored K × M. Equal layers are modelled once, on all cores.

    ``name`` may be a file, see :mod:`insitu.sim_models.workloads`. ``UserError`` if there is no
    such network, or if a layer's matrices are more than the machine can address.
    """
    layers, jobs = [], {}
    for gemm in load(name):
        job = Descriptor(
            gemm.m,
            gemm.n,
            gemm.k,
            batch=gemm.batch,
            a_transposed=a_transposed,
            b_transposed=gemm.b_transposed,
            format="int8",
            has_bias=True,
        )
        room, most = placed(config, job)[1], 1 << config.addr_bits
        if room > most:
            raise UserError(
                f"WORKLOAD: layer {gemm.layer}: must be within {most} bytes, as "
                f"machine.addr_bits = {config.addr_bits}, not {room}"
            )
        layers.append((gemm, job))
        jobs[job] = gemm

    def model(job: Descriptor) -> LayerModel:
        done = [planned(config, placed(config, part)[0]) for part in parts(config, job)]
        counted: Counter[str] = Counter()
        for part in done:
            counted.update(traffic.counters(config, part))
        times = [astuple(t) for t in temporal(config, done)]
        timing = Timing(*(sum(x) for x in zip(*times, strict=True)))
        return LayerModel(jobs[job], done[0], timing, dict(counted))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        models = {job: pool.submit(model, job) for job in jobs}
        try:
            for gemm, job in layers:
                yield replace(models[job].result(), gemm=gemm)
        finally:
            pool.shutdown(cancel_futures=True)
