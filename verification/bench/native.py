"""A machine between a memory and software in C++: as much as Python would watch every cycle.

Python is woken when an access is over, a thousand cycles later, instead of several times a cycle.
``memory.cpp`` and ``software.cpp`` say what both do; :mod:`.native_memory` and
:mod:`.native_software` have them in hand, within the simulator's own process.
"""

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import cocotb
from amaranth.hdl import Shape
from amaranth.lib import wiring
from cocotb.triggers import RisingEdge

from insitu.hdl.bus.axi import Axi4, Axi4Lite
from insitu.hdl.config import Config, MachineConfig
from insitu.hdl.contract.engine import bank_axi

from .. import simulators
from .designs import machine_verilog
from .stalls import MONITOR

__all__ = ["SOURCES", "Library", "is_native", "library", "machine_build", "native", "watch"]

HERE = Path(__file__).parent
SOURCES = tuple(HERE / name for name in ("memory.cpp", "software.cpp", "channel.h"))
"""What a simulation of :func:`native` is linked with."""

IMPORTS = """\
import "DPI-C" function void memory_cycle(
    input int unsigned rst, input int unsigned bytes,
    input longint unsigned awaddr, input int unsigned awlen, input int unsigned awkind,
    input int unsigned awvalid,
    input bit [DATA-1:0] wdata, input int unsigned wstrb, input int unsigned wlast,
    input int unsigned wvalid, input int unsigned bready,
    input longint unsigned araddr, input int unsigned arlen, input int unsigned arkind,
    input int unsigned arvalid, input int unsigned rready,
    output int unsigned flags, output bit [DATA-1:0] rdata);
import "DPI-C" function void software_cycle(
    input int unsigned rst, input int unsigned awready, input int unsigned wready,
    input int unsigned bresp, input int unsigned bvalid, input int unsigned arready,
    input int unsigned rdata, input int unsigned rresp, input int unsigned rvalid,
    output int unsigned flags, output int unsigned awaddr, output int unsigned wdata,
    output int unsigned araddr, output int unsigned written, output int unsigned fetched);
"""

CYCLE = """\
int unsigned m_flags, s_flags, s_aw, s_w, s_ar, s_written, s_fetched;
bit [DATA-1:0] m_data;
reg fault;
reg [31:0] written, fetched;
assign m_axi_bid = 0;
assign m_axi_rid = 0;
assign s_axil_awprot = 0;
assign s_axil_arprot = 0;
always @(posedge clk) begin
    memory_cycle(32'(rst), DATA / 8, 64'(m_axi_awaddr), 32'(m_axi_awlen),
        32'({m_axi_awsize, m_axi_awburst}), 32'(m_axi_awvalid), m_axi_wdata, 32'(m_axi_wstrb),
        32'(m_axi_wlast), 32'(m_axi_wvalid), 32'(m_axi_bready), 64'(m_axi_araddr),
        32'(m_axi_arlen), 32'({m_axi_arsize, m_axi_arburst}), 32'(m_axi_arvalid),
        32'(m_axi_rready), m_flags, m_data);
    software_cycle(32'(rst), 32'(s_axil_awready), 32'(s_axil_wready), 32'(s_axil_bresp),
        32'(s_axil_bvalid), 32'(s_axil_arready), s_axil_rdata, 32'(s_axil_rresp),
        32'(s_axil_rvalid), s_flags, s_aw, s_w, s_ar, s_written, s_fetched);
    {m_axi_rlast, m_axi_rresp, m_axi_rvalid, m_axi_bresp, m_axi_bvalid, m_axi_arready, m_axi_wready,
        m_axi_awready} <= m_flags[9:0];
    m_axi_rdata <= m_data;
    {s_axil_rready, s_axil_arvalid, s_axil_bready, s_axil_wvalid, s_axil_awvalid} <= s_flags[4:0];
    s_axil_wstrb <= s_flags[11:8];
    s_axil_awaddr <= s_aw[ADDR-1:0];
    s_axil_wdata <= s_w;
    s_axil_araddr <= s_ar[ADDR-1:0];
    fault <= m_flags[10] | s_flags[5];
    written <= s_written;
    fetched <= s_fetched;
end
"""


