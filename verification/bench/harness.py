"""Verilog around a machine: reference memory and player, for runs at simulator speed."""

from amaranth.hdl import Shape
from amaranth.lib import wiring

from insitu.hdl.config import MachineConfig
from insitu.hdl.contract.engine import bank_axi

__all__ = ["MEMORY_BYTES", "harness"]

MEMORY_BYTES = 1 << 26
"""Of the reference memory."""


def harness(config: MachineConfig, mutants: bool) -> str:
    """Verilog of module ``harness``: machine, reference memory, player.

    ``mutants``: the machine has an input ``mutsel``, which ``+mutant=`` sets.
    """
    bus = config.bus_bits
    wires = {
        "awaddr": config.addr_bits, "awlen": 8, "awvalid": 1, "awready": 1,
        "wdata": bus, "wstrb": bus // 8, "wlast": 1, "wvalid": 1, "wready": 1,
        "bresp": 2, "bvalid": 1, "bready": 1,
        "araddr": config.addr_bits, "arlen": 8, "arvalid": 1, "arready": 1,
        "rdata": bus, "rresp": 2, "rlast": 1, "rvalid": 1, "rready": 1,
    }  # fmt: skip
    control = {
        "awaddr": 12, "awvalid": 1, "awready": 1, "wdata": 32, "wvalid": 1, "wready": 1,
        "bresp": 2, "bvalid": 1, "araddr": 12, "arvalid": 1, "arready": 1, "rdata": 32, "rvalid": 1,
    }  # fmt: skip
    lines = ["module harness(input clk, input rst, output done, output [31:0] broken,"]
    lines += ["    output reg [63:0] now, input save);"]
    lines += [f"wire [{width - 1}:0] m_{name};" for name, width in wires.items()]
    lines += [f"wire [{width - 1}:0] s_{name};" for name, width in control.items()]
    machine = [f".m_axi_{name}(m_{name})" for name in wires]
    machine += [f".s_axil_{name}(s_{name})" for name in control]
    machine += [".s_axil_wstrb(4'hf)", ".s_axil_bready(1'b1)", ".s_axil_rready(1'b1)"]
    machine += [".s_axil_awprot(3'b0)", ".s_axil_arprot(3'b0)", ".m_axi_bid(1'b0)"]
    machine += [".m_axi_rid(1'b0)"]
    if config.array.bank_port:
        # Nobody uses the port into the banks here.
        members = {n: x for n, x in bank_axi(config).members.items() if x.flow == wiring.Out}
        machine += [f".s_axi_{n}({Shape.cast(x.shape).width}'b0)" for n, x in members.items()]
    if mutants:
        machine.append(".mutsel(mutsel)")
        lines += ["reg [15:0] mutsel;"]
        lines += ['initial if (!$value$plusargs("mutant=%d", mutsel)) mutsel = 0;']
    memory = [f".{name}(m_{name})" for name in wires] + [".broken(broken)", ".save(save)"]
    player = [f".{name}(s_{name})" for name in control] + [".done(done)"]
    words = MEMORY_BYTES // config.bus_bytes
    shape = f"#(.DATA({bus}), .ADDR({config.addr_bits}), .WORDS({words}))"
    for module, name, ports in (
        ("gemm", "dut", machine),
        (f"reference_memory {shape}", "ram", memory),
        ("player", "software", player),
    ):
        lines.append(f"{module} {name}(.clk(clk), .rst(rst), {', '.join(ports)});")
    lines += ["always @(posedge clk) now <= rst ? 0 : now + 1;", "endmodule", ""]
    return "\n".join(lines)
