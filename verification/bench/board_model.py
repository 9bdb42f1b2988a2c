"""A board in numpy: what the driver's line leads to where no RTL is needed."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from insitu.host import Device
from insitu.host.link import OK, READ, WRITE, Space, frame, unframe
from insitu.program import registers as r
from insitu.program.descriptor import Descriptor
from insitu.program.target import Target
from insitu.program.window import FIRST, WORDS
from insitu.sim_models.execute import Memory

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
    the formats, of both; ``banks``: so many keep B. ``fails_after``: so many more writes
    are answered; ``products``: if false none completes until it is aborted. ``requests``,
    ``writes``, ``aborts``: how many there were; ``statuses``: of all products;
    ``loads``: whether each loaded its B.
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
    config_hash: int = 0x1234
    banks: int = 0
    binary32: bool = True
    requests: int = 0
    writes: int = 0
    statuses: list[r.Status] = field(default_factory=list)
    aborts: int = 0
    loads: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.memory = np.full(self.size, 0xA5, np.uint8)  # stale, not 0
        transposed = self.b_transposed_only
        flags = {
            "ZERO_POINTS": self.zero_points,
            "A_TRANSPOSED": not transposed,
            "B_TRANSPOSED": 1,
            "A_BITS": self.bits,
            "B_BITS": self.bits,
            "BINARY32": self.binary32,
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
            r.CONFIG_HASH: self.config_hash,
        }
        self._machine = Memory(
            Target(
                STEP, 8, 8, self.zero_points, self.either_sign, not self.unsigned,
                not self.unsigned, self.max_k, self.sum_bits or 32, banks=self.banks, tile=(8, 8),
            ),
            self.memory,
        )  # fmt: skip
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
            # The board refuses what is not of whole words.
            assert len(body) - 8 == size
            assert address % 4 == 0
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

    def _product(self) -> r.Status:
        """As docs/programming.md says when one is refused."""
        words = [self.registers.get(FIRST + 4 * n, 0) for n in range(WORDS)]
        job = Descriptor.of(words)
        places = [*"abc", *(f"{x}_stride" for x in "abc")]
        if any(getattr(job, name) % STEP for name in places):
            return r.Status.MISALIGNED
        if min(job.m, job.n, job.k, job.batch) < 1:
            return r.Status.BAD_SHAPE
        if self._is_unsupported(job):
            return r.Status.UNSUPPORTED
        if job.format != "int32":
            scales = np.array([job.scale], np.float32)
            if job.column_scale:
                scales = self.memory[job.scales : job.scales + 4 * job.n].view("<f4")
            if not np.all(np.isfinite(scales) & (scales >= np.finfo(np.float32).tiny)):
                return r.Status.BAD_SCALE
        self.loads.append(job.load_b)
        try:
            self._machine.do(job)
        except KeyError:
            return r.Status.NOT_RESIDENT
        return r.Status.OK

    def _is_unsupported(self, job: Descriptor) -> bool:
        found = job.k > self.max_k
        if not self.zero_points:
            found |= bool(job.a_zero or job.b_zero)
            for x in "b" if self.either_sign else "ab":
                found |= getattr(job, f"{x}_signed") == self.unsigned
        for x in "ab":
            low, high = (-128, 127) if getattr(job, f"{x}_signed") else (0, 255)
            found |= not low <= getattr(job, f"{x}_zero") <= high
        if job.format != "int32":
            limits: Any = np.iinfo(job.format)
            for name in ("zero", "low", "high"):
                found |= not limits.min <= getattr(job, name) <= limits.max
            found |= job.low > job.high
        return found


def opened(*, patience: float = 10.0, **about: Any) -> tuple[BoardModel, Device]:
    """A model, fields as given, and the driver on it."""
    line = BoardModel(**about)
    return line, Device(line, timeout=10.0, retries=0, patience=patience)
