"""Cocotb test of a network in C: ``docs/examples/driver.c`` runs its products on the RTL."""

import os
from pathlib import Path

import cocotb
import numpy as np

from insitu.hdl.config import load
from insitu.machine import Machine
from insitu.program.networks import Network
from insitu.program.networks.graph import read
from insitu.verification.host.tb_driver import Driver, start
from insitu.verification.networks.in_c import Linked


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def network(dut):
    """Every tensor is right, and every descriptor took some cycles."""
    bench = await start(dut)
    graph = read(os.environ["INSITU_MODEL"])
    with np.load(os.environ["INSITU_INPUTS"]) as file:
        inputs = {name: file[name] for name in file.files}
    config = load(os.environ["INSITU_CONFIG"], "generic")
    emitted = Network(graph, Machine(config)).emit("network", inputs)
    memory = bench.ram.memory
    linked = Linked(
        Path(os.environ["INSITU_DRIVER"]), emitted, graph, inputs, memory.write, memory.read
    )
    software = Driver(bench)
    await software.probe()
    await software.call("network_load")
    assert await software.call("network_network", *linked.arguments()) == 0
    linked.check()
    assert [count > 0 for count in linked.cycles[:4]] == [True, True, True, False]
