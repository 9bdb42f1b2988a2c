"""Products of matrices in the memory of a board."""

from collections.abc import Sequence
from dataclasses import astuple, fields, replace
from functools import cached_property
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insitu.program import registers as r
from insitu.program.arguments import (
    DTYPES,
    HostError,
    integer,
    operand,
    refused,
    scale_of,
    scales_of,
    vector,
)
from insitu.program.descriptor import Descriptor
from insitu.program.lower import fill
from insitu.program.options import Options
from insitu.program.target import Target

from .matrices import Matrices, Matrix

__all__ = ["Products"]

OPERANDS = (DTYPES["int8"], DTYPES["uint8"])


class Products(Matrices):
    """Matrices in a board's memory, and products of them; arguments as of :class:`Matrices`."""

    @property
    def counters(self) -> r.Counters:
        """Of the last product, or the sums of the last ``matmul``."""
        return self.machine.counters

    @cached_property
    def target(self) -> Target:
        """What programs and plans are made for: the board's configuration, if that is known."""
        return self.board.target()

    def gemm(
        self,
        a: Matrix,
        b: Matrix,
        *,
        bias: Matrix | None = None,
        d: Matrix | None = None,
        scale: float | Matrix = 1.0,
        format: str = "int32",
        a_zero: SupportsIndex = 0,
        b_zero: SupportsIndex = 0,
        zero: SupportsIndex = 0,
        low: SupportsIndex | None = None,
        high: SupportsIndex | None = None,
        binary32: bool = False,
        order: SupportsIndex | None = None,
        blocks: Sequence[SupportsIndex] | None = None,
        bank: SupportsIndex = 0,
        load_b: bool = True,
    ) -> Matrix:
        """A · B + bias + D in the board's memory; see ``docs/programming.md``.

        ``a``, ``b``: int8 or uint8, batches of as many matrices, or one B for all; ``bias``: a row
        of int32, one a column; ``d``: int32, of C's size. ``scale``: of the 8-bit formats, one or a
        row of float32; ``low``, ``high``: bounds of these, all that the format has if left out.
        ``order``, ``blocks`` (of M, N, K, 0 for the machine's own): by a plan if both are left out
        and the board's configuration is known. ``bank``: first one of B on machines with banks;
        ``load_b`` false: it is in the banks still, from a product before. ``counters`` are those of
        this product then.
        """
        for name, matrix in (("a", a), ("b", b)):
            self.check(name, matrix)
            if matrix.dtype not in OPERANDS:
                raise refused(name, "of int8 or uint8", matrix, matrix.dtype.name)
            if (matrix.address | matrix.stride) % self.board.word:
                raise refused(name, f"in rows of whole {self.board.word} bytes", matrix)
        self._check_k(a.cols, b.rows)
        if b.count not in (1, a.count):
            raise HostError(f"a, b: must be batches of one size, not {a.count} and {b.count}")
        if a.transposed and not self.board.a_transposed:
            raise HostError("a: must not be stored transposed on this board; use put()")
        if self.board.b_transposed_only and not b.transposed:
            raise HostError("b: must be stored transposed on this board; use put_weights()")
        if b.transposed and not self.board.b_transposed:
            raise HostError("b: must not be stored transposed on this board; use put()")
        options = Options(format, a_zero, b_zero, zero, low, high, binary32)
        job = self._job(options, (a.rows, b.cols, a.cols), a.dtype, b.dtype)
        if bias is not None:
            self._check_row("bias", bias, b.cols, DTYPES["int32"])
        if d is not None:
            self._check_d(d, a.count, job)
        if isinstance(scale, Matrix):
            self._check_row("scale", scale, b.cols, DTYPES["float32"])
        else:
            scale = scale_of("scale", scale)
        options.check_scale(scale)
        job = replace(job, batch=a.count, load_b=bool(load_b),
                      bank_first=integer("bank", bank, 0, (1 << 16) - 1))  # fmt: skip
        if order is not None or blocks is not None:
            job = _with_blocks(job, order or 0, blocks or (0, 0, 0))
        else:
            job = fill(self.target, job)
        return self._product(job, a, b, bias, scale, options.dtype, d)

    def _job(
        self, options: Options, sizes: tuple[int, int, int], a: np.dtype, b: np.dtype
    ) -> Descriptor:
        for name, bits in (("a", self.board.a_bits), ("b", self.board.b_bits)):
            if bits != 8:
                raise HostError(
                    f"{name}: must be of {bits} bits on this board, which this driver cannot do"
                )
        return options.job(self.target, sizes, a, b)

    def _check_k(self, k: int, rows: int) -> None:
        if k != rows:
            raise HostError(f"a, b: must agree in K, not {k} and {rows}")
        integer("K", k, 1, self.board.max_k, " on this machine")

    def _check_row(self, name: str, matrix: Any, n: int, dtype: np.dtype) -> None:
        self.check(name, matrix)
        if (matrix.rows, matrix.cols) != (1, n) or matrix.dtype != dtype or matrix.transposed:
            raise refused(name, f"a row of {n} {dtype.name}, one for each column of b", matrix)

    def _check_d(self, d: Matrix, count: int, job: Descriptor) -> None:
        self.check("d", d)
        good = (d.rows, d.cols, d.count) == (job.m, job.n, count) and not d.transposed
        if not good or d.dtype != DTYPES["int32"]:
            raise refused("d", f"int32 of {job.m} × {job.n}, as the product", d)

    def _product(
        self,
        job: Descriptor,
        a: Matrix,
        b: Matrix,
        bias: Matrix | None,
        scale: float | Matrix,
        dtype: np.dtype,
        d: Matrix | None = None,
    ) -> Matrix:
        """C of what was checked; ``job``: all that follows from sizes and options."""
        with self._given_back():
            c = self._empty(a.rows, b.cols, dtype, a.count)
            job = replace(job, a_transposed=a.transposed, b_transposed=b.transposed)
            places: dict[str, Any] = {}
            for name, matrix in (("a", a), ("b", b), ("c", c), ("d", d)):
                if matrix is not None:
                    places |= {name: matrix.address, f"{name}_stride": matrix.stride}
                    places[f"{name}_batch"] = matrix.step if matrix.count > 1 else 0
            job = replace(job, **places, addend=d is not None)
            if bias is not None:
                job = replace(job, has_bias=True, bias=bias.address)
            if isinstance(scale, Matrix):
                job = replace(job, column_scale=True, scales=scale.address)
            else:
                job = replace(job, scale=scale)
            self.machine.settle()
            self.machine.run(job.words())
        return c

    def matmul(self, a: ArrayLike, b: ArrayLike, *, bias: ArrayLike | None = None,
               scale: float | ArrayLike = 1.0, **options: Any) -> NDArray[Any]:  # fmt: skip
        """``a`` · ``b`` (+ ``bias``) of arrays of any size that K allows, in parts if need be.

        ``a`` (M × K, or a vector as a row) and ``b`` (K × N) are integers of any type; those of a
        type without sign must be 0 to 255, others -128 to 127. ``bias``: N integers as of sums;
        ``scale``: one number, or N. ``options``: as of :meth:`gemm`. ``counters`` are the sums over
        the parts.
        """
        left, right = operand("a", a, (1, 2)), operand("b", b, (2,))
        self._check_k(left.shape[1], len(right))
        chosen = Options(**options)
        job = self._job(chosen, (1, right.shape[1], len(right)), left.dtype, right.dtype)
        n = right.shape[1]
        bits = self.board.sum_bits
        biases = None if bias is None else vector("bias", bias, n, DTYPES["int32"], bits)
        scales = scales_of("scale", scale, n)
        chosen.check_scale(scales)
        with self._given_back(always=True):
            return self._in_parts(left, right, biases, scales, chosen.dtype, job)

    def _in_parts(
        self,
        left: NDArray[Any],
        right: NDArray[Any],
        biases: NDArray[Any] | None,
        scales: float | NDArray[Any],
        dtype: np.dtype,
        job: Descriptor,
    ) -> NDArray[Any]:
        start, (k, n) = self.used, right.shape
        room = self.board.memory - start

        def kept_for(n: int) -> int:  # columns of B, their biases and scales
            rows, cols = (n, k) if self.board.b_transposed_only else (k, n)
            return rows * self.stride(cols) + 2 * self.stride(4 * n)

        while n > 1 and kept_for(n) > room // 2:
            n = -(-n // 2)
        row = self.stride(k) + self.stride(n * dtype.itemsize)
        m = min(len(left), (room - kept_for(n)) // row)
        if m < 1:
            raise HostError(f"K: must leave room for a row and a column, not {k}")
        total = np.zeros(len(fields(r.Counters)), np.int64)
        found = []
        for first in range(0, right.shape[1], n):
            here = np.s_[:, first : first + n]
            self.clear(start)
            part = self._put_weights(right[here])
            bias = None if biases is None else self._put(biases[here])
            scale = scales if isinstance(scales, float) else self._put(scales[here])
            rows, kept = [], self.used
            for top in range(0, len(left), m):
                self.clear(kept)
                upper = self._put(left[top : top + m])
                here_job = fill(self.target, replace(job, m=upper.rows, n=part.cols))
                c = self._product(here_job, upper, part, bias, scale, dtype)
                rows.append(self.get(c))
                total += np.array(astuple(self.counters))
            found.append(np.concatenate(rows))
        self.machine.counters = r.Counters(*(int(x) for x in total))
        return np.concatenate(found, axis=1)


def _with_blocks(
    job: Descriptor, order: SupportsIndex, blocks: Sequence[SupportsIndex]
) -> Descriptor:
    """``job`` with an order and blocks of its caller's; the machine refuses what it cannot hold."""
    order = integer("order", order, 0, 1)
    if not isinstance(blocks, list | tuple) or len(blocks) != 3:
        raise refused("blocks", "three integers, of M, N and K", blocks)
    m, n, k = (integer("blocks", block, 0, (1 << 13) - 1) for block in blocks)
    return replace(job, order=order, m_block=m, n_block=n, k_block=k)
