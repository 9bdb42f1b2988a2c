"""A machine on a board: matrices in its memory, and products of them."""

import struct
import time
from dataclasses import astuple, dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import registers as r
from .descriptor import window
from .link import HostError, Line, Link, LinkError, Space

__all__ = ["BAUD", "Board", "Device", "Matrix"]

BAUD = 3_000_000
MAGIC = 0x42534E49  # "INSB"
VERSION = 1
FORMATS = {"int32": 0, "int8": 1, "uint8": 2}
DTYPES: dict[str, Any] = {"int32": np.int32, "int8": np.int8, "uint8": np.uint8}


@dataclass(frozen=True)
class Board:
    """What a board says about itself.

    ``memory``: bytes; ``clock_hz``: of the machine; ``rows``, ``cols``, ``dot``: of its array;
    ``word``: bytes of its bus; ``max_k``: largest K; ``b_transposed_only``: B is stored N × K.
    """

    memory: int
    clock_hz: int
    rows: int
    cols: int
    dot: int
    word: int
    max_k: int
    zero_points: bool
    either_sign: bool
    short_counters: bool
    b_transposed_only: bool
    config_hash: int


@dataclass(frozen=True)
class Matrix:
    """A matrix in the board's memory: ``rows`` of ``cols``, ``stride`` bytes apart.

    ``transposed``: its columns are what is stored one after another.
    """

    address: int
    rows: int
    cols: int
    stride: int
    dtype: np.dtype
    transposed: bool = False

    def reshaped(self, rows: int, cols: int) -> "Matrix":
        """The same bytes as ``rows`` × ``cols``; rows must follow each other without gaps."""
        size = self.dtype.itemsize
        whole = self.stride == self.cols * size and not self.transposed
        if not whole or rows * cols != self.rows * self.cols:
            raise HostError(
                f"reshape: must keep {self.rows} × {self.cols} elements without gaps, "
                f"not {rows} × {cols} of rows {self.stride} bytes apart"
            )
        return replace(self, rows=rows, cols=cols, stride=cols * size)


def _field(word: int, field: r.Field) -> int:
    return word >> field.low & (1 << field.bits) - 1


