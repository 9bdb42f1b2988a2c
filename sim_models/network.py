"""Layers of a network on a machine: where matrices lie, which plan, how many cycles and words."""

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, replace

from insitu.hdl.config import MachineConfig, UserError
from insitu.program.descriptor import Descriptor
from insitu.program.place import parts, placed
from insitu.sim_models.exact import planned

from . import traffic
from .timing.run import Timing, temporal
from .workloads import Gemm, load

__all__ = ["WORDS", "LayerModel", "run_layers"]

WORDS = ("a_words", "b_words", "d_words", "column_words", "c_words")  # that cross the bus


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
