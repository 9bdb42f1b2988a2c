"""Descriptors through a machine on the reference memory, at simulator speed."""

import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from insitu.hdl.config import Config, MachineConfig, UserError
from insitu.hdl.machines import events
from insitu.hdl.shell.registers import registers
from insitu.hdl.support.files import locked
from insitu.program.descriptor import Descriptor
from insitu.sim_models.timing import temporal

from .. import simulators
from ..simulators.shared import CACHE
from .designs import machine_verilog
from .harness import MEMORY_BYTES, harness
from .workload import Work, tag_of

__all__ = ["MachineRunner", "RunResult", "compile_model"]

HERE = Path(__file__).parent
REGS = registers()
WINDOW = REGS["descriptor_flags"].address
WRITE, WAIT, POLL, READ, ROOM = 1, 2, 3, 4, 5


@dataclass(frozen=True)
class RunResult:
    """What came of a list of descriptors.

    ``statuses`` and ``counters`` by descriptor, ``model``: what the counters must be; ``rows``: the
    bytes that C has, as :attr:`Work.results` lists them; ``exact``: they are what they must be;
    ``posted``: cycles in which doorbells were accepted; ``full``: doorbells that had to wait for
    room in the queue; ``broken``: accesses outside what was permitted and bursts against the rules;
    ``cycles`` simulated in all.
    """

    statuses: list[int]
    posted: list[int]
    rows: list[list[bytes]]
    exact: list[bool]
    counters: list[dict[str, int]]
    model: list[dict[str, int]]
    full: int
    broken: int
    cycles: int
    wall_s: float

    def check(self, works: list[Work]) -> None:
        """Assert every bit of C, every counter, and that nothing else was touched."""
        for work, status, exact, counted, model in zip(
            works, self.statuses, self.exact, self.counters, self.model, strict=True
        ):
            assert status == 0, work.job
            assert exact, work.job
            assert counted == model, work.job
        assert self.broken == 0


def compile_model(config: MachineConfig) -> None:
    """The timing model, by one process: others that begin at the same time find what it left."""
    with locked(CACHE / "timing-model"):
        temporal(config, [Descriptor(1, 1, 1)])


