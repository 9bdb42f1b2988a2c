"""Bench of the systolic array: tiles, their words on the streams, and what must come out."""

from collections.abc import Iterator, Sequence
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge
from cocotb.utils import get_sim_time

from insitu.hdl.config import ArrayConfig
from insitu.sim_models import golden
from insitu.sim_models.timing import array_cycles, array_latency

from .pack import pack_bits, to_ints
from .streams import StreamDriver, StreamMonitor
from .tiles import Tile

__all__ = ["ArrayBench", "ArrayModel"]

CLOCK_NS = 10


class ArrayModel:
    """Rows that must leave the array for a tile, from the golden model."""

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config

    def rows(self, tile: Tile) -> list[dict[str, int]]:
        """Words of ``o`` in order, as integers of its fields."""
        config = self._config
        if config.flow == "os":
            a = tile.a.transpose(1, 0, 2).reshape(config.rows, -1)
            b = tile.b.transpose(0, 2, 1).reshape(-1, config.cols)
        else:
            a = tile.a.reshape(len(tile.a), -1)
            b = tile.b.transpose(0, 2, 1).reshape(-1, config.cols)
        c = golden.gemm(a, b, a_zero=tile.a_zero, b_zero=tile.b_zero, acc_bits=config.out_bits)
        words = to_ints(pack_bits(c, config.out_bits))
        return [{"c": word, "last": int(n == len(words) - 1)} for n, word in enumerate(words)]


class ArrayBench:
    """Drives tiles through one array of a design and checks every row and, unstalled, every cycle.

    Parameters
    ----------
    dut : cocotb handle
        Has ``clk``, ``rst`` and the array's flat ports, each with ``prefix`` before its name.
    config : ArrayConfig
    prefix : str
    """

    def __init__(self, dut: Any, config: ArrayConfig, prefix: str = "") -> None:
        self._dut, self._config = dut, config
        self._model = ArrayModel(config)
        zero = {x: (f"{x}_signed", f"{x}_zero") if config.zero_points else () for x in "ab"}
        if config.flow == "os":
            fields = {"i": ("a", "b", *zero["a"], *zero["b"], "last")}
        else:
            fields = {"w": ("w", *zero["b"], "last"), "a": ("a", *zero["a"], "swap", "last")}
        self._drivers = {n: StreamDriver(dut, f"{prefix}{n}", f) for n, f in fields.items()}
        self._monitor = StreamMonitor(dut, f"{prefix}o", ("c", "last"))
        self._first_ports = [
            (getattr(dut, f"{prefix}{n}_valid"), getattr(dut, f"{prefix}{n}_ready")) for n in fields
        ]

    async def reset(self, cycles: int = 2) -> None:
        """Reset, with nothing offered meanwhile."""
        for driver in self._drivers.values():
            driver.idle()
        self._monitor.words.clear()
        self._dut.rst.value = 1
        await ClockCycles(self._dut.clk, cycles)
        self._dut.rst.value = 0

    def _words(self, tile: Tile) -> dict[str, list[dict[str, int]]]:
        """Words of a tile for each input stream."""
        config = self._config
        a, b = (
            to_ints(pack_bits(x, fmt.bits)) for x, fmt in ((tile.a, config.a), (tile.b, config.b))
        )
        zero_a, zero_b = {}, {}
        if config.zero_points:
            mask_a, mask_b = (1 << config.a.bits) - 1, (1 << config.b.bits) - 1
            zero_a = {"a_signed": int(tile.a_signed), "a_zero": tile.a_zero & mask_a}
            zero_b = {"b_signed": int(tile.b_signed), "b_zero": tile.b_zero & mask_b}
        last = len(a) - 1
        if config.flow == "os":
            beats = [
                {"a": x, "b": y, "last": int(n == last), **zero_a, **zero_b}
                for n, (x, y) in enumerate(zip(a, b, strict=True))
            ]
            return {"i": beats}
        return {
            "w": [{"w": y, "last": int(n == len(b) - 1), **zero_b} for n, y in enumerate(b)],
            "a": [
                {"a": x, "swap": int(n == 0), "last": int(n == last), **zero_a}
                for n, x in enumerate(a)
            ],
        }

    async def _first_beat(self) -> float:
        """Time of the first accepted input beat on any stream."""
        while True:
            await RisingEdge(self._dut.clk)
            if any(valid.value and ready.value for valid, ready in self._first_ports):
                return get_sim_time("ns")

    async def start(self, tiles: Sequence[Tile], stalls: dict[str, Iterator[bool]]) -> list[Any]:
        """Begin to send ``tiles``; ``stalls`` by stream name. Returns the tasks."""
        words: dict[str, list[dict[str, int]]] = {name: [] for name in self._drivers}
        for tile in tiles:
            for name, part in self._words(tile).items():
                words[name] += part
        tasks = [cocotb.start_soon(self._monitor.run(stalls["o"]))]
        for name, driver in self._drivers.items():
            tasks.append(cocotb.start_soon(driver.send(words[name], stalls[name])))
        return tasks

    async def check(
        self, tiles: Sequence[Tile], stalls: dict[str, Iterator[bool]], *, timed: bool = False
    ) -> None:
        """Send ``tiles``, compare every row, then see that nothing more comes.

        With ``timed``, for runs without stalls, the cycles must equal the model's.
        """
        expected = [row for tile in tiles for row in self._model.rows(tile)]
        first = cocotb.start_soon(self._first_beat())
        monitor, *senders = await self.start(tiles, stalls)
        slack = 40 * (
            sum(len(t.a) + self._config.rows for t in tiles) + array_latency(self._config)
        )
        for n, row in enumerate(expected):
            while not self._monitor.words:
                await RisingEdge(self._dut.clk)
                slack -= 1
                assert slack > 0, f"no row {n} of {len(expected)}: the array hangs"
            got = self._monitor.words.popleft()
            assert got == row, f"row {n} of {len(expected)}: {got} instead of {row}"
        if timed:
            cycles = round((self._monitor.last_ns - await first) / CLOCK_NS) + 1
            model = array_cycles(self._config, [len(tile.a) for tile in tiles])
            assert cycles == model, f"{cycles} cycles, the model says {model}"
        for sender in senders:
            assert sender.done(), "input words are left over"
        await ClockCycles(self._dut.clk, array_latency(self._config) + 4)
        assert not self._monitor.words, f"{len(self._monitor.words)} rows too many"
        monitor.cancel()
        first.cancel()
