"""Kinds of engines: found by their core, also those from elsewhere."""

from dataclasses import dataclass, fields, replace

import pytest

from insitu.hdl.config import ConfigError, SimdConfig, UserError, config_names, cores, load
from insitu.hdl.contract.events import Event
from insitu.hdl.engines import registry
from insitu.hdl.engines.blocks import block_events
from insitu.hdl.engines.simd import SimdEngine
from insitu.hdl.export import Flat, to_rtlil
from insitu.hdl.machines import events
from insitu.hdl.shell.machine import Machine


def test_every_machine_has_one_kind():
    found = set()
    for name in config_names():
        config = load(name)
        if config.machine is not None:
            kind = registry.kind_of(config.shell.array)
            assert [
                k for k in registry.kinds() if k.core is kind.core and k.is_it(config.core)
            ] == [kind]
            found.add(kind.number)
    assert found == {kind.number for kind in registry.kinds()}
    for kind in registry.kinds():
        assert registry.kind_of(load(kind.example).shell.array) is kind


@dataclass(frozen=True)
class OwnConfig(SimdConfig):
    """A core of somebody's."""

    table = hashed = "own"


def own_events(config) -> tuple[Event, ...]:
    return (*block_events(config), Event("sneezes", 1, "times that it sneezed"))


def test_one_from_elsewhere(monkeypatch):
    monkeypatch.setattr(registry, "_KINDS", list(registry._KINDS))
    monkeypatch.setattr(cores, "_CORES", cores.core_types())
    shell = load("simd-tiny", "generic").shell
    tile = shell.array
    own = OwnConfig(**{name: getattr(tile, name) for name in (f.name for f in fields(tile))})
    with pytest.raises(UserError, match=r"^array: must be of a kind that has an engine, not OwnC"):
        registry.kind_of(own)
    with pytest.raises(ConfigError, match=r"^machine\.array: must be an ArrayConfig, .*, not OwnC"):
        replace(shell, array=own)
    cores.register_core(OwnConfig)
    kind = registry.Kind("own", 9, OwnConfig, SimdEngine, own_events, "simd-tiny")
    registry.register(kind)
    assert registry.kind_of(own) is kind
    assert events(replace(shell, array=own))[-1].name == "sneezes"
    for taken in (replace(kind, name="other"), replace(kind, number=10)):
        with pytest.raises(ValueError, match=r"must not be taken, own has one$"):
            registry.register(taken)


def test_the_machine_has_its_number():
    """Equal hardware for equal kinds: what the register says is all that the number decides."""
    shell = load("simd-tiny", "generic").shell
    texts = [to_rtlil(Flat(Machine(shell, SimdEngine, number, 0)), "top") for number in (5, 5, 6)]
    assert texts[0] == texts[1] != texts[2]
