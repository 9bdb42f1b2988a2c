"""Faults between a machine and its bench in C++: each is found, by the rule that it breaks."""

import re

import pytest

from insitu.hdl.config import load
from insitu.verification import simulators
from insitu.verification.bench.designs import machine_verilog
from insitu.verification.bench.native import SOURCES, native
from insitu.verification.bench.passed import at_night

NAME = "ws-tiny"
MACHINE = "insitu.verification.machine.tb_machine"

# Signal, what the other end sees of `x` if the fault is there, cocotb test, what that says.
FAULTS = [
    (
        "m_axi_awvalid",
        "x & (odd | m_axi_awready)",
        "descriptors",
        "write address that did not",
    ),
    ("m_axi_wdata", "x ^ {63'b0, odd & !m_axi_wready}", "descriptors", "data that did not stay"),
    ("m_axi_awaddr", "x ^ 32'h100000", "bus_errors", "tag and status"),
    ("m_axi_bresp", "2'b0", "bus_errors", ": (5, 0)"),
    ("m_axi_rresp", "2'b0", "bus_errors", "(0, 0)"),
    ("m_axi_arlen", "x | 8'hff", "descriptors", "burst that crosses 4 KiB"),
    ("m_axi_wlast", "1'b0", "descriptors", "wlast where the address does not say so"),
    ("m_axi_wvalid", "x & (odd | m_axi_wready)", "descriptors", "data that did not stay"),
    ("m_axi_arvalid", "x & (odd | m_axi_arready)", "descriptors", "read address that did not"),
    (
        "m_axi_araddr",
        "x ^ {odd & !m_axi_arready, 3'b0}",
        "descriptors",
        "read address that did not",
    ),
    ("m_axi_wdata", "x ^ 64'b1", "descriptors", "row 0 of C differs"),
    ("m_axi_araddr", "x ^ 32'h100000", "bus_errors", "tag and status"),
    ("m_axi_awaddr", "x | 32'h4", "descriptors", "burst that does not begin at a word"),
    ("m_axi_awlen", "x + 8'd1", "descriptors", "wlast where the address does not say so"),
    ("m_axi_awburst", "x ^ 2'b1", "descriptors", "burst that is not INCR"),
    ("m_axi_arsize", "x ^ 3'b1", "descriptors", "burst of other words than the bus has"),
    ("m_axi_wstrb", "8'hff", "descriptors", "tag and status"),
    ("s_axil_bvalid", "1'b1", "bus_errors", "response to no write"),
    ("s_axil_bvalid", "x & (odd | s_axil_bready)", "descriptors", "response that did not stay"),
    ("s_axil_rvalid", "1'b1", "bus_errors", "data of no read"),
    (
        "s_axil_rdata",
        "x ^ {31'b0, odd & !s_axil_rready}",
        "descriptors",
        "register that did not",
    ),
]
INPUTS = ("m_axi_bresp", "m_axi_rresp")


def _faulty(text: str) -> str:
    """``text`` of a bench with all of ``FAULTS``; ``+which=`` says which is there, from 1 on."""
    lines = ["reg odd = 0; integer which = 0;", "always @(posedge clk) odd <= !odd;"]
    lines += ['initial if (!$value$plusargs("which=%d", which)) which = 0;']
    for name in dict.fromkeys(signal for signal, *_ in FAULTS):
        pin, whole = f".{name}({name})", name
        # Only of `gemm`: what counts stalls sees the bench's side.
        head, machine, tail = text.rpartition("\ngemm machine(")
        assert machine
        assert tail.count(f"{pin},") + tail.count(f"{pin})") >= 1, name
        text = head + machine + tail.replace(pin, f".{name}(x_{name})", 1)
        for number, (signal, seen, *_) in enumerate(FAULTS, 1):
            if signal == name:
                theirs = name if name in INPUTS else f"x_{name}"
                seen = re.sub(r"^x\b", theirs, seen)
                whole = f"which == {number} ? {seen} : {whole}"
        if name in INPUTS:
            lines += [f"wire [$bits({name})-1:0] x_{name} = {whole};"]
        else:
            lines += [f"wire [$bits({name})-1:0] x_{name};"]
            lines += [f"assign {name} = {whole.removesuffix(name)}x_{name};"]
    head, machine, tail = text.rpartition("\ngemm machine(")
    return "\n".join([head, *lines]) + machine + tail


def _run(number: int, test: str, path) -> None:
    config = load(NAME, "generic")
    text = _faulty(native(config.shell, machine_verilog(config)))
    build = simulators.build("verilator", "bench", text, fast=False, native=SOURCES)
    env = {"INSITU_CONFIG": NAME, "INSITU_SIZES": "uniform-20", "INSITU_COUNT": "13"}
    # A machine that hangs on its fault is found as well, but sooner.
    env |= {"INSITU_SEED": "2", "INSITU_LIMIT_MS": "2"}
    simulators.run(
        build, MACHINE, cwd=path, env=env, plusargs=[f"+which={number}"], tests=[test], seed=2
    )


@pytest.mark.parametrize("number", at_night(list(range(1, len(FAULTS) + 1)), 5))
def test_fault_is_found(number, tmp_path):
    _, _, test, told = FAULTS[number - 1]
    with pytest.raises(simulators.SimulationError) as failed:
        _run(number, test, tmp_path)
    log = (tmp_path / "sim.log").read_text(encoding="utf-8")
    assert told in log, str(failed.value)


def test_without_a_fault(tmp_path):
    for test in ("descriptors", "bus_errors"):
        _run(0, test, tmp_path / test)
