"""Integer sums: bias added, then as they are, or scaled, rounded and bounded to 8 bits."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data

from ...arith.compare import is_less
from ...arith.requantise import Requantise
from ...config.machine import MachineConfig
from ...contract.job import Status
from .base import Finishing, Lanes

__all__ = ["IntegerFinishing"]


class IntegerFinishing(Finishing):
    flag_bits = 20
    sizes = {"wide": 4}
    capabilities = {"requantise": 1, "column_scale": 1, "binary32": 1}

    @staticmethod
    def add(config: MachineConfig, c, kept):
        return c + kept

    @staticmethod
    def begin(config: MachineConfig, d):
        return d

    @staticmethod
    def is_size(job, name: str):
        return job.format == 0

    @staticmethod
    def registers(config: MachineConfig):
        return {"sums": {"bits": config.array.acc_bits}}

    @staticmethod
    def unknown(fields):
        return fields["format"] == 3

    @staticmethod
    def check_scale(checks) -> None:
        job, word = checks.job, checks.word
        exponent = word[23:31]
        bad = word[31] | (exponent == 0) | exponent.all()
        meant = checks.comes("scale") & (job.format != 0) & ~job.column_scale
        checks.fail("scale", bad, meant, Status.BAD_SCALE)

    @staticmethod
    def check_clamp(checks) -> None:
        m, job, comes = checks.m, checks.job, checks.comes("clamp")
        narrow, signed = Signal(), Signal()
        m.d.sync += [narrow.eq(job.format != 0), signed.eq(job.format == 1)]
        values = {name: value.as_signed() for name, value in checks.part("clamp").items()}
        for name, value in values.items():
            # From -128 to 127 all bits from the eighth on are equal; from 0 to 255 all after it 0.
            high = value[7:]
            outside = Mux(signed, high.any() & ~high.all(), high[1:].any())
            checks.fail(name, outside, comes & narrow, Status.UNSUPPORTED)
            with m.If(comes):
                m.d.sync += job[name].eq(value)
        crossed = is_less(m, "crossed", values["high"], values["low"])
        checks.fail("clamp", crossed, comes & narrow, Status.UNSUPPORTED)

    def lanes(self, m: Module, config: MachineConfig, given: Lanes):
        assert self.narrow_cycles == self.wide_cycles + Requantise.LATENCY
        array, job = config.array, given.job
        lanes = config.lanes
        narrow = []
        sums = Signal(data.ArrayLayout(signed(array.acc_bits), lanes), reset_less=True)
        for n in range(lanes):
            picked = Signal(signed(array.acc_bits), name=f"picked_{n}", reset_less=True)
            bias = Signal(signed(32), name=f"bias_{n}", reset_less=True)
            scales = [Signal(32, name=f"scale_{n}_{k}", reset_less=True) for k in range(2)]
            m.d.sync += [
                picked.eq(given.pick(n)),
                bias.eq(Mux(job.bias, given.bias[n], 0)),
                scales[0].eq(Mux(job.column_scale, given.scale[n], job.scale)),
                scales[1].eq(scales[0]),
                sums[n].eq(picked + bias),
            ]
            scale = scales[1]
            m.submodules[f"requantise_{n}"] = unit = Requantise(target=array.target)
            m.d.comb += [
                unit.acc.eq(sums[n]),
                unit.multiplier.eq(Cat(scale[:23], 1)),
                unit.shift.eq(150 - scale[23:31]),
            ]
            for port, name in ((unit.zero, "zero"), (unit.lo, "low"), (unit.hi, "high")):
                own = Signal(signed(9), name=f"{name}_{n}", attrs={"own_register": 1})
                m.d.sync += own.eq(job[name])
                m.d.comb += port.eq(own)
            rounds_twice = Signal(name=f"binary32_{n}", attrs={"own_register": 1})
            m.d.sync += rounds_twice.eq(job.binary32)
            m.d.comb += unit.binary32.eq(rounds_twice)
            narrow.append(unit.y)
        return list(sums), narrow
