"""Models of the vendors' primitives: Verilator has nothing against them beside what uses them."""

from collections.abc import Callable

import pytest
from amaranth.lib.wiring import Component

from insitu.hdl.array import SystolicArray
from insitu.hdl.compact.memory import SinglePort
from insitu.hdl.compact.products import Products
from insitu.hdl.config import ArrayConfig, load
from insitu.hdl.export import write_verilog
from insitu.verification import simulators

ECP5 = ArrayConfig(flow="os", rows=16, cols=2, dot=2, target="ecp5", multiplier="dsp")
WHOLE = ArrayConfig(rows=2, cols=2, target="ice40", multiplier="dsp")
USERS: dict[str, tuple[Callable[[], Component], str]] = {
    "ecp5": (lambda: SystolicArray(ECP5), "CCU2C DP16KD LUT4 MULT18X18D PFUMX"),
    "ice40": (lambda: SystolicArray(WHOLE), "SB_MAC16"),
    "up5k": (lambda: SystolicArray(load("up5k").array), "SB_MAC16"),
    "products": (lambda: Products(load("up5k").compact), "SB_MAC16"),
    "memory": (lambda: SinglePort(load("up5k").compact), "SB_SPRAM256KA"),
}


@pytest.mark.parametrize("name", USERS)
def test_primitives_are_clean(name, tmp_path):
    """Linted together with a design that instantiates them; a warning is an error."""
    make, expected = USERS[name]
    path = tmp_path / "top.v"
    write_verilog(make(), "top", path)
    models = simulators.primitives(path.read_text(encoding="utf-8"))
    assert [model.stem for model in models] == expected.split()
    simulators.lint(path, "top", *models)


def test_every_primitive_is_linted():
    used = {name for _, expected in USERS.values() for name in expected.split()}
    assert used == {path.stem for path in simulators.PRIMITIVES.glob("*.v")}