class Device:
    """A board behind a line.

    Parameters
    ----------
    line : Line
        Of bytes.
    timeout, retries : float, int
        As of :class:`~host.link.Link`.
    patience : float
        Seconds for a product.

    Attributes
    ----------
    board : Board
    counters : Counters
        Of the last product.

    Raises
    ------
    HostError
        Here and in all methods: one line that says what is wrong.
    """

    def __init__(
        self, line: Line, *, timeout: float = 0.5, retries: int = 3, patience: float = 10.0
    ) -> None:
        self.link = Link(line, timeout=timeout, retries=retries)
        self._patience, self._free, self._tag = patience, 0, 0
        self.counters = r.Counters()
        self.link.hello()
        magic, version, memory, words, clock = struct.unpack(
            "<5I", self.link.read(Space.BOARD, 0, 20)
        )
        if (magic, version) != (MAGIC, VERSION):
            raise LinkError(f"board: must be version {VERSION} of this protocol, not {version}")
        self.link.words = words
        capabilities, geometry = self._register(r.CAPABILITIES), self._register(r.GEOMETRY)
        self._names = r.counter_names(_field(capabilities, r.CAPABILITIES_ENGINE))
        self.board = Board(
            memory=memory,
            clock_hz=clock,
            rows=_field(geometry, r.GEOMETRY_ROWS),
            cols=_field(geometry, r.GEOMETRY_COLS),
            dot=_field(geometry, r.GEOMETRY_DOT),
            word=1 << _field(capabilities, r.CAPABILITIES_WORD_LOG2),
            max_k=self._register(r.MAX_K),
            zero_points=bool(_field(capabilities, r.CAPABILITIES_ZERO_POINTS)),
            either_sign=bool(_field(capabilities, r.CAPABILITIES_A_EITHER_SIGN)),
            short_counters=bool(_field(capabilities, r.CAPABILITIES_SHORT_COUNTERS)),
            b_transposed_only=bool(_field(self._register(r.PROFILE), r.PROFILE_B_TRANSPOSED_ONLY)),
            config_hash=self._register(r.CONFIG_HASH),
        )
        while self._register(r.COMPLETION) >> r.COMPLETION_VALID.low:
            self._set(r.COMPLETION_POP, 1)

    @classmethod
    def open(cls, port: str, baud: int = BAUD, **options: Any) -> Self:
        """A board at serial port ``port``, for example ``/dev/ttyUSB0``."""
        import serial

        try:
            line = serial.Serial(port, baud)
        except (serial.SerialException, ValueError) as error:
            raise LinkError(f"port: must open at {baud} baud, {port} does not ({error})") from None
        return cls(line, **options)

    def _register(self, address: int) -> int:
        return int.from_bytes(self.link.read(Space.REGISTERS, address, 4), "little")

    def _set(self, address: int, value: int) -> None:
        self.link.write(Space.REGISTERS, address, value.to_bytes(4, "little"))

    # --- Memory ---

    def clear(self, to: int = 0) -> None:
        """Forget all matrices from address ``to`` on."""
        self._free = to

    @property
    def used(self) -> int:
        """Bytes taken by matrices."""
        return self._free

    def _take(self, size: int) -> int:
        start = self._free
        if start + size > self.board.memory:
            raise HostError(
                f"memory: must hold {start + size} bytes, not {self.board.memory}; "
                "forget matrices with clear()"
            )
        self._free = start + self.stride(size)
        return start

    def stride(self, size: int) -> int:
        """Bytes from a row of ``size`` bytes to the next one: whole words of the bus."""
        return -(-size // self.board.word) * self.board.word

    def empty(self, rows: int, cols: int, dtype: Any) -> Matrix:
        """A matrix whose elements are not defined."""
        kind = np.dtype(dtype)
        stride = self.stride(cols * kind.itemsize)
        return Matrix(self._take(rows * stride), rows, cols, stride, kind)

    def put(self, values: ArrayLike, dtype: Any = None) -> Matrix:
        """A matrix of ``values``, rows × columns; a vector is a row."""
        array = np.atleast_2d(np.asarray(values, dtype))
        if array.ndim != 2 or array.dtype.kind not in "iuf" or array.dtype.itemsize not in (1, 4):
            raise HostError(
                f"matrix: must be 2-dimensional of 1 or 4 bytes, not {array.ndim} of {array.dtype}"
            )
        found = self.empty(array.shape[0], array.shape[1], array.dtype)
        raw = np.zeros((found.rows, found.stride), np.uint8)
        raw[:, : found.cols * found.dtype.itemsize] = (
            np.ascontiguousarray(array).view(np.uint8).reshape(found.rows, -1)
        )
        self.link.write(Space.MEMORY, found.address, raw.tobytes())
        return found

    def put_weights(self, values: ArrayLike, dtype: Any = None) -> Matrix:
        """A matrix to be B of products, as the board wants it stored."""
        if not self.board.b_transposed_only:
            return self.put(values, dtype)
        stored = self.put(np.atleast_2d(np.asarray(values, dtype)).T)
        return replace(stored, rows=stored.cols, cols=stored.rows, transposed=True)

    def get(self, matrix: Matrix) -> NDArray[Any]:
        """Its values."""
        rows, cols = matrix.rows, matrix.cols
        if matrix.transposed:
            rows, cols = cols, rows
        raw = self.link.read(Space.MEMORY, matrix.address, rows * matrix.stride)
        stored = np.frombuffer(raw, np.uint8).reshape(rows, matrix.stride)
        used = np.ascontiguousarray(stored[:, : cols * matrix.dtype.itemsize]).view(matrix.dtype)
        return used.T if matrix.transposed else used

    # --- Products ---

    def gemm(
        self,
        a: Matrix,
        b: Matrix,
        *,
        bias: Matrix | None = None,
        scale: float | Matrix = 1.0,
        format: str = "int32",
        a_zero: int = 0,
        b_zero: int = 0,
        zero: int = 0,
        low: int = -128,
        high: int = 127,
    ) -> Matrix:
        """A · B + bias in the board's memory; see ``docs/programming.md``.

        ``scale``: of the 8-bit formats, one or as many as columns (float32). ``counters`` are those
        of this product then.
        """
        if a.cols != b.rows:
            raise HostError(f"a, b: must agree in K, not {a.cols} and {b.rows}")
        if self.board.b_transposed_only and not b.transposed:
            raise HostError("b: must be stored transposed on this board; use put_weights()")
        if format not in FORMATS:
            raise HostError(f"format: must be one of {', '.join(FORMATS)}, not {format!r}")
        c = self.empty(a.rows, b.cols, DTYPES[format])
        values: dict[str, int] = {
            "flags_version": 1,
            "flags_a_transposed": int(a.transposed),
            "flags_b_transposed": int(b.transposed),
            "flags_a_signed": int(a.dtype.kind == "i"),
            "flags_b_signed": int(b.dtype.kind == "i"),
            "flags_format": FORMATS[format],
            "flags_load_b": 1,
            "m": a.rows,
            "n": b.cols,
            "k": a.cols,
            "batch": 1,
            "zeros_a": a_zero,
            "zeros_b": b_zero,
            "clamp_zero": zero,
            "clamp_low": low,
            "clamp_high": high,
        }
        for name, matrix in (("a", a), ("b", b), ("c", c)):
            values |= {f"{name}_low": matrix.address, f"{name}_stride": matrix.stride}
        if bias is not None:
            values |= {"flags_bias": 1, "bias_low": bias.address}
        if isinstance(scale, Matrix):
            values |= {"flags_column_scale": 1, "scale": scale.address}
        else:
            values |= {"scale": int(np.float32(scale).view(np.uint32))}
        self._run(window(**values))
        return c

    def _run(self, words: list[int]) -> None:
        self._tag = (self._tag + 1) & 0xFFFF
        data = b"".join(word.to_bytes(4, "little") for word in words)
        self.link.write(Space.REGISTERS, r.DESCRIPTOR_FLAGS, data)
        self._set(r.DOORBELL, self._tag)
        until = time.monotonic() + self._patience
        while not (word := self._register(r.COMPLETION)) >> r.COMPLETION_VALID.low:
            if time.monotonic() > until:
                raise HostError(f"product: must be done within {self._patience:g} s")
        status = r.Status(_field(word, r.COMPLETION_STATUS))
        raw = self.link.read(Space.REGISTERS, r.COUNTERS, 8 * len(self._names))
        values = (int(x) for x in np.frombuffer(raw, "<u8"))
        self.counters = r.Counters(**dict(zip(self._names, values, strict=True)))
        self._set(r.COMPLETION_POP, 1)
        if _field(word, r.COMPLETION_TAG) != self._tag:
            raise HostError("product: another one completed; the board must be reset")
        if status != r.Status.OK:
            raise HostError(f"product: ended as {status.name.lower()}")

    def matmul(self, a: ArrayLike, b: ArrayLike, *, bias: ArrayLike | None = None,
               scale: float | ArrayLike = 1.0, **options: Any) -> NDArray[Any]:  # fmt: skip
        """``a`` · ``b`` (+ ``bias``) of arrays of any size that K allows, in parts if need be.

        ``options``: as of :meth:`gemm`. ``counters`` are the sums over the parts.
        """
        left, right = np.atleast_2d(np.asarray(a)), np.atleast_2d(np.asarray(b))
        size = 4 if options.get("format", "int32") == "int32" else 1
        start, n = self.used, right.shape[1]
        room = self.board.memory - start

        def kept_for(n: int) -> int:  # columns of B, their biases and scales
            rows, cols = right.shape[0], n
            if self.board.b_transposed_only:
                rows, cols = cols, rows
            return rows * self.stride(cols) + 2 * self.stride(4 * n)

        while n > 1 and kept_for(n) > room // 2:
            n = -(-n // 2)
        row = self.stride(left.shape[1]) + self.stride(n * size)
        m = min(len(left), (room - kept_for(n)) // row)
        if m < 1:
            raise HostError(f"K: must leave room for a row and a column, not {left.shape[1]}")
        total = np.zeros(len(fields(r.Counters)), np.int64)
        found = []
        for first in range(0, right.shape[1], n):
            here = slice(first, first + n)
            self.clear(start)
            part = self.put_weights(right[:, here])
            biases = None if bias is None else self.put(np.asarray(bias, np.int32)[here])
            scales: float | Matrix = (
                float(scale)  # type: ignore[arg-type]
                if np.ndim(scale) == 0
                else self.put(np.asarray(scale, np.float32)[here])
            )
            rows, kept = [], self.used
            for top in range(0, len(left), m):
                self.clear(kept)
                upper = self.put(left[top : top + m])
                rows.append(self.get(self.gemm(upper, part, bias=biases, scale=scales, **options)))
                total += np.array(astuple(self.counters))
            found.append(np.concatenate(rows))
        self.clear(start)
        self.counters = r.Counters(*(int(x) for x in total))
        return np.concatenate(found, axis=1)
