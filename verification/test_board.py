"""A board in simulation: its link, and the driver of ``host/`` on it."""

import numpy as np
import pytest

from hdl.boards import BOARDS, Board, board
from hdl.bus.uart import divisor
from hdl.config import UserError
from hdl.export import to_verilog
from host.device import Device, HostError
from host.digits import run
from host.link import Link, LinkError, Space, frame, unframe
from sim_models import golden

from . import simulators
from .board_job import BIT, simulated

TINY = Board("tiny", "ws-tiny", "generic", 25e6, 3_125_000, 1 << 15, 32)


def test_link(tmp_path):
    top = TINY.top(TINY.machine(), baud=round(TINY.clock_hz / BIT))
    build = simulators.build("verilator", "board", to_verilog(top, "board"))
    env = {
        "INSITU_BIT": str(BIT),
        "INSITU_MEMORY": str(TINY.memory),
        "INSITU_WORDS": str(TINY.frame_words),
    }
    simulators.run(build, "verification.tb_link", cwd=tmp_path, env=env)


def test_driver(tmp_path):
    """Products of all kinds, larger than the memory too, and four digits."""
    rng = np.random.default_rng(1)
    with simulated(TINY, TINY.machine(), "verilator", tmp_path) as port:
        device = Device.open(port, timeout=300, patience=300)
        about = device.board
        assert (about.memory, about.rows, about.cols, about.word) == (1 << 15, 4, 4, 8)
        assert about.clock_hz == 25_000_000
        for m, k, n in ((1, 1, 1), (3, 5, 4), (13, 9, 16), (70, 300, 9)):
            a = rng.integers(-128, 128, (m, k), dtype=np.int8)
            b = rng.integers(-128, 128, (k, n), dtype=np.int8)
            bias = rng.integers(-1000, 1000, n)
            product = a.astype(np.int64) @ b
            assert np.array_equal(device.matmul(a, b, bias=bias), product + bias)
            assert device.counters.macs == m * k * n
        scale = (rng.random(n) * 1e-3).astype(np.float32)
        kept = {"zero": -128, "low": -128, "high": 127}
        found = device.matmul(a, b, bias=bias, scale=scale, format="int8", a_zero=-128, **kept)
        total = golden.gemm(a.astype(np.int64), b.astype(np.int64), a_zero=-128, bias=bias)
        assert np.array_equal(found, golden.requantise(total, scale, zero=-128, lo=-128, hi=127))
        # Rows and columns in parts.
        a, b = (rng.integers(-4, 4, size, dtype=np.int8) for size in ((60, 300), (300, 70)))
        assert np.array_equal(device.matmul(a, b), a.astype(np.int64) @ b)
        with pytest.raises(HostError, match=r"^product: ended as bad_scale$"):
            device.matmul(a[:1], b, scale=-1.0, format="int8")
        with pytest.raises(HostError, match=r"^K: must leave room for a row and a column, not 40"):
            device.matmul(np.zeros((1, 40_000), np.int8), np.zeros((40_000, 1), np.int8))
        with pytest.raises(HostError, match=r"^a, b: must agree in K, not 2 and 3$"):
            device.matmul(np.zeros((1, 2), np.int8), np.zeros((3, 1), np.int8))
        with pytest.raises(HostError, match=r"^memory: must hold \d+ bytes, not 32768; "):
            device.put(np.zeros((1 << 9, 1 << 9), np.int8))
        outcome = run(device, 4)
        assert outcome.exact
        assert outcome.accuracy >= 0.75
        assert outcome.repeated == 0


class Line:
    """A line on which what is given comes back for each request."""

    def __init__(self, *answers: bytes) -> None:
        self.timeout: float | None = None
        self.sent: list[bytes] = []
        self._answers, self._here = list(answers), b""

    def write(self, data: bytes) -> int:
        self.sent.append(data)
        self._here += self._answers.pop(0) if self._answers else b""
        return len(data)

    def read(self, size: int = 1) -> bytes:
        found, self._here = self._here[:size], self._here[size:]
        return found

    def reset_input_buffer(self) -> None:
        self._here = b""


def test_frames():
    for body in (b"", b"\xc0\xdb\xdc\xdd", bytes(range(256))):
        raw = frame(body)
        assert raw[0] == raw[-1] == 0xC0
        assert 0xC0 not in raw[1:-1]
        assert unframe(raw[1:-1]) == body
    assert unframe(b"") is None
    assert unframe(frame(b"abc")[1:-2]) is None


def test_a_lost_answer_is_asked_for_again():
    good = frame(b"\x01" + bytes(4) + b"\x00")
    line = Line(b"", good[:4] + good[-1:], frame(b"\xff\x01"), good)
    link = Link(line, timeout=0.05, retries=3)
    assert link.read(Space.MEMORY, 0, 4) == bytes(4)
    assert link.errors == 3
    assert len(set(line.sent)) == 1


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", r"^link: must answer within 0.02 s, did not at all \(2 tries\)$"),
        (frame(b"\xff\x01"), r"^link: must answer within 0.02 s, did not get the frame whole "),
        (frame(b"\x01\x00")[:-2] + b"\xc0", r"^link: .* did not with a right CRC "),
        (frame(b"\x01\x03"), r"^memory 0x40: refused word 0 of 1$"),
        (frame(b"\x01\x02"), r"^memory 0x40: is not a request the board knows, of 1 words$"),
    ],
)
def test_errors_are_said(answer, message):
    with pytest.raises(HostError, match=message):
        Link(Line(answer, answer), timeout=0.02, retries=1).read(Space.MEMORY, 0x40, 4)


def test_no_such_port():
    with pytest.raises(LinkError, match=r"^port: must open at 3000000 baud, /dev/none does not "):
        Device.open("/dev/none")


def test_boards():
    for one in BOARDS.values():
        assert divisor(one.clock_hz, one.baud) >= 6
        one.machine()
    with pytest.raises(UserError, match=r"^BOARD: must be one of ulx3s-85f.*, not 'x'$"):
        board("x")
    with pytest.raises(UserError, match=r"^CONFIG: must have a table \[machine\] for a board, not"):
        TINY.machine("os-4x4x4")
    with pytest.raises(UserError, match=r"^baud: must be 25 MHz by a whole number from 6, "):
        divisor(25e6, 3_000_000)
