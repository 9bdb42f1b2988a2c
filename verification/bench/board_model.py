"""A board in numpy: what the driver's line leads to where no RTL is needed."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.host import Device
from insitu.host.link import OK, READ, WRITE, Space, frame, unframe
from insitu.program import registers as r
from insitu.program.descriptor import FORMATS
from insitu.program.window import FIELDS, FIRST, WORDS
from insitu.sim_models import golden

__all__ = ["BOARDS", "BoardModel", "opened"]

STEP = 8
"""Bytes of a word of the bus."""
BOARDS: dict[str, dict[str, Any]] = {
    "shell": {},
    "compact": {"zero_points": False, "b_transposed_only": True},
}
"""What makes a model that of a kind of machine."""


@dataclass
class BoardModel:
    """A :class:`insitu.host.link.Line`: answers requests, and does products by the golden model.

    ``size``: bytes of memory; ``bits``: of an element; ``max_k``, ``zero_points``,
    ``b_transposed_only``, ``either_sign``, ``sum_bits``: as the registers say; ``unsigned``: so are
    the formats, of both. ``fails_after``: so many more writes
    are answered; ``products``: if false none completes until it is aborted. ``requests``,
    ``writes``, ``aborts``: how many there were; ``statuses``: of all products.
    """

    size: int = 1 << 14
    max_k: int = 512
    zero_points: bool = True
    b_transposed_only: bool = False
    either_sign: bool = True
    unsigned: bool = False
    bits: int = 8
    sum_bits: int = 0
    fails_after: int | None = None
    products: bool = True
    timeout: float | None = None
    requests: int = 0
    writes: int = 0
    statuses: list[r.Status] = field(default_factory=list)
    aborts: int = 0

    def __post_init__(self) -> None:
        self.memory = np.full(self.size, 0xA5, np.uint8)  # stale, not 0
        transposed = self.b_transposed_only
        flags = {
            "ZERO_POINTS": self.zero_points,
            "A_TRANSPOSED": not transposed,
            "B_TRANSPOSED": 1,
            "A_BITS": self.bits,
            "B_BITS": self.bits,
            "A_EITHER_SIGN": not self.zero_points and self.either_sign,
            "WORD_LOG2": STEP.bit_length() - 1,
        }
        places = {name: getattr(r, f"CAPABILITIES_{name}").low for name in flags}
        self.registers = {
            r.CAPABILITIES: sum(int(value) << places[name] for name, value in flags.items()),
            r.GEOMETRY: 4 << r.GEOMETRY_ROWS.low | 4 << r.GEOMETRY_COLS.low,
            r.MAX_K: self.max_k,
            r.PROFILE: int(transposed)
            | self.unsigned << r.PROFILE_A_UNSIGNED.low
            | self.unsigned << r.PROFILE_B_UNSIGNED.low,
            r.SUMS: self.sum_bits,
            r.CONFIG_HASH: 0x1234,
        }
        self._answer = b""
        self._last = b""
        self._running: int | None = None

    # --- The line ---

    def read(self, size: int = 1, /) -> bytes:
        found, self._answer = self._answer[:size], self._answer[size:]
        return found

    def reset_input_buffer(self) -> None:
        self._answer = b""

    def write(self, data: bytes, /) -> int:
        body = unframe(data[1:-1])
        assert body is not None
        self.requests += 1
        if body != self._last:
            words = self._request(body)
            self._last, self._answer = body, frame(body[1:2] + words + bytes([OK]))
        return len(data)

    def _request(self, body: bytes) -> bytes:
        count, address = int.from_bytes(body[2:4], "little"), int.from_bytes(body[4:8], "little")
        space, address, size = Space(address >> 30), address & 0x3FFFFFFF, 4 * count
        if body[0] == READ:
            return self._read(space, address, size)
        if body[0] == WRITE:
            if self.fails_after is not None:
                self.fails_after -= 1
                if self.fails_after < 0:
                    raise OSError(5, "gone")
            self.writes += 1
            self._write(space, address, body[8:])
        return b""

    def _read(self, space: Space, address: int, size: int) -> bytes:
        if space is Space.MEMORY:
            assert address + size <= self.size
            return self.memory[address : address + size].tobytes()
        if space is Space.BOARD:
            about = np.array([0x42534E49, 1, self.size, 64, 1_000_000], "<u4")
            return about.tobytes()[address : address + size]
        return b"".join(
            self._register(x).to_bytes(4, "little") for x in range(address, address + size, 4)
        )

    def _register(self, address: int) -> int:
        if address == r.STATUS:
            return int(self._running is not None) << r.STATUS_BUSY.low
        return self.registers.get(address, 0)

    def _write(self, space: Space, address: int, data: bytes) -> None:
        if space is Space.MEMORY:
            self.memory[address : address + len(data)] = np.frombuffer(data, np.uint8)
            return
        for place, word in enumerate(np.frombuffer(data, "<u4")):
            self.registers[address + 4 * place] = int(word)
        if address == r.COMPLETION_POP:
            self.registers[r.COMPLETION] = 0
            self._running = None
        if address == r.DOORBELL:
            self._running = self.registers[r.DOORBELL]
            if self.products:
                self._complete(self._product())
        if address == r.CONTROL and self._running is not None:
            self.aborts += 1
            self._complete(r.Status.ABORTED)

    def _complete(self, status: r.Status) -> None:
        assert self._running is not None
        self.statuses.append(status)
        word = status << r.COMPLETION_STATUS.low | 1 << r.COMPLETION_VALID.low
        self.registers[r.COMPLETION] = self._running | word

    # --- Products ---

    def _values(self) -> dict[str, int]:
        """Fields of the descriptor, those of zero points and bounds with their sign."""
        found = {}
        words = [self.registers.get(FIRST + 4 * n, 0) for n in range(WORDS)]
        for name, (address, place) in FIELDS.items():
            value = words[(address - FIRST) // 4] >> place.low & (1 << place.bits) - 1
            if name.startswith(("zeros", "clamp")) and value >> place.bits - 1:
                value -= 1 << place.bits
            found[name] = value
        return found

    def _matrix(self, address: int, rows: int, cols: int, stride: int, dtype: str) -> NDArray[Any]:
        """A view of memory."""
        return np.ndarray(
            (rows, cols), dtype, self.memory, address, (stride, np.dtype(dtype).itemsize)
        )

    def _operand(self, v: dict[str, int], name: str, rows: int, cols: int) -> NDArray[np.int64]:
        turned = v[f"flags_{name}_transposed"]
        dtype = "i1" if v[f"flags_{name}_signed"] else "u1"
        rows, cols = (cols, rows) if turned else (rows, cols)
        found = self._matrix(v[f"{name}_low"], rows, cols, v[f"{name}_stride"], dtype)
        return (found.T if turned else found).astype(np.int64)

    def _product(self) -> r.Status:
        """As docs/programming.md says when one is refused."""
        v = self._values()
        m, n, k, form = v["m"], v["n"], v["k"], FORMATS[v["flags_format"]]
        if any(v[f"{x}_{what}"] % STEP for x in "abc" for what in ("low", "stride")):
            return r.Status.MISALIGNED
        if min(m, n, k) < 1:
            return r.Status.BAD_SHAPE
        dtypes = {"int32": "<i4", "int8": "i1", "uint8": "u1"}
        unsupported = k > self.max_k
        if not self.zero_points:
            unsupported |= bool(v["zeros_a"] or v["zeros_b"])
            for x in "b" if self.either_sign else "ab":
                unsupported |= v[f"flags_{x}_signed"] == self.unsigned
        for x in "ab":
            low, high = (-128, 127) if v[f"flags_{x}_signed"] else (0, 255)
            unsupported |= not low <= v[f"zeros_{x}"] <= high
        if form != "int32":
            limits: Any = np.iinfo(dtypes[form])
            for name in ("zero", "low", "high"):
                unsupported |= not limits.min <= v[f"clamp_{name}"] <= limits.max
            unsupported |= v["clamp_low"] > v["clamp_high"]
        if unsupported:
            return r.Status.UNSUPPORTED
        a, b = self._operand(v, "a", m, k), self._operand(v, "b", k, n)
        bias = None
        if v["flags_bias"]:
            bias = self._matrix(v["bias_low"], 1, n, 4 * n, "<i4")[0]
        total = golden.gemm(
            a, b, a_zero=v["zeros_a"], b_zero=v["zeros_b"], bias=bias, acc_bits=self.sum_bits or 32
        )
        if form != "int32":
            scales = np.array([v["scale"]] * n, "<u4").view("<f4")
            if v["flags_column_scale"]:
                scales = self._matrix(v["scale"], 1, n, 4 * n, "<f4")[0]
            if not np.all(np.isfinite(scales) & (scales >= np.finfo(np.float32).tiny)):
                return r.Status.BAD_SCALE
            bounds = {"lo": v["clamp_low"], "hi": v["clamp_high"]}
            total = golden.requantise(total, scales, zero=v["clamp_zero"], **bounds)
        self._matrix(v["c_low"], m, n, v["c_stride"], dtypes[form])[:] = total
        return r.Status.OK


def opened(*, patience: float = 10.0, **about: Any) -> tuple[BoardModel, Device]:
    """A model, fields as given, and the driver on it."""
    line = BoardModel(**about)
    return line, Device(line, timeout=10.0, retries=0, patience=patience)
