"""Devices: limits, and how Yosys and nextpnr are told of them."""

from dataclasses import dataclass

from insitu.hdl.config import UserError

__all__ = ["DEVICES", "Device", "device"]


@dataclass(frozen=True)
class Device:
    """An FPGA as the flow knows it.

    ``family`` is a target of the configuration; limits are counts of LUT4s, DSPs and block RAMs, as
    nextpnr reports them for the device.
    """

    name: str
    part: str
    family: str
    speed: str
    lut4: int
    dsp: int
    bram: int
    pnr: str
    flags: tuple[str, ...]

    def placing(self, unit: str, name: str, core: str) -> tuple[str, ...]:
        """Options of nextpnr for a unit of configuration ``name``; ``core`` is the table of what
        computes in its machine."""
        if self.family != "ecp5":
            return self.flags
        keys = (f"{name}.{unit}", f"{core}.{unit}", unit, "array")
        key = next(key for key in keys if key in PLACING)
        return (*self.flags, *PLACING[key])

    @property
    def synth(self) -> str:
        """Yosys command that maps to the family.

        Without ``-dsp`` on iCE40: its packing of registers and adders into DSPs, instantiated or
        inferred, gave netlists that compute something else (Yosys 0.70, seen by the netlist test).
        """
        return {"ecp5": "synth_ecp5", "ice40": "synth_ice40"}[self.family]


# How nextpnr places. How much timing counts is by default 10, with which arrays come out up to 10 %
# slower; with 30 one that fills the device takes half an hour to route. With 20 a whole machine is
# routed in a few minutes and as fast as with more: ws-8x8 at 151.1, 157.3 and 159.8 MHz (seeds 1 to
# 3). With 40 its cells crowd: of seed 1 65 arcs were left after 13 minutes, as were hundreds of
# mesh-8x8, inbank-8x8 and ws-12x12; os-8x8 has room, with 20 it came out at 147.4 (seed 2).
# A tile is mostly broad wires, which the placer that spreads all cells at once makes shorter: 104
# MHz estimated, 89 with a weight of 20 (cim-64x16-plain, seed 1). So it is with a machine around a
# tile: what the other placer leaves of cim-64x16 is not routed in a quarter of an hour (seed 1).
# The second router was tried and makes arrays 30 % slower.
PLACING = {
    "array": ("--placer-heap-timingweight", "20"),
    "os-8x8.machine": ("--placer-heap-timingweight", "40"),
    "tile": ("--placer", "static"),
    "cim.machine": ("--placer", "static"),
}

DEVICES = {
    d.name: d
    for d in (
        Device(
            "ecp5-85f", "LFE5U-85F", "ecp5", "6", 83640, 156, 208, "nextpnr-ecp5",
            ("--85k", "--package", "CABGA756", "--speed", "6"),
        ),
        Device(
            "ecp5-25f", "LFE5U-25F", "ecp5", "6", 24288, 28, 56, "nextpnr-ecp5",
            ("--25k", "--package", "CABGA381", "--speed", "6"),
        ),
        Device(
            "up5k", "iCE40UP5K", "ice40", "-", 5280, 8, 30, "nextpnr-ice40",
            ("--up5k", "--package", "sg48"),
        ),
        Device(
            "hx8k", "iCE40HX8K", "ice40", "-", 7680, 0, 32, "nextpnr-ice40",
            ("--hx8k", "--package", "ct256"),
        ),
    )
}  # fmt: skip


def device(name: str | None, family: str = "generic") -> Device:
    """Device ``name``; if that is left out the first of ``family``, or of all if it has none.

    ``UserError`` if there is none of that name.
    """
    if name is None:
        return next((d for d in DEVICES.values() if d.family == family), DEVICES["ecp5-85f"])
    if name not in DEVICES:
        raise UserError(f"DEVICE: must be one of {', '.join(DEVICES)}, not {name!r}")
    return DEVICES[name]
