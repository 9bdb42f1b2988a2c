"""Verilog with conventional flat port names.

A stream ``a`` with fields ``swap`` and ``last`` becomes the ports ``a_valid``, ``a_ready``,
``a_swap`` and ``a_last``; arrays become one vector with element 0 in the low bits.
"""

import hashlib
import re
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import Elaboratable, Module, Shape, Signal, Value
from amaranth.lib import data, wiring

from ..support.files import write_whole
from ..support.tools import scratch_folder
from . import yosys
from .library import Library
from .share import share_modules

# Amaranth's second names for elements of arrays, \a[0]. Each is a wire that nothing reads; ABC9
# takes it for bit 0 of \a where the two meet, and stops.
_ELEMENT_NAMES = re.compile(r"^ *(?:wire|connect) (?:width \d+ |signed )*\\\S*\[.*\n", re.MULTILINE)

# Functions that Yosys makes of one-hot selectors.
_FUNCTION_NAMES = re.compile(r"\\\$(procmux\$)")

# Rules of Verilator that Verilog from Yosys breaks, and means to.
QUIET = (
    "WIDTHEXPAND",  # the language extends operands
    "WIDTHTRUNC",  # and cuts results
    "CMPCONST",  # a comparison may be constant at small sizes
    "UNSIGNED",  # and so may one with 0
    "PINMISSING",  # vendors' cells have pins of no use here
    "CASEOVERLAP",  # one-hot selectors are written as patterns
    "UNOPTFLAT",  # fields of a word depend on each other, no bit on itself
)

__all__ = ["Flat", "design_hash", "lower", "to_rtlil", "to_verilog", "write_verilog"]


class Flat(Elaboratable):
    """Wraps a component so that each field of each port is a plain signal.

    Parameters
    ----------
    component : :class:`~amaranth.lib.wiring.Component`
    prefix : str
        Put before each port name: for several components in one module.
    """

    def __init__(self, component: wiring.Component, prefix: str = ""):
        self._component, self._prefix = component, prefix
        self.ports: dict[str, Signal] = {}
        self._inputs: list[tuple[Value, Signal]] = []
        self._outputs: list[tuple[Signal, Value]] = []
        for path, member, value in component.signature.flatten(component):
            names = [str(part) for part in path]
            if len(names) > 1 and names[-1] == "payload":
                names.pop()
            self._add(names, Shape.cast(member.shape), value, member.flow == wiring.In)

    def _add(self, names: list[str], shape: Shape, value, is_input: bool) -> None:
        layout = value.shape() if isinstance(value, data.View) else None
        if isinstance(layout, data.StructLayout):
            for field, _ in layout:
                part = value[field]
                self._add([*names, field], Value.cast(part).shape(), part, is_input)
            return
        name = self._prefix + "_".join(names)
        raw = Value.cast(value)
        port = Signal(Shape(len(raw), shape.signed and layout is None), name=name)
        self.ports[name] = port
        if is_input:
            self._inputs.append((raw, port))
        else:
            self._outputs.append((port, raw))

    def input_ports(self) -> list[Signal]:
        """Ports that the outside drives."""
        return [port for _, port in self._inputs]

    def output_ports(self) -> list[Signal]:
        """Ports that the component drives."""
        return [port for port, _ in self._outputs]

    def elaborate(self, platform):
        m = Module()
        m.submodules.core = self._component
        m.d.comb += [inner.eq(port) for inner, port in self._inputs]
        m.d.comb += [port.eq(inner) for port, inner in self._outputs]
        return m


def to_rtlil(flat, name: str) -> str:
    """RTLIL of ``flat`` as module ``name``, clocked by ``clk`` with synchronous ``rst``.

    ``flat`` is a :class:`Flat`, or anything elaboratable with a ``ports`` dictionary. Equal modules
    are shared, see :mod:`insitu.hdl.export.library` and :mod:`insitu.hdl.export.share`.
    """
    library = Library()
    text = rtlil.convert(
        flat, name=name, platform=library, ports=list(flat.ports.values()), emit_src=False
    )
    return share_modules(_ELEMENT_NAMES.sub("", "".join([text, *library.texts])), name)


def design_hash(text: str) -> str:
    """Twelve hexadecimal digits of a design's Verilog or RTLIL, by which reports name it."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def lower(text: str, *, initial: bool = True) -> str:
    """Verilog-2001 of RTLIL ``text``.

    Processes are lowered by Yosys first, because Amaranth's own ``always @*`` blocks stay X in
    Icarus until an input changes. Functions of Yosys lose the dollar that their names begin with:
    Icarus 11 takes them for the system's, escaped or not. Without ``initial`` registers have no
    initial value, as on a chip that is not an FPGA: what works then does not lean on one.
    """
    if not initial:
        text = re.sub(r"^  attribute \\init .*\n", "", text, flags=re.MULTILINE)
    with scratch_folder() as path:
        (path / "in.il").write_text(text, encoding="utf-8")
        yosys.run(
            "read_rtlil in.il\nproc\nmemory_collect\nopt_clean -purge\n"
            "write_verilog -norename out.v\n",
            cwd=path,
        )
        return _FUNCTION_NAMES.sub(r"\\\1", (path / "out.v").read_text(encoding="utf-8"))


def to_verilog(component: wiring.Component, name: str, *, initial: bool = True) -> str:
    """Self-contained Verilog-2001 of ``component`` as module ``name``; see :func:`lower`."""
    return lower(to_rtlil(Flat(component), name), initial=initial)


def write_verilog(component: wiring.Component, name: str, path: Path) -> None:
    """Write :func:`to_verilog` to ``path``, free of warnings in Verilator."""
    quiet = "".join(f"/* verilator lint_off {rule} */\n" for rule in QUIET)
    write_whole(path, quiet + to_verilog(component, name))
