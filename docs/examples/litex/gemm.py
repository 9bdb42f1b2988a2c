"""A machine as a LiteX peripheral, and a small SoC with it.

``add_gemm`` is all that a SoC of one's own needs. Run as a program this writes the Verilog of the
SoC below, with a map of its addresses, to ``build/litex``. LiteX is in ``.venv``::

    make verilog CONFIG=ws-8x8
    .venv/bin/python docs/examples/litex/gemm.py

``verification/export/test_litex.py`` simulates that SoC on six kinds of bus, with LiteX 2024.12. No
board has run it.

LiteX's bridges between buses answer OKAY where there was an error. Software then learns of a full
queue from ``dropped`` in ``status`` alone, and a descriptor that points outside of memory ends as
``ok``. A processor that caches memory and has no ``dma_bus`` drops what it holds of C before it
reads it, in LiteX's C with ``flush_cpu_dcache()``.
"""

import argparse
from contextlib import chdir
from pathlib import Path

from litex.build.generic_platform import GenericPlatform, Pins
from litex.build.io import CRG
from litex.gen import LiteXModule
from litex.soc.integration.builder import Builder
from litex.soc.integration.soc import LiteXSoC, SoCRegion
from litex.soc.integration.soc_core import SoCMini
from litex.soc.interconnect import axi
from litex.soc.interconnect.csr_eventmanager import EventManager, EventSourceLevel
from migen import ClockSignal, Instance, ResetSignal, Signal

REGISTER_BYTES = 4096
REGISTERS = {"aw": "addr prot", "w": "data strb", "b": "resp", "ar": "addr prot", "r": "data resp"}
MEMORY = {
    "aw": "id addr len size burst cache prot",
    "w": "data strb last",
    "b": "id resp",
    "ar": "id addr len size burst cache prot",
    "r": "id data resp last",
}


def pins(prefix: str, bus, channels: dict[str, str], *, is_master: bool) -> dict:
    """Ports of the machine that begin with ``prefix``, connected to ``bus``."""
    found = {}
    for channel, fields in channels.items():
        drives = is_master == (channel in ("aw", "w", "ar"))
        for name in [*fields.split(), "valid", "ready"]:
            signal = getattr(getattr(bus, channel), name)
            if name == "addr" and not is_master:
                signal = signal[: REGISTER_BYTES.bit_length() - 1]
            way = "o" if drives != (name == "ready") else "i"
            found[f"{way}_{prefix}_{channel}{name}"] = signal
    return found


class InsituGemm(LiteXModule):
    """The core: ``registers`` is a slave, ``memory`` a master, ``ev`` has its interrupt.

    The interrupt is a level: clear it in the core's ``irq_status``, not in ``ev``.

    Parameters
    ----------
    platform : GenericPlatform
    verilog : Path
        What ``make verilog`` wrote.
    bus_bits, addr_bits : int
        Those of the configuration's table [machine].
    """

    def __init__(self, platform, verilog: Path, *, bus_bits: int = 64, addr_bits: int = 32):
        self.registers = axi.AXILiteInterface(data_width=32, address_width=addr_bits)
        self.memory = axi.AXIInterface(data_width=bus_bits, address_width=addr_bits, id_width=1)
        self.ev = EventManager()
        self.ev.gemm = EventSourceLevel(description="A descriptor was completed.")
        self.ev.finalize()
        ports = pins("s_axil", self.registers, REGISTERS, is_master=False)
        ports |= pins("m_axi", self.memory, MEMORY, is_master=True)
        # Ready only with valid: LiteX 2024.12's converter from wider buses takes a ready that
        # waits for a handshake that was (its pull request 1944).
        for channel in ("aw", "w"):
            ports[f"o_s_axil_{channel}ready"] = ready = Signal()
            end = getattr(self.registers, channel)
            self.comb += end.ready.eq(ready & end.valid)
        self.core = Instance(
            "gemm",
            i_clk=ClockSignal("sys"),
            i_rst=ResetSignal("sys"),
            o_irq=self.ev.gemm.trigger,
            **ports,
        )
        platform.add_source(str(verilog))


def add_gemm(
    soc: LiteXSoC, verilog: Path, *, name: str = "gemm", origin: int | None = None, **config: int
) -> InsituGemm:
    """Add the core to ``soc``, its registers at ``origin`` or where LiteX has room for I/O.

    ``config`` are the remaining parameters of :class:`InsituGemm`.
    """
    core = InsituGemm(soc.platform, verilog, **config)
    soc.add_module(name, core)
    region = SoCRegion(origin=origin, size=REGISTER_BYTES, cached=False)
    soc.bus.add_slave(name, core.registers, region)
    # Coherent with the caches of a processor that has a port for it.
    getattr(soc, "dma_bus", soc.bus).add_master(name, core.memory)
    if soc.irq.enabled:
        soc.irq.add(name, use_loc_if_exists=True)
    return core


class VerilogOnly(GenericPlatform):
    """No device and no tools: its build is Verilog."""

    def build(self, soc, *, build_dir: str, build_name: str, **_) -> None:
        with chdir(build_dir):
            self.get_verilog(soc, name=build_name).write(f"{build_name}.v")


class ExampleSoC(SoCMini):
    """Core and 64 KiB of memory; what would be the processor comes in through pins, as AXI-Lite."""

    def __init__(self, verilog: Path, **bus):
        platform = VerilogOnly("", [(pin, 0, Pins(1)) for pin in ("clk", "rst", "irq")])
        self.crg = CRG(platform.request("clk"), platform.request("rst"))
        super().__init__(platform, 50e6, integrated_main_ram_size=1 << 16, **bus)
        # Without a processor LiteX keeps no room for the CSRs, which it places at 0 afterwards.
        core = add_gemm(self, verilog, origin=0x9000_0000)
        host = axi.AXILiteInterface()
        self.bus.add_master("host", host)
        platform.add_extension(host.get_ios("host"))
        self.comb += host.connect_to_pads(platform.request("host"), mode="slave")
        self.comb += platform.request("irq").eq(core.ev.irq)


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes the example SoC's Verilog.")
    parser.add_argument("--verilog", type=Path, default=Path("build/verilog/ws-8x8/gemm.v"))
    parser.add_argument("--out", type=Path, default=Path("build/litex"))
    parser.add_argument("--bus-standard", default="wishbone", help="wishbone, axi-lite or axi")
    parser.add_argument("--bus-data-width", type=int, default=32)
    args = parser.parse_args()
    bus = {"bus_standard": args.bus_standard, "bus_data_width": args.bus_data_width}
    soc = ExampleSoC(args.verilog.resolve(), **bus)
    Builder(soc, output_dir=str(args.out), compile_software=False).build(build_name="soc")


if __name__ == "__main__":
    main()