def native(config: MachineConfig, text: str) -> str:
    """Verilog of module ``bench``: ``text``, its machine ``gemm``, and both ends, for Verilator.

    It has ``clk``, ``rst``, ``irq``, the port into the banks if there is one, and the stalls of
    :class:`~.stalls.Stalls`.
    """
    memory = Axi4(config.bus_bits, config.addr_bits).members.items()
    # Seen from the machine's side, registers' inputs are what software drives.
    control = [(n, member.flip()) for n, member in Axi4Lite(12).members.items()]
    ports, wires, pins = ["input clk", "input rst", "output irq"], [], []
    pins = [f".{name}({name})" for name in ("clk", "rst", "irq")]
    for prefix, members in (("m_axi", memory), ("s_axil", control)):
        for name, member in members:
            width = Shape.cast(member.shape).width
            driven = member.flow == wiring.In and name not in ("bid", "rid", "awprot", "arprot")
            wires.append(f"{'reg' if driven else 'wire'} [{width - 1}:0] {prefix}_{name};")
            pins.append(f".{prefix}_{name}({prefix}_{name})")
    if config.array.bank_port:
        for name, member in bank_axi(config).members.items():
            way = "input" if member.flow == wiring.Out else "output"
            ports.append(f"{way} [{Shape.cast(member.shape).width - 1}:0] s_axi_{name}")
            pins.append(f".s_axi_{name}(s_axi_{name})")
    watched = [f".{name}({name})" for name in ("clk", "rst")]
    for prefix, channels in (("m_axi", "aw w b ar r"), ("s_axil", "aw w b ar r")):
        for channel in channels.split():
            last = ["last"] if prefix == "m_axi" and channel in "wr" else []
            for end in ("valid", "ready", *last):
                watched.append(f".{prefix}_{channel}{end}({prefix}_{channel}{end})")
    lines = [f"module bench({', '.join(ports)});", f"localparam DATA = {config.bus_bits};"]
    lines += ["localparam ADDR = 12;", IMPORTS, *wires, CYCLE]
    lines += [f"gemm machine({', '.join(pins)});", f"stall_monitor stalls({', '.join(watched)});"]
    return "\n".join([text, MONITOR.read_text(encoding="utf-8"), *lines, "endmodule", ""])


def machine_build(config: Config, *, fast: bool = True) -> simulators.Build:
    """The simulation of a machine between both, which all tests of its configuration share."""
    text = native(config.shell, machine_verilog(config))
    return simulators.build("verilator", "bench", text, fast=fast, native=SOURCES)


def is_native(dut: Any) -> bool:
    """Whether it is a design of :func:`native`."""
    return hasattr(dut, "fetched")


class Library(ctypes.CDLL):
    """What ``memory.cpp`` and ``software.cpp`` offer, in the simulator that Python runs in."""

    def __init__(self) -> None:
        super().__init__(None)
        u32, u64, text = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_char_p
        some = ctypes.POINTER(u64)
        for name, takes, gives in (
            ("memory_begin", (), None),
            ("memory_write", (u64, text, u64), None),
            ("memory_read", (u64, text, u64), None),
            ("memory_allow", (u32, u32, some, u64), None),
            ("memory_stall", (u32, text, u64), None),
            ("memory_pace", (u32, u32), None),
            ("memory_broken", (some,), u32),
            ("memory_fault", (), text),
            ("memory_answers", (u32, u64, u32), None),
            ("memory_ends", (u32, some, u64), u64),
            ("software_begin", (), None),
            ("software_write", (u32, u32, u32), u64),
            ("software_read", (u32, u64), u64),
            ("software_answer", (u32, u64), u64),
            ("software_stall", (u32, text, u64), None),
            ("software_depth", (u32,), None),
            ("software_fault", (), text),
        ):
            function = getattr(self, name)
            function.argtypes, function.restype = takes, gives


@cache
def library() -> Library:
    """The one of this process."""
    return Library()


def watch(dut: Any) -> None:
    """From now on a broken rule of a bus fails the test."""

    async def failing() -> None:
        await RisingEdge(dut.fault)
        told = library().memory_fault() or library().software_fault()
        raise AssertionError(told.decode())

    cocotb.start_soon(failing())
