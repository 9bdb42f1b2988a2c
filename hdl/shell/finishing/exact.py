"""Exact sums of floating-point numbers: rounded to binary32, bias and D added, then narrowed."""

from amaranth.hdl import Cat, Module, Mux, Signal

from ...arith.floats import Adder, Narrow, Rounder
from ...arith.numbers import arithmetic
from ...config.machine import MachineConfig
from ...config.numbers import EXACT
from ...formats import FLOAT_FORMATS
from ...stream import Delay
from .base import Finishing, Lanes

__all__ = ["NARROW", "ExactFinishing"]

NARROW = ("bf16", "fp16", "e4m3", "e5m2")
"""Results besides binary32; descriptors number them from 4."""
NOTHING = 0x80000000  # −0: added to anything it leaves that as it is
FLAGS = EXACT.flags


class ExactFinishing(Finishing):
    """D waits above the sum, as it is added to what has been rounded."""

    flag_bits = 22
    sizes = {"wide": 4, "half": 2}

    @staticmethod
    def add(config: MachineConfig, c, kept):
        bits = config.array.acc_bits + FLAGS
        total = arithmetic(config.array).add(c, kept[:bits])
        return Cat(total[:bits], kept[bits:])

    @staticmethod
    def begin(config: MachineConfig, d):
        return d << config.array.acc_bits + FLAGS

    @staticmethod
    def is_size(job, name: str):
        return job.format == 0 if name == "wide" else job.format[2] & ~job.format[1]

    @staticmethod
    def registers(config: MachineConfig):
        bits = config.array.acc_bits
        sums = {"bits": bits % 64, "bits_high": bits // 64}
        return {"version": {"minor": EXACT.minor}, "sums": sums}

    @staticmethod
    def profile(config: MachineConfig):
        names = list(FLOAT_FORMATS)
        found = {"a": config.array.a, "b": config.array.b}
        return {f"{x}_format": 1 + names.index(f.name) for x, f in found.items()}

    @staticmethod
    def unknown(fields):
        no_format = ~fields["format_high"] & (fields["format"] != 0)
        return no_format | fields["column_scale"] | fields["binary32"]

    @staticmethod
    def set_flags(m: Module, job, comes, fields) -> None:
        with m.If(comes):
            m.d.sync += [
                job.format.eq(Cat(fields["format"], fields["format_high"])),
                job.saturates.eq(fields["saturates"]),
            ]

    def lanes(self, m: Module, config: MachineConfig, given: Lanes):
        job, bits = given.job, config.array.acc_bits
        found = []
        for n in range(config.lanes):
            picked = Signal(config.sum_bits, name=f"picked_{n}", reset_less=True)
            bias, d = (Signal(32, name=f"{x}_{n}", reset_less=True) for x in ("bias", "d"))
            m.d.sync += [
                picked.eq(given.pick(n)),
                bias.eq(Mux(job.bias, given.bias[n], NOTHING)),
            ]
            m.d.comb += d.eq(Mux(job.addend, picked[bits + FLAGS :], NOTHING))
            m.submodules[f"rounder_{n}"] = rounder = Rounder(bits, EXACT.unit(config.array))
            m.submodules[f"bias_adder_{n}"] = first = Adder()
            m.submodules[f"d_adder_{n}"] = second = Adder()
            m.submodules[f"narrow_{n}"] = narrow = Narrow([FLOAT_FORMATS[x] for x in NARROW])
            m.submodules[f"bias_delay_{n}"] = wait = Delay(32, rounder.latency)
            m.submodules[f"d_delay_{n}"] = longer = Delay(32, rounder.latency + Adder.LATENCY)
            m.submodules[f"wide_delay_{n}"] = wide = Delay(32, Narrow.LATENCY)
            m.d.comb += [
                Cat(rounder.nan, rounder.positive, rounder.negative).eq(picked),
                rounder.x.eq(picked[FLAGS:]),
                wait.i.eq(bias),
                longer.i.eq(d),
                first.a.eq(rounder.y),
                first.b.eq(wait.o),
                second.a.eq(first.y),
                second.b.eq(longer.o),
                narrow.x.eq(second.y),
                wide.i.eq(second.y),
            ]
            m.d.sync += [narrow.choice.eq(job.format[:2]), narrow.saturates.eq(job.saturates)]
            after = rounder.latency + 2 * Adder.LATENCY + Narrow.LATENCY
            assert self.narrow_cycles == self.wide_cycles == 1 + after
            found.append(Mux(job.format == 0, wide.o, narrow.y))
        return found, found
