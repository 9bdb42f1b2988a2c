"""A whole GEMM through the bare array at simulator speed: files in, RTL streams, files out."""

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from insitu.hdl.array import SystolicArray, a_layout, i_layout, o_layout, w_layout
from insitu.hdl.config import ArrayConfig
from insitu.hdl.export import to_verilog
from insitu.sim_models import golden
from insitu.sim_models.timing import array_cycles, array_latency

from .. import simulators
from .pack import from_hex, pack_bits, to_hex, unpack_bits

__all__ = ["ArrayRunner", "GemmResult"]

Ints = NDArray[np.int64]
REPLAY = Path(__file__).with_name("replay.v")


@dataclass(frozen=True)
class GemmResult:
    """Sums of one GEMM and what the hardware counted meanwhile."""

    c: Ints
    cycles: int
    model_cycles: int
    counters: dict[str, int]
    model_counters: dict[str, int]
    wall_s: float


def _harness(config: ArrayConfig) -> str:
    """Verilog of module ``harness``: the array between sources and a sink, with counters."""
    streams = {"i": i_layout} if config.flow == "os" else {"w": w_layout, "a": a_layout}
    lines = ["module harness(input clk, input rst, output done,"]
    names = [*streams, "o"]
    lines += [f"    output [31:0] {n}_words," for n in names]
    lines += ["    output reg [31:0] first, output reg [31:0] final_, output reg [31:0] now);"]
    ports = [".clk(clk)", ".rst(rst)"]
    for name in names:
        layout = o_layout(config) if name == "o" else streams[name](config)
        width = layout.size
        lines += [f"wire {name}_valid, {name}_ready;", f"wire [{width - 1}:0] {name}_data;"]
        ports += [f".{name}_valid({name}_valid)", f".{name}_ready({name}_ready)"]
        for field, place in layout:
            high = place.offset + place.width - 1
            ports.append(f".{name}_{field}({name}_data[{high}:{place.offset}])")
        kind, extra = ("sink", ", .done(done)") if name == "o" else ("source", "")
        lines.append(
            f'replay_{kind} #(.WIDTH({width}), .NAME("{name}")) {name}_end(.clk(clk), .rst(rst), '
            f".valid({name}_valid), .ready({name}_ready), .data({name}_data), "
            f".words({name}_words){extra});"
        )
    accepted = " || ".join(f"({n}_valid && {n}_ready)" for n in streams)
    lines.append(f"array dut({', '.join(ports)});")
    lines.append(f"""reg begun;
always @(posedge clk)
    if (rst) begin
        begun <= 0; first <= 0; final_ <= 0; now <= 0;
    end else begin
        now <= now + 1;
        if (!begun && ({accepted})) begin begun <= 1; first <= now; end
        if (o_valid && o_ready) final_ <= now;
    end
endmodule
""")
    return "\n".join(lines)


def _blocks(size: int, tile: int) -> int:
    return math.ceil(size / tile)


