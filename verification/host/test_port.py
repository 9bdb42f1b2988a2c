"""The driver on a serial port, and ``insitu board``: what goes wrong there is one line."""

import os
import select
import signal
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from insitu.host import Device, HostError
from insitu.host.link import LinkError
from insitu.sim_models import digits
from insitu.verification import simulators
from insitu.verification.bench.board_model import BoardModel
from insitu.verification.bench.command import status

COMMAND = [sys.executable, "-m", "insitu", "board"]


class Terminal:
    """A model of a board on a pseudo-terminal; ``silent``: it never answers."""

    def __init__(self, *, silent: bool = False) -> None:
        self.line, self.silent = BoardModel(1 << 16, max_k=1 << 14), silent
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        self.port = os.ttyname(self._theirs)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        raw = b""
        while not self._stop.is_set():
            if not select.select([self._ours], [], [], 0.01)[0]:
                continue
            raw += os.read(self._ours, 4096)
            while raw.count(b"\xc0") >= 2:
                end = raw.index(b"\xc0", 1) + 1
                self.line.write(raw[:end])
                raw = raw[end:]
                if not self.silent:
                    os.write(self._ours, self.line.read(1 << 16))

    def vanish(self) -> None:
        """As a cable that is pulled out."""
        if not self._stop.is_set():
            self._stop.set()
            self._thread.join()
            os.close(self._ours)
            os.close(self._theirs)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    found = Terminal()
    yield found
    found.vanish()


def command(*given: str) -> subprocess.CompletedProcess[str]:
    """``insitu board`` as a process of its own."""
    line = [*COMMAND, *given]
    return subprocess.run(
        line,
        cwd=simulators.ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        encoding="utf-8",
        errors="replace",
    )


def test_one_at_a_time(terminal):
    """Two that share a port take each other's answers: the second one is refused."""
    port = terminal.port
    device = Device.open(port)
    requests = terminal.line.requests
    with pytest.raises(LinkError, match=f"^port: must not be in use, {port} is$"):
        Device.open(port)
    done = command("info", "--port", port)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: port: must not be in use, {port} is\n"
    assert terminal.line.requests == requests
    assert device.matmul([[2]], [[3]]).tolist() == [[6]]
    device.close()
    with pytest.raises(LinkError, match=r"^port: must stay there, but failed \("):
        device.matmul([[2]], [[3]])
    done = command("info", "--port", port)
    assert (done.returncode, done.stderr) == (0, "")
    assert "a_bits: 8\n" in done.stdout
    for _ in range(2):
        with Device.open(port) as device:
            assert device.matmul([[2]], [[3]]).tolist() == [[6]]


def test_a_failed_opening_leaves_the_port_free():
    silent = Terminal(silent=True)
    try:
        for _ in range(2):
            with pytest.raises(
                LinkError, match=r"^link: must answer within 0.02 s, did not at all "
            ):
                Device.open(silent.port, timeout=0.02, retries=0)
    finally:
        silent.vanish()


