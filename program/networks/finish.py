"""Where sums are rounded to 8 bits: by the host, or by the machine as onnxruntime does it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.program.target import Target

from . import bounds
from .operators import Lowered

__all__ = ["Finish", "finish"]


@dataclass(frozen=True)
class Finish:
    """``format`` of C: "int32", which the host rounds, or 8 bits; ``why`` the machine does not."""

    format: str
    why: str = ""

    @property
    def on_machine(self) -> bool:
        """Whether the machine rounds."""
        return self.format != "int32"


def finish(target: Target, work: Lowered, b: NDArray[Any] | None) -> Finish:
    """Who rounds the sums of ``work`` on the machine ``target``.

    The machine does if it does so as onnxruntime does: sums become binary32 numbers without loss,
    as all of them are at most 2^24, whatever A is; the weights tell. ``b``: as ``work`` has it,
    ``None`` if it is not known before the node is reached.
    """
    output, n = work.output, work.sizes[2]
    if output is None:
        return Finish("int32")
    if not target.binary32:
        return Finish("int32", "the machine does not round in binary32")
    if b is None:
        return Finish("int32", "B is not constant")
    if any(x is not None and x.size not in (1, n) for x in (work.bias, output.scale)):
        return Finish("int32", "bias or scale differ within the batch")
    if not np.isfinite(output.scale).all():
        return Finish("int32", "a scale is no number")
    # What several descriptors add up is one sum over the K of all of them.
    whole = b.reshape(-1, n) if work.lines is not None else b
    low, high = bounds.sums(whole, work.a_kind, work.a_zero, work.b_zero, work.bias)
    if not bounds.fit_binary32(low, high).all():
        return Finish("int32", "a sum could be more than 2^24")
    return Finish(output.kind.name)