class ArrayRunner:
    """Runs GEMMs of any size on one array, tile by tile.

    Parameters
    ----------
    config : ArrayConfig
    sim : str
        "verilator" or "icarus".
    work : Path
        Directory for the files of a run.
    waves : bool
        Record an FST in ``work``.

    Attributes
    ----------
    text : str
        The array's Verilog.
    """

    def __init__(self, config: ArrayConfig, sim: str, work: Path, *, waves: bool = False) -> None:
        self._config, self._work, self._waves = config, work, waves
        self.text = to_verilog(SystolicArray(config), "array", initial=False)
        whole = self.text + REPLAY.read_text(encoding="utf-8") + _harness(config)
        self._build = simulators.build(sim, "harness", whole, waves=waves)

    def gemm(
        self,
        a: Ints,
        b: Ints,
        *,
        a_zero: int = 0,
        b_zero: int = 0,
        a_signed: bool = True,
        b_signed: bool = True,
        input_stall: int = 0,
        output_stall: int = 0,
        seed: int = 1,
        case: str = "",
    ) -> GemmResult:
        """``Σ_k (a[m,k] - a_zero)(b[k,n] - b_zero)`` modulo ``2^acc_bits``, by the hardware.

        Partial sums of a weight-stationary array, one per k tile, are added here. Stalls are
        percentages. Files go to folder ``case`` of ``work``. Raises ``UserError`` for a K that
        could overflow.
        """
        config = self._config
        (m, k), n = a.shape, b.shape[1]
        golden.check_k(k, config.max_k)
        if config.zero_points:
            zeros = {"a": (a_signed, a_zero), "b": (b_signed, b_zero)}
        else:
            if a_zero or b_zero:
                raise ValueError("zero points must be 0 where the array has none")
            zeros = {}
        words, tiles, gather = (
            self._os(a, b, zeros) if config.flow == "os" else self._ws(a, b, zeros)
        )
        rows = len(tiles) * config.rows if config.flow == "os" else sum(tiles)

        work = self._work / case
        work.mkdir(parents=True, exist_ok=True)
        for name, bits in words.items():
            (work / f"{name}.hex").write_text(to_hex(bits), encoding="utf-8")
        began = time.monotonic()
        simulators.run(
            self._build,
            "insitu.verification.sim_models.tb_replay",
            cwd=work,
            plusargs=[
                f"+expected={rows}",
                f"+input_stall={input_stall}",
                f"+output_stall={output_stall}",
            ],
            env={
                "INSITU_BUDGET": str(self._budget(tiles, input_stall, output_stall)),
                "INSITU_QUIET": str(array_latency(config) + config.queue_depth),
            },
            seed=seed,
            waves=self._waves,
        )
        wall = time.monotonic() - began
        counted = json.loads((work / "counters.json").read_text(encoding="utf-8"))
        layout = o_layout(config)
        out = from_hex((work / "o.hex").read_text(encoding="utf-8"), layout.size)
        c = unpack_bits(out[:, : layout["c"].width], config.out_bits, signed=True)
        sums = golden.wrap(gather(c[:rows]), config.acc_bits)[:m, :n]
        return GemmResult(
            c=sums,
            cycles=counted.pop("cycles"),
            model_cycles=array_cycles(config, tiles),
            counters=counted,
            model_counters={f"{name}_words": len(bits) for name, bits in words.items()}
            | {"o_words": rows},
            wall_s=wall,
        )

    def _budget(self, tiles: list[int], input_stall: int, output_stall: int) -> int:
        """Cycles after which a run counts as hung: ten times what stalls can explain."""
        free = array_cycles(self._config, tiles)
        return 1000 + 10 * free * 100 // max(1, 100 - max(input_stall, output_stall))

    def _fields(self, zeros: dict, names: str, count: int, **flags) -> list:
        """Bits of the fields behind the operands, in the order of the layouts."""
        parts = []
        for name in names if zeros else "":
            is_signed, zero = zeros[name]
            bits = (self._config.a if name == "a" else self._config.b).bits
            parts.append(pack_bits(np.full((count, 1), is_signed), 1))
            parts.append(pack_bits(np.full((count, 1), zero), bits))
        return parts + [pack_bits(np.asarray(flag)[:, None], 1) for flag in flags.values()]

    def _pad(self, x: Ints, rows: int, cols: int, zero: int) -> Ints:
        """Pad to multiples with the zero point, which adds nothing to any sum."""
        pads = [(0, -x.shape[0] % rows), (0, -x.shape[1] % cols)]
        return np.pad(x, pads, constant_values=zero)

    def _zero(self, zeros: dict, name: str) -> int:
        return zeros[name][1] if zeros else 0

    def _ws(self, a: Ints, b: Ints, zeros: dict):
        """Weight sets in the order n tile, k tile; all rows of A stream through each."""
        config = self._config
        depth, m = config.k_per_tile, a.shape[0]
        a = self._pad(a, 1, depth, self._zero(zeros, "a"))
        b = self._pad(b, depth, config.cols, self._zero(zeros, "b"))
        k_tiles, n_tiles = b.shape[0] // depth, b.shape[1] // config.cols
        # [n tile][k tile][row][col][dot]
        sets = b.reshape(k_tiles, config.rows, config.dot, n_tiles, config.cols)
        sets = sets.transpose(3, 0, 1, 4, 2).reshape(-1, config.cols * config.dot)
        row_last = np.arange(len(sets)) % config.rows == config.rows - 1
        w = [pack_bits(sets, config.b.bits), *self._fields(zeros, "b", len(sets), last=row_last)]
        # [n tile][k tile][m][row·dot]
        vectors = a.reshape(m, k_tiles, depth).transpose(1, 0, 2).reshape(-1, depth)
        vectors = np.tile(vectors, (n_tiles, 1))
        index = np.arange(len(vectors)) % m
        flags = {"swap": index == 0, "last": index == m - 1}
        v = [pack_bits(vectors, config.a.bits), *self._fields(zeros, "a", len(vectors), **flags)]

        def gather(c: Ints) -> Ints:
            parts = c.reshape(n_tiles, k_tiles, m, config.cols).sum(axis=1)
            return parts.transpose(1, 0, 2).reshape(m, -1)

        words = {"w": np.concatenate(w, axis=1), "a": np.concatenate(v, axis=1)}
        return words, [m] * (n_tiles * k_tiles), gather

    def _os(self, a: Ints, b: Ints, zeros: dict):
        """Output tiles in the order m tile, n tile; all of K streams through each."""
        config = self._config
        a = self._pad(a, config.rows, config.dot, self._zero(zeros, "a"))
        b = self._pad(b, config.dot, config.cols, self._zero(zeros, "b"))
        beats = a.shape[1] // config.dot
        m_tiles, n_tiles = a.shape[0] // config.rows, b.shape[1] // config.cols
        left = a.reshape(m_tiles, config.rows, beats, config.dot).transpose(0, 2, 1, 3)
        right = b.reshape(beats, config.dot, n_tiles, config.cols).transpose(2, 0, 3, 1)
        left = np.repeat(left.reshape(m_tiles, 1, beats, -1), n_tiles, axis=1)
        right = np.repeat(right.reshape(1, n_tiles, beats, -1), m_tiles, axis=0)
        count = m_tiles * n_tiles * beats
        last = np.arange(count) % beats == beats - 1
        parts = [
            pack_bits(left.reshape(count, -1), config.a.bits),
            pack_bits(right.reshape(count, -1), config.b.bits),
            *self._fields(zeros, "ab", count, last=last),
        ]

        def gather(c: Ints) -> Ints:
            tiles = c.reshape(m_tiles, n_tiles, config.rows, config.cols)
            return tiles.transpose(0, 2, 1, 3).reshape(m_tiles * config.rows, -1)

        return {"i": np.concatenate(parts, axis=1)}, [beats] * (m_tiles * n_tiles), gather
