"""Jobs of all lanes as values by cycle or by beat."""

from collections.abc import Callable

import numpy as np

from .drive import Bits, bits
from .workloads import Job

__all__ = ["flag", "late", "stack", "useful", "weights_by_vector"]


def stack(made: list[list[Job]], part: Callable[[Job], np.ndarray]) -> np.ndarray:
    """``part`` of each job, one after the other: [lanes][…]."""
    return np.stack([np.concatenate([part(job) for job in lane]) for lane in made])


def flag(values: np.ndarray) -> Bits:
    return bits(values[..., None].astype(np.int64), 1)


def weights_by_vector(made: list[list[Job]]) -> np.ndarray:
    """Each job's b [k][n], once for each of its vectors."""
    return stack(made, lambda job: np.repeat(job.b[None], len(job.a), axis=0))


def useful(made: list[list[Job]]) -> np.ndarray:
    """Products of each vector: [lanes][vectors]."""
    return stack(made, lambda job: np.full(len(job.a), job.useful))


def late(values: np.ndarray, cycles: int) -> np.ndarray:
    """``values`` [lanes][t][…] so many cycles later, zeros before."""
    late = np.zeros_like(values)
    late[:, cycles:] = values[:, : values.shape[1] - cycles]
    return late