class MachineRunner:
    """Runs descriptors on one machine.

    Parameters
    ----------
    config : Config
        With a ``machine``; ``UserError`` otherwise.
    sim : str
        "verilator" or "icarus".
    work : Path
        Directory for the files of a run.
    waves : bool
        Record an FST in ``work``.
    mutated : str or None
        The machine's Verilog with mutations, see
        :func:`~insitu.verification.bench.netlists.mutated`.
    fast : bool
        Verilator: for long runs; else for a machine that runs once, and not for long.

    Attributes
    ----------
    text : str
        The machine's Verilog.
    whole : str
        The same with its bench: what is simulated.
    counters : list of str
        Names of the counters, in their order.
    """

    def __init__(
        self,
        config: Config,
        sim: str,
        work: Path,
        *,
        waves: bool = False,
        mutated: str | None = None,
        fast: bool = True,
    ) -> None:
        self._config, self._work, self._waves = config.shell, work, waves
        self._fast = fast
        # The timing model is compiled beside the simulator's build: a minute of one core, once.
        self._compiling = threading.Thread(target=compile_model, args=(config.shell,), daemon=True)
        self._compiling.start()
        self.text = mutated or machine_verilog(config)
        self.counters = [event.name for event in events(config.shell)]
        bench = [
            (HERE / name).read_text(encoding="utf-8") for name in ("reference_memory.v", "player.v")
        ]
        self._sim = sim
        self.whole = "\n".join([self.text, *bench, harness(config.shell, mutated is not None)])
        self._build(cocotb=waves)

    def _build(self, *, cocotb: bool) -> simulators.Build:
        """Clocked by Verilator's own loop, but for waves, traces and Icarus."""
        return simulators.build(
            self._sim, "harness", self.whole,
            waves=self._waves, fast=self._fast, clocked=self._sim == "verilator" and not cocotb,
        )  # fmt: skip

    def _simulate(
        self, plusargs: list[str], folder: Path, budget: int, seed: int, trace: Sequence[str]
    ) -> None:
        if self._sim == "verilator" and not trace and not self._waves:
            plain = self._build(cocotb=False)
            simulators.run_clocked(plain, cwd=folder, budget=budget, plusargs=plusargs, seed=seed)
            return
        simulators.run(
            self._build(cocotb=True),
            "insitu.verification.machine.tb_machine_run",
            cwd=folder,
            plusargs=plusargs,
            env={"INSITU_BUDGET": str(budget), "INSITU_TRACE": " ".join(trace)},
            seed=seed,
            waves=self._waves,
        )

    def run(
        self,
        works: list[Work],
        *,
        at: list[int] | None = None,
        ahead: int | None = None,
        seed: int = 1,
        budget: int | None = None,
        mutant: int = 0,
        trace: Sequence[str] = (),
    ) -> RunResult:
        """Post ``works`` one after the other, as the queue allows, and wait for all.

        ``at``: cycles before which each is not posted. ``ahead``: so many are posted whose
        completion was not taken, at most: 1 if each reads what the one before writes; the default,
        as many as completions are kept, never makes the machine wait for software; two more keep
        the queue full, and make it wait where jobs are short, which the model is told. ``budget``:
        cycles after which the run counts as hung; by default twice as many as the model has.
        ``mutant``: which mutation is active. ``trace``: signals of the harness; their values are
        left in ``trace.txt``, a line per cycle, behind its
        number. ``UserError`` if the matrices do not fit the memory.
        """
        self._compiling.join()
        folder = self._work
        folder.mkdir(parents=True, exist_ok=True)
        first, last = self._memory(works, folder)
        ahead = ahead or self._config.queue
        script = self._script(works, at or [0] * len(works), ahead)
        (folder / "script.hex").write_text("".join(f"{w:024x}\n" for w in script), encoding="utf-8")
        # What software does at most comes on top: an access takes it some cycles.
        budget = budget or 2 * (self.expected(works) + max(at or [0])) + 100 * len(script) + 10_000
        began = time.monotonic()
        plusargs = [f"+first={first}", f"+last={last}", f"+mutant={mutant}"]
        self._simulate(plusargs, folder, budget, seed, trace)
        wall = time.monotonic() - began
        played = [
            line.split()
            for line in (folder / "played.txt").read_text(encoding="utf-8").splitlines()
        ]
        found = [int(p[2], 16) for p in played if p[0] == str(POLL)]
        assert [word & 0xFFFF for word in found] == [tag_of(n) for n in range(len(works))]
        halves = [int(p[2], 16) for p in played if p[0] == str(READ)]
        values = [low | high << 32 for low, high in zip(halves[0::2], halves[1::2], strict=True)]
        names = self.counters
        written: dict[str, list[int]] = {}  # cycles, by register
        for p in played:
            if p[0] == str(WRITE):
                written.setdefault(p[1], []).append(int(p[3]))
        posted, popped = (
            written[f"{REGS[name].address:x}"] for name in ("doorbell", "completion_pop")
        )
        image = self._saved(folder / "saved.hex")
        base = first * self._config.bus_bytes
        rows = [
            [bytes(image[a - base : a - base + len(expected)]) for a, expected in work.results]
            for work in works
        ]
        exact = [
            found == [expected for _, expected in work.results]
            for found, work in zip(rows, works, strict=True)
        ]
        given = [work.ones for work in works if work.ones is not None]
        ones = np.concatenate(given) if given else None
        jobs = [work.job for work in works]
        timing = temporal(self._config, jobs, posted, popped=popped, ones=ones)
        ended = dict(
            p.split("=") for p in (folder / "ended.txt").read_text(encoding="utf-8").split()
        )
        return RunResult(
            statuses=[word >> 16 & 0xFF for word in found],
            posted=posted,
            rows=rows,
            exact=exact,
            counters=[
                dict(zip(names, values[n : n + len(names)], strict=True))
                for n in range(0, len(values), len(names))
            ],
            model=[work.counters | asdict(t) for work, t in zip(works, timing, strict=True)],
            full=sum(p[0] == str(ROOM) and p[2] != "0" for p in played),
            broken=int(ended["broken"]),
            cycles=int(ended["cycles"]),
            wall_s=wall,
        )

    def expected(self, works: list[Work]) -> int:
        """Cycles of ``works`` by the model, each alone, no plane of a tile skipped."""
        self._compiling.join()
        return sum(timing.cycles for timing in temporal(self._config, [w.job for w in works]))

    def _memory(self, works: list[Work], folder: Path) -> tuple[int, int]:
        """Writes memory.hex and permit.hex; first and last word that results lie in."""
        size = self._config.bus_bytes
        top = max(
            address + len(content)
            for work in works
            for address, content in [*work.pieces, *work.results]
        )
        if top > MEMORY_BYTES:
            raise UserError(f"matrices must fit the {MEMORY_BYTES} bytes of the bench, not {top}")
        count = -(-top // size)
        image = np.random.default_rng(1).integers(0, 256, count * size, dtype=np.uint8)
        permit = np.zeros((count, size + 1), dtype=np.uint8)
        for work in works:
            for address, content in work.pieces:
                image[address : address + len(content)] = np.frombuffer(content, dtype=np.uint8)
            for window in work.reads:
                for start, end in window.rows():
                    permit[start // size : -(-end // size), 0] = 1
            for address, content in work.results:
                byte = np.arange(address, address + len(content))
                permit[byte // size, byte % size + 1] = 1
        _write_hex(folder / "memory.hex", image.reshape(count, size))
        weights = (1 << np.arange(size + 1)).astype(np.uint32)
        values = (permit * weights).sum(axis=1).astype("<u4").view(np.uint8).reshape(count, 4)
        _write_hex(folder / "permit.hex", values[:, : size // 8 + 1])
        # Beyond the last word of the image nothing is permitted: a 0 for all of it.
        results = [address for work in works for address, _ in work.results]
        ends = [address + len(content) for work in works for address, content in work.results]
        return min(results) // size, -(-max(ends) // size) - 1

    def _script(self, works: list[Work], at: list[int], ahead: int) -> list[int]:
        window: list[int | None] = [None] * 35
        lines: list[int] = []
        polls = 0

        def line(operation: int, register: int, value: int = 0) -> None:
            lines.append(operation << 64 | register << 32 | value)

        def poll() -> None:
            line(POLL, REGS["completion"].address)
            for word in range(2 * len(self.counters)):
                line(READ, REGS["counters"].address + 4 * word)
            line(WRITE, REGS["completion_pop"].address, 1)

        for number, work in enumerate(works):
            if number - polls >= ahead:
                poll()
                polls += 1
            for n, word in enumerate(work.job.words()):
                if window[n] != word:
                    line(WRITE, WINDOW + 4 * n, word)
                    window[n] = word
            if at[number]:
                line(WAIT, 0, at[number])
            if ahead > self._config.queue:
                line(ROOM, REGS["status"].address, self._config.queue)
            line(WRITE, REGS["doorbell"].address, tag_of(number))
        while polls < len(works):
            poll()
            polls += 1
        line(0, 0)
        return lines

    def _saved(self, path: Path) -> NDArray[np.uint8]:
        size = self._config.bus_bytes
        lines = path.read_text(encoding="utf-8").splitlines()
        words = [line.strip() for line in lines if not line.startswith(("@", "//"))]
        raw = bytes.fromhex("".join(words))
        return np.frombuffer(raw, dtype=np.uint8).reshape(-1, size)[:, ::-1].reshape(-1)


def _write_hex(path: Path, words: NDArray[np.uint8]) -> None:
    """Words × bytes, little-endian, a line each."""
    text = words[:, ::-1].tobytes().hex()
    step = 2 * words.shape[1]
    path.write_text(
        "\n".join(text[n : n + step] for n in range(0, len(text), step)) + "\n", encoding="utf-8"
    )
