"""What docs/compare.md needs of cases and networks, by the models, each worked out once."""

from functools import cache
from typing import Any

from insitu.hdl.config import Config

from .models import Point, point, sized
from .orders import Counted
from .run import by_model
from .tables import machines, works_of

__all__ = ["IMAGES", "SHARED", "counted", "done", "sized_point", "there"]

IMAGES = 40  # of the digits network, as `make compare` takes without being told
SHARED = 256  # products per cycle that every kind of machine can have


@cache
def there() -> dict[str, Config]:
    """Machines of the ladder that have a configuration."""
    return {machine.config: config for machine, config in machines().items() if config}


@cache
def done(name: str, case: str) -> dict[str, Any]:
    """A case on a machine."""
    config = there()[name]
    return by_model(config, works_of(config, case, images=IMAGES, seed=1))


def counted(case: str) -> Counted:
    """Shell and counters of every machine in a case."""
    return {name: (c.shell, done(name, case)["counters"]) for name, c in there().items()}


@cache
def sized_point(network: str, kind: str, peak: int) -> Point | None:
    """A network on a machine of a kind and a peak; ``None`` if there can be no such machine."""
    try:
        sized(kind, peak)
    except ValueError:
        return None
    return point(network, kind, peak)
