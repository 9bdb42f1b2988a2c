"""Work as a program: one product, or the layers of a network one after the other."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arguments import DTYPES, elements, integer, refused, stored, vector
from .banks import banked
from .descriptor import Descriptor
from .layers import Dense
from .memory import Tensor
from .options import Options
from .place import PAGE, placed
from .plan import Models, planned
from .program import Call, Program, single
from .target import Target

__all__ = ["chain", "fill", "product"]


def fill(
    target: Target, job: Descriptor, *, tries: int = 1, models: Models | None = None
) -> Descriptor:
    """``job`` with the order and blocks of its plan, where the machine has any."""
    if target.shell is None:
        return job
    return planned(target.shell, job, tries=tries, models=models)


def product(
    target: Target,
    job: Descriptor,
    b: NDArray[Any],
    *,
    bias: NDArray[Any] | None = None,
    scales: NDArray[np.float32] | None = None,
    tries: int = 1,
    models: Models | None = None,
    base: int = 0,
    shared_b: bool = False,
) -> Program:
    """A program of one descriptor, placed and planned; see :func:`.program.single`.

    ``job`` says what is asked for, but no address or stride; blocks and order that it gives stay.
    ``shared_b``: one B serves for the whole batch.
    """
    job = replace(job, b_transposed=job.b_transposed or target.b_transposed_only)
    job, top = placed(target, job, base)
    if shared_b:
        job = replace(job, b_batch=0)
    if not (job.m_block or job.n_block or job.k_block or job.order):
        job = fill(target, job, tries=tries, models=models)
    bits = target.a_bits, target.b_bits
    return single(job, b, bits=bits, bias=bias, scales=scales, top=top)


def _asked(target: Target, layer: Dense, m: int) -> Descriptor:
    """The descriptor of ``layer`` for ``m`` rows, without places.

    ``UserError`` for a layer that the machine cannot compute.
    """
    name = f"layer {layer.name}"
    if layer.a_zero not in (-128, 0):
        raise refused(f"{name}: a_zero", "-128, of int8 activations, or 0, of uint8", layer.a_zero)
    k, n = layer.b.shape
    integer(f"{name}: K", k, 1, target.max_k, " on this machine")
    activations, weights = DTYPES["int8" if layer.a_zero else "uint8"], DTYPES["int8"]
    stored(f"{name}: b", elements(f"{name}: b", layer.b, (2,)), weights)
    vector(f"{name}: bias", layer.bias, n, DTYPES["int32"], target.sum_bits)
    options = Options(a_zero=layer.a_zero)
    if layer.scale is not None:
        vector(f"{name}: scale", layer.scale, n, DTYPES["float32"])
        options = replace(options, format=activations.name, zero=layer.c_zero, low=layer.c_zero)
    job = options.job(target, (m, n, k), activations, weights)
    return replace(job, has_bias=True, column_scale=layer.scale is not None,
                   b_transposed=target.b_transposed_only)  # fmt: skip


def chain(
    target: Target,
    layers: Sequence[Dense],
    rows: int,
    *,
    models: Models | None = None,
    base: int = 0,
    page: int = PAGE,
) -> Program:
    """Layers as a program: input ``x`` of ``rows`` rows, output ``y``, the last layer's sums.

    Each layer reads what the one before wrote, where it is: its rows may be several of those side
    by side. Matrices begin at multiples of ``page`` bytes. ``UserError`` if a layer cannot read
    what is there, or if the machine cannot compute it.
    """
    calls: list[Call] = []
    image: list[tuple[int, bytes]] = []
    x: Tensor | None = None
    zero = layers[0].a_zero
    sizes = [Descriptor(1, layer.b.shape[1], layer.b.shape[0]) for layer in layers]
    for layer, (bank, stays) in zip(layers, banked(target, sizes), strict=True):
        if layer.a_zero != zero or (layer.scale is not None and layer.c_zero != zero):
            raise refused(
                f"layer {layer.name}", f"of zero point {zero}, as the first one", layer.c_zero
            )
        k, n = layer.b.shape
        before = calls[-1].job if calls else None
        m = rows if before is None else before.m * before.n // k
        job = replace(_asked(target, layer, m), bank_first=bank)
        job, base = placed(target, job, base, page=page)
        if before is not None:
            # Where and as it was written: row for row, or several rows without gaps as one.
            if before.m * before.n != m * k or (m != before.m and before.c_stride != before.n):
                raise refused(f"layer {layer.name}", "able to read what the one before writes", k)
            job = replace(job, a=before.c, a_stride=before.c_stride * before.m // m)
        job = fill(target, job, models=models)
        one = single(
            job, layer.b, bits=(target.a_bits, target.b_bits), bias=layer.bias, scales=layer.scale
        )
        x = x or one.inputs["a"]
        image += one.image
        calls.append(Call(layer.name, job, stays))
    assert x is not None
    return Program(tuple(calls), tuple(image), {"x": x}, {"y": one.outputs["c"]}, base)
