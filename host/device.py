"""A machine on a board: matrices in its memory, and products of them."""

import errno
import struct
from dataclasses import astuple, fields
from typing import Any, Self, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insitu.program import registers as r
from insitu.program.arguments import (
    DTYPES,
    HostError,
    integer,
    one_line,
    operand,
    refused,
    scale_of,
    scales_of,
    seconds,
    vector,
)
from insitu.program.program import Program
from insitu.program.window import window

from .board import Board
from .link import PORT_ERRORS, Line, Link, LinkError, Space
from .machine import Machine
from .matrices import Matrices, Matrix
from .options import Options
from .run import Loaded

__all__ = ["BAUD", "Board", "Device", "HostError", "Matrix"]

BAUD = 3_000_000
MAGIC = 0x42534E49  # "INSB"
VERSION = 1
OPERANDS = (DTYPES["int8"], DTYPES["uint8"])


class Device(Matrices):
    """A board behind a line. As a context manager it is closed at the end.

    Parameters
    ----------
    line : Line
        Of bytes.
    timeout, retries : float, int
        As of :class:`~insitu.host.link.Link`.
    patience : float
        Seconds for a product.

    Attributes
    ----------
    board : Board

    Raises
    ------
    HostError
        Here and in all methods: one line that says what is wrong. A mistake in an argument is found
        before anything is sent; whatever fails, memory that the call took is free again.
    """

    def __init__(
        self, line: Line, *, timeout: float = 0.5, retries: int = 3, patience: float = 10.0
    ) -> None:
        link = Link(line, timeout=timeout, retries=retries)
        machine = Machine(link, patience)
        link.hello()
        magic, version, memory, words, clock = struct.unpack("<5I", link.read(Space.BOARD, 0, 20))
        if (magic, version) != (MAGIC, VERSION):
            raise LinkError(f"board: must be version {VERSION} of this protocol, not {version}")
        link.words = words
        board = Board.read(machine.register, memory, clock)
        machine.begin(board.engine)
        super().__init__(link, board, machine)

    @classmethod
    def open(
        cls,
        port: str,
        baud: int = BAUD,
        *,
        timeout: float = 0.5,
        retries: int = 3,
        patience: float = 10.0,
    ) -> Self:
        """A board at serial port ``port``, for example ``/dev/ttyUSB0``, which no other may use."""
        if not isinstance(port, str):
            raise refused("port", "the name of a serial port", port)
        baud, timeout = integer("baud", baud, 1, (1 << 31) - 1), seconds("timeout", timeout)
        try:
            from serial import Serial
        except ImportError as error:
            raise HostError(f"pyserial: must be installed to open a port ({error})") from None
        name = port if port.isprintable() and port else repr(port)
        try:
            line = Serial(port, baud, exclusive=True, write_timeout=timeout)
        except (*PORT_ERRORS, ValueError, OverflowError) as error:
            if getattr(error, "errno", None) == errno.EWOULDBLOCK:  # of the lock
                raise LinkError(f"port: must not be in use, {name} is") from None
            raise LinkError(
                f"port: must open at {baud} baud, {name} does not ({one_line(str(error))})"
            ) from None
        try:
            return cls(line, timeout=timeout, retries=retries, patience=patience)
        except BaseException:
            line.close()
            raise

    def close(self) -> None:
        """Let others have the line; the device cannot be used after that."""
        self.link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def counters(self) -> r.Counters:
        """Of the last product, or the sums of the last ``matmul``."""
        return self.machine.counters

    # --- Programs ---

    def load(self, program: Program) -> Loaded:
        """Put what ``program`` begins with into memory; it can be run then, again and again.

        Its memory, from the bytes in ``used`` up to its top, is taken until :meth:`clear`.
        ``HostError`` if it lies on matrices that are there, or beyond the memory.
        """
        tensors = [*program.inputs.values(), *program.outputs.values()]
        least = min([t.address for t in tensors] + [address for address, _ in program.image])
        if least < self.used:
            raise HostError(f"program: must lie behind {self.used} bytes in use, not at {least}")
        self.take(program.top)
        self.machine.settle()
        return Loaded(self, program)

    # --- Products ---

    def gemm(
        self,
        a: Matrix,
        b: Matrix,
        *,
        bias: Matrix | None = None,
        scale: float | Matrix = 1.0,
        format: str = "int32",
        a_zero: SupportsIndex = 0,
        b_zero: SupportsIndex = 0,
        zero: SupportsIndex = 0,
        low: SupportsIndex | None = None,
        high: SupportsIndex | None = None,
    ) -> Matrix:
        """A · B + bias in the board's memory; see ``docs/programming.md``.

        ``a``, ``b``: int8 or uint8; ``bias``: a row of int32, one a column. ``scale``: of the
        8-bit formats, one or a row of float32; ``low``, ``high``: bounds of these, all that the
        format has if left out. ``counters`` are those of this product then.
        """
        for name, matrix in (("a", a), ("b", b)):
            self.check(name, matrix)
            if matrix.dtype not in OPERANDS:
                raise refused(name, "of int8 or uint8", matrix, matrix.dtype.name)
            if (matrix.address | matrix.stride) % self.board.word:
                raise refused(name, f"in rows of whole {self.board.word} bytes", matrix)
        self._check_k(a.cols, b.rows)
        if a.transposed and not self.board.a_transposed:
            raise HostError("a: must not be stored transposed on this board; use put()")
        if self.board.b_transposed_only and not b.transposed:
            raise HostError("b: must be stored transposed on this board; use put_weights()")
        if b.transposed and not self.board.b_transposed:
            raise HostError("b: must not be stored transposed on this board; use put()")
        options = Options(format, a_zero, b_zero, zero, low, high)
        values = options.fields(self.board, a.dtype, b.dtype)
        if bias is not None:
            self._check_row("bias", bias, b.cols, DTYPES["int32"])
        if isinstance(scale, Matrix):
            self._check_row("scale", scale, b.cols, DTYPES["float32"])
        else:
            scale = scale_of("scale", scale)
        options.check_scale(scale)
        return self._product(a, b, bias, scale, options.dtype, values)

    def _check_k(self, k: int, rows: int) -> None:
        if k != rows:
            raise HostError(f"a, b: must agree in K, not {k} and {rows}")
        integer("K", k, 1, self.board.max_k, " on this board")

    def _check_row(self, name: str, matrix: Any, n: int, dtype: np.dtype) -> None:
        self.check(name, matrix)
        if (matrix.rows, matrix.cols) != (1, n) or matrix.dtype != dtype or matrix.transposed:
            raise refused(name, f"a row of {n} {dtype.name}, one for each column of b", matrix)

    def _product(
        self,
        a: Matrix,
        b: Matrix,
        bias: Matrix | None,
        scale: float | Matrix,
        dtype: np.dtype,
        values: dict[str, int],
    ) -> Matrix:
        """C of what was checked; ``values``: fields of the descriptor that follow from options."""
        with self._given_back():
            c = self._empty(a.rows, b.cols, dtype)
            values = values | {
                "flags_version": 1,
                "flags_a_transposed": int(a.transposed),
                "flags_b_transposed": int(b.transposed),
                "flags_load_b": 1,
                "m": a.rows,
                "n": b.cols,
                "k": a.cols,
                "batch": 1,
            }
            for name, matrix in (("a", a), ("b", b), ("c", c)):
                values |= {f"{name}_low": matrix.address, f"{name}_stride": matrix.stride}
            if bias is not None:
                values |= {"flags_bias": 1, "bias_low": bias.address}
            if isinstance(scale, Matrix):
                values |= {"flags_column_scale": 1, "scale": scale.address}
            else:
                values |= {"scale": int(np.float32(scale).view(np.uint32))}
            self.machine.settle()
            self.machine.run(window(**values))
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
        values = chosen.fields(self.board, left.dtype, right.dtype)
        n = right.shape[1]
        bits = self.board.sum_bits
        biases = None if bias is None else vector("bias", bias, n, DTYPES["int32"], bits)
        scales = scales_of("scale", scale, n)
        chosen.check_scale(scales)
        with self._given_back(always=True):
            return self._in_parts(left, right, biases, scales, chosen.dtype, values)

    def _in_parts(
        self,
        left: NDArray[Any],
        right: NDArray[Any],
        biases: NDArray[Any] | None,
        scales: float | NDArray[Any],
        dtype: np.dtype,
        values: dict[str, int],
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
                rows.append(self.get(self._product(upper, part, bias, scale, dtype, values)))
                total += np.array(astuple(self.counters))
            found.append(np.concatenate(rows))
        self.machine.counters = r.Counters(*(int(x) for x in total))
        return np.concatenate(found, axis=1)
