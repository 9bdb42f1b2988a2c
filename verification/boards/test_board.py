"""A board in simulation: its link, and the driver of ``host/`` on it."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from insitu.hdl.boards import BOARDS, board
from insitu.hdl.boards.clocks import PLLS, Ecp5Pll, Ice40Pll
from insitu.hdl.bus.uart import divisor
from insitu.hdl.config import UserError
from insitu.hdl.export import Flat, to_rtlil, to_verilog
from insitu.host.device import Device, HostError
from insitu.host.digits import run
from insitu.host.link import Link, LinkError, Space, frame, unframe
from insitu.sim_models import golden
from insitu.synth import bitstream, devices
from insitu.verification import simulators
from insitu.verification.bench.netlists import netlist
from insitu.verification.jobs import report
from insitu.verification.jobs.board import BIT, board_sim, simulated

TINY = replace(
    board("ulx3s-85f"),
    name="tiny",
    config="ws-tiny",
    family="generic",
    clock_hz=25e6,
    baud=3_125_000,
    memory=1 << 15,
    frame_words=32,
)


def link(text: str, path: Path, words: int, *, fast: bool = True) -> None:
    """The tests of the link on Verilog ``text`` of the board ``TINY``, of so many words a frame."""
    build = simulators.build("verilator", "board", text, fast=fast)
    env = {
        "INSITU_BIT": str(BIT),
        "INSITU_MEMORY": str(TINY.memory),
        "INSITU_WORDS": str(words),
    }
    simulators.run(build, "insitu.verification.boards.tb_link", cwd=path, env=env)


def test_link(tmp_path):
    top = TINY.top(TINY.machine(), baud=round(TINY.clock_hz / BIT))
    link(to_verilog(top, "board"), tmp_path, TINY.frame_words)


@pytest.mark.nightly
def test_gates(tmp_path):
    """The netlist after synthesis answers over its pins as the RTL does, and multiplies.

    With short frames, as gates are slow; the icebreaker's whole top is in ``test_compact.py``.
    """
    board = replace(TINY, family="ecp5", frame_words=8)
    top = board.top(board.machine(), baud=round(TINY.clock_hz / BIT))
    text = netlist(to_rtlil(Flat(top), "board"), "board", devices.device("ecp5-85f"), "machine")
    link(text, tmp_path, board.frame_words, fast=False)


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["ulx3s-85f", "icebreaker"])
def test_all_digits(name):
    """`make board-sim`: all test images over the line, with the accuracy of `make sim`."""
    one = board(name)
    config = one.machine(target="generic")
    assert board_sim(one, config, "verilator", count=360, seed=1) == 0
    path = report.BUILD / "board-sim" / config.name / name / "report.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    assert (found["bit_exact"], found["images"], found["repeated"]) == (True, 360, 0)
    assert found["accuracy"] == pytest.approx(0.9889, abs=1e-4)


def test_driver(tmp_path, monkeypatch):
    """Products of all kinds, larger than the memory too, and four digits."""
    rng = np.random.default_rng(1)
    with simulated(TINY, TINY.machine(), "verilator", tmp_path) as port:
        device = Device.open(port, timeout=300, patience=300)
        about = device.board
        assert (about.memory, about.rows, about.cols, about.word) == (1 << 15, 4, 4, 8)
        assert about.clock_hz == 25_000_000
        for m, k, n in ((1, 1, 1), (3, 5, 4), (13, 9, 16), (20, 90, 9)):
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
        with pytest.raises(HostError, match=r"^scale: must be positive normal float32, not -1.0$"):
            device.matmul(a[:1], b, scale=-1.0, format="int8")
        # What only the machine can find: a scale that was overwritten. It then goes on.
        scales, one = device.put([1.0], np.float32), device.put([[5]])
        device.link.write(Space.MEMORY, scales.address, bytes(4))
        used = device.used
        with pytest.raises(HostError, match=r"^product: ended as bad_scale$"):
            device.gemm(one, one, scale=scales, format="int8")
        assert device.used == used
        # One that is given up ends before memory is written.
        device.clear()
        parts = device.put(a[:40]), device.put_weights(b[:, :40])
        monkeypatch.setattr(device.machine, "_patience", 1e-6)
        with pytest.raises(HostError, match=r"^product: must be done within 1e-06 s$"):
            device.gemm(*parts)
        monkeypatch.undo()
        assert np.array_equal(device.matmul([[5]], [[-3]]), [[-15]])
        device.clear()
        with pytest.raises(HostError, match=r"^K: must leave room for a row and a column, not 33"):
            device.matmul(np.zeros((1, 33_000), np.int8), np.zeros((33_000, 1), np.int8))
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


@pytest.mark.parametrize("name", list(BOARDS))
def test_pins(name):
    """Pins, clock and reset of each board, down to what place and route is given."""
    one = board(name)
    assert divisor(one.clock_hz, one.baud) >= 6
    pins, platform = one.pinned()
    files = platform.build(pins, name="top", do_build=False).files
    (constraints,) = (text for name, text in files.items() if name.endswith((".lpf", ".pcf")))
    text = constraints if isinstance(constraints, str) else constraints.decode()
    hz = platform.default_clk_frequency
    assert re.search(rf"FREQUENCY PORT .* {hz} HZ;|set_frequency \S+ {hz / 1e6}\n", text)
    for pin in (
        "uart_0__rx__io",
        "uart_0__tx__io",
        *(f"{x[0]}_{x[1]}" for x in (one.alive, one.error)),
    ):
        assert pin in text
    # Until the clock is stable it is held back (ECP5), or there is a reset (iCE40).
    rtlil = files["top.il"]
    assert isinstance(rtlil, str)
    gated = one.family == "ecp5"
    assert ("cell \\DCCA" in rtlil, "connect \\rst 1'0" in rtlil) == (gated, gated)


def test_clocks():
    """PLLs make the clock that is asked for, within their ranges, or say that they cannot."""
    for source, clock in ((25e6, 100e6), (100e6, 100e6), (50e6, 75e6), (48e6, 80e6), (12e6, 60e6)):
        pll = Ecp5Pll.find(source, clock)
        assert source * pll.feedback / pll.divide == clock
        assert 3.125e6 <= source / pll.divide <= 400e6
        assert 400e6 <= clock * pll.out <= 800e6
    for source, clock in ((12e6, 24e6), (12e6, 27e6), (100e6, 50e6)):
        found = Ice40Pll.find(source, clock)
        assert source * (found.multiply + 1) / (found.divide + 1) / 2**found.shift == clock
        assert 10e6 <= source / (found.divide + 1) <= 133e6
        assert 533e6 <= clock * 2**found.shift <= 1066e6
    for find in PLLS.values():
        with pytest.raises(UserError, match=r"^clock: must be one that the PLL makes exact"):
            find(12e6, 24.0001e6)


@pytest.mark.nightly
@pytest.mark.parametrize("name", list(BOARDS))
def test_bitstream(name):
    """Builds, and meets its clock."""
    built = bitstream.build(board(name), board(name).machine())
    assert built.fmax_mhz >= board(name).clock_hz / 1e6
    assert built.path.stat().st_size > 10_000


def test_boards():
    for one in BOARDS.values():
        one.machine()
    with pytest.raises(UserError, match=r"^BOARD: must be one of ulx3s-85f.*, not 'x'$"):
        board("x")
    with pytest.raises(UserError, match=r"^CONFIG: must have a table \[machine\] or \[compact\] "):
        TINY.machine("os-4x4x4")
    with pytest.raises(UserError, match=r"^baud: must be 25 MHz by a whole number from 6, "):
        divisor(25e6, 3_000_000)
