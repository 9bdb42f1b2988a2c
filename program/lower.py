"""Work as a program: one product, or the layers of a network one after the other."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arguments import refused
from .descriptor import Descriptor
from .layers import Dense
from .memory import Tensor
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


def _banks(target: Target, job: Descriptor) -> range:
    """Those that the whole of its B takes."""
    rows, cols = target.tile
    tiles = -(-job.k // rows) * -(-job.n // cols)
    return range(job.bank_first, job.bank_first + tiles)


def _banked(target: Target, job: Descriptor, bank: int) -> tuple[Descriptor, int, bool]:
    """``job`` with its B from ``bank`` on, the next free one, and whether B stays there.

    What is too large streams through those that are left.
    """
    if not target.banks:
        return job, bank, False
    placed_at = replace(job, bank_first=bank)
    end = _banks(target, placed_at).stop
    if end > target.banks:
        return replace(job, bank_first=min(bank, target.banks - 1)), bank, False
    return placed_at, end, True


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
    what is there.
    """
    calls: list[Call] = []
    image: list[tuple[int, bytes]] = []
    x: Tensor | None = None
    bank = 0
    signed = layers[0].a_zero < 0
    for layer in layers:
        k, n = layer.b.shape
        before = calls[-1].job if calls else None
        m = rows if before is None else before.m * before.n // k
        job = Descriptor(
            m, n, k, has_bias=True, a_signed=signed, b_transposed=target.b_transposed_only,
            a_zero=layer.a_zero if target.zero_points else 0,
        )  # fmt: skip
        if layer.scale is not None:
            form, zero = "int8" if signed else "uint8", layer.c_zero
            job = replace(job, format=form, column_scale=True, zero=zero, low=zero, high=layer.high)
        job, bank, stays = _banked(target, job, bank)
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
    # What streams uses all banks from its first one on, those of others among them.
    streamed = min([c.job.bank_first for c in calls if not c.stays], default=target.banks)
    calls = [replace(c, stays=c.stays and _banks(target, c.job).stop <= streamed) for c in calls]
    return Program(tuple(calls), tuple(image), {"x": x}, {"y": one.outputs["c"]}, base)