def test_a_port_that_vanishes(terminal, monkeypatch, capsys):
    device = Device.open(terminal.port)
    kept = device.put([[1, 2]])
    terminal.vanish()
    for call in (
        lambda: device.put([[1]]),
        lambda: device.get(kept),
        lambda: device.matmul([1], [[1]]),
    ):
        with pytest.raises(LinkError, match=r"^port: must stay there, but failed \(.*\)$"):
            call()
    assert device.used == device.stride(2)
    device.close()
    # In the middle of a job of the command, too.
    other = Terminal()
    first = Device.load

    def load(*given: Any) -> Any:
        other.vanish()
        return first(*given)

    monkeypatch.setattr(Device, "load", load)
    assert status("board", "digits", "--port", other.port, "--count", "1") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: port: must stay there, but failed (")
    assert error.count("\n") == 1


def test_digits(terminal, capsys):
    assert status("board", "digits", "--port", terminal.port, "--count", "3") == 0
    assert "images: 3\naccuracy: 1.0\nexact: True\n" in capsys.readouterr().out


def said(text: str) -> str:
    """How a message shows what was typed: a number, or what is none."""
    return text if text.lstrip("-").isdigit() or text in NUMBERS else repr(text)


NUMBERS = ("nan", "inf", "0.0", "-1.0")
PORT = ("--port", "/dev/none")
BAUD = "must be an integer from 1 to 2147483647"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("info",), "the following arguments are required: --port"),
        (("inf", *PORT), "COMMAND: must be one of "),
        (("info", *PORT, "--bau"), "BAUD: expected one argument"),
        (("info", *PORT, "--x"), "unrecognized arguments: --x"),
        *((("info", *PORT, "--baud", x), f"baud: {BAUD}, not {said(x)}\n")
          for x in ("x", "0", "-1", "1e6", "9600.5", str(10**30))),
        *((("info", *PORT, "--timeout", x),
           f"timeout: must be a number of seconds above 0, at most 1e+06, not {said(x)}\n")
          for x in ("x", "nan", "inf", "0.0", "-1.0")),
        *((("digits", *PORT, "--count", x),
           f"count: must be an integer from 1 to 360, not {said(x)}\n")
          for x in ("0", "361", "x", "1.5")),
        (("info", *PORT), "port: must open at 3000000 baud, /dev/none does not ("),
        (("info", "--port", "/"), "port: must open at 3000000 baud, / does not ("),
        (("info", "--port", __file__), f"port: must open at 3000000 baud, {__file__} does not ("),
        (("info", "--port", "/dev/null"), "port: must open at 3000000 baud, /dev/null does not ("),
        (("info", "--port", ""), "port: must open at 3000000 baud, '' does not ("),
        (("info", "--port", "a\nb"), "port: must open at 3000000 baud, 'a\\nb' does not ("),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(given, says, capsys):
    code = status("board", *given)
    out, error = capsys.readouterr()
    assert (code, out) == (2, "")
    assert error.startswith(f"error: {says}")
    assert error.count("\n") == 1


def test_ports_that_are_none():
    ports: list[Any] = [None, 3, b"/dev/none"]
    for port in ports:
        with pytest.raises(HostError, match=r"^port: must be the name of a serial port, not "):
            Device.open(port)
    bauds: list[Any] = [0, -1, 9600.0, "9600", np.nan, True, 1 << 31]
    for baud in bauds:
        with pytest.raises(HostError, match=f"^baud: {BAUD}, not "):
            Device.open("/dev/none", baud)


@pytest.mark.parametrize(
    ("module", "job", "says"),
    [
        ("serial", "info", "pyserial: must be installed to open a port ("),
        ("sklearn.datasets", "digits", "scikit-learn: must be installed for this: `pip install "),
    ],
)
def test_a_package_is_missing(module, job, says, monkeypatch, capsys):
    digits.images.cache_clear()
    monkeypatch.setitem(sys.modules, module, None)
    assert status("board", job, *PORT) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {says}")
    assert error.count("\n") == 1


def test_interrupted():
    silent = Terminal(silent=True)
    line = [*COMMAND, "info", "--port", silent.port, "--timeout", "60"]
    try:
        job = subprocess.Popen(
            line,
            cwd=simulators.ROOT,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            # A shell's background jobs, and all that they start, would ignore it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        until = time.monotonic() + 30
        while not silent.line.requests and time.monotonic() < until:
            time.sleep(0.01)
        job.send_signal(signal.SIGINT)
        _, error = job.communicate(timeout=30)
        assert (job.returncode, error) == (130, "interrupted\n")
    finally:
        job.kill()
        job.communicate()
        silent.vanish()


def test_output_that_cannot_be_written(terminal):
    with open("/dev/full", "w", encoding="utf-8") as full:
        line = [*COMMAND, "info", "--port", terminal.port]
        done = subprocess.run(
            line,
            cwd=simulators.ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            encoding="utf-8",
            errors="replace",
        )
    assert (done.returncode, done.stderr) == (2, "error: [Errno 28] No space left on device\n")
