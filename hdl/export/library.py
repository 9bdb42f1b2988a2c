"""Elaborates a block once for all its instances when a design is exported."""

import re
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import ClockSignal, Instance, ResetSignal, Value
from amaranth.lib import wiring

__all__ = ["Library", "shared"]


def shared(platform: Any, kind: type[wiring.Component], *args: Any, **kwargs: Any) -> Any:
    """A component ``kind(*args, **kwargs)`` that is elaborated once for equal arguments.

    With a :class:`Library` for ``platform`` it becomes an instance of a module of the library; with
    any other platform it is the plain component. Arguments must be hashable.
    """
    component = kind(*args, **kwargs)
    if isinstance(platform, Library):
        key = (kind, args, tuple(sorted(kwargs.items())))
        component.elaborate = lambda _: platform.instance(key, component)
    return component


class Library:
    """A platform that collects modules while a design is elaborated.

    Attributes
    ----------
    texts : list of str
        RTLIL of the modules, which belongs after that of the design.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._modules: dict[tuple, tuple[str, set[str]]] = {}

    def instance(self, key: tuple, component: wiring.Component) -> Instance:
        """An instance that stands for ``component``, its module made when it is the first."""
        if key not in self._modules:
            self._modules[key] = self._define(key)
        name, clocks = self._modules[key]
        pins: dict[str, Any] = {}
        for path, member, value in component.signature.flatten(component):
            way = "i" if member.flow == wiring.In else "o"
            pins[f"{way}_{'__'.join(map(str, path))}"] = Value.cast(value)
        pins |= {"i_clk": ClockSignal()} if "clk" in clocks else {}
        pins |= {"i_rst": ResetSignal()} if "rst" in clocks else {}
        return Instance(name, **pins)

    def _define(self, key: tuple) -> tuple[str, set[str]]:
        """Elaborate a block; returns its module's name and which of clk and rst it has."""
        kind, args, kwargs = key
        words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]*", kind.__name__)
        name = f"shared.{'_'.join(words).lower()}_{len(self._modules)}"
        component = kind(*args, **dict(kwargs))
        text = rtlil.convert(component, name=name, platform=self, emit_src=False)
        text = re.sub(r"^attribute \\top 1\n", "", text, flags=re.MULTILINE)
        self.texts.append(text)
        top = text.split("\nend\n")[0]
        return name, {
            clock for clock in ("clk", "rst") if re.search(rf"input \d+\s+\\{clock}$", top, re.M)
        }
