"""``python -m insitu.synth.hashes``: the hash of every named configuration's hardware.

A line each: configuration, what is hashed, hash as in ``synth/history.csv``. A change that must
leave the hardware as it is was right if this prints byte for byte what it printed before::

    python -m insitu.synth.hashes > before   # in a checkout of the commit before
    python -m insitu.synth.hashes | diff before -
"""

from collections.abc import Iterator

from insitu.hdl.compact import CompactSystem
from insitu.hdl.config import Config, config_names, load
from insitu.hdl.engines.registry import kind_of
from insitu.hdl.export import Flat, design_hash, to_rtlil

from .devices import device
from .flow import hash_of

__all__ = ["hashes"]


def _units(config: Config) -> Iterator[tuple[str, str]]:
    family = device(None, config.target)
    alone = kind_of(config.core).alone
    for name in [*([alone] if alone else []), *(["machine"] if config.machine else [])]:
        yield name, hash_of(config, name, family)
    if config.small is not None:
        yield "compact", design_hash(to_rtlil(Flat(CompactSystem(config.compact)), "top"))


def hashes() -> Iterator[str]:
    """A line per configuration and unit: what computes, and the machine around it."""
    for name in config_names():
        for unit, found in _units(load(name)):
            yield f"{name} {unit} {found}"


if __name__ == "__main__":
    for line in hashes():
        print(line, flush=True)
