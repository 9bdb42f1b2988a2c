"""Engines from outside the tree, found as a configuration or an engine is first asked for.

A plug-in is a Python package: ``__init__.py`` registers its core by
:func:`~insitu.hdl.config.cores.register_core`; ``engine.py`` has ``KINDS`` for
:mod:`insitu.hdl.engines.registry`; its TOML files are named configurations. The variable
``INSITU_ENGINES`` has folders of such packages, separated as in ``PATH``; an installed package
names itself as an entry point of the group ``insitu.engines``. ``docs/add-an-engine.md`` has an
example.
"""

import importlib
import os
import sys
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from .fields import ConfigError, UserError

__all__ = ["parts", "plugin_files", "plugins"]

VARIABLE = "INSITU_ENGINES"


@cache
def plugins() -> tuple[ModuleType, ...]:
    """Those that there are, imported. ``UserError`` for a folder that is no package, or that cannot
    be imported."""
    named = [one.value for one in entry_points(group="insitu.engines")]
    found = [importlib.import_module(name) for name in dict.fromkeys(named)]
    folders = [x for x in os.environ.get(VARIABLE, "").split(os.pathsep) if x]
    return (*found, *(_from_folder(Path(folder).resolve()) for folder in folders))


def _from_folder(folder: Path) -> ModuleType:
    name, first = folder.name, folder / "__init__.py"
    if not first.is_file():
        raise ConfigError(VARIABLE, "folders with a file __init__.py", str(folder))
    spec = find_spec(name) if name.isidentifier() else None
    if not name.isidentifier() or (spec and spec.origin != str(first)):
        rule = "folders whose names are Python identifiers of no other package"
        raise ConfigError(VARIABLE, rule, str(folder))
    # At the end, where it hides nothing; worker processes are given the path as well.
    if str(folder.parent) not in sys.path:
        sys.path.append(str(folder.parent))
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise UserError(f"{VARIABLE}: {folder} cannot be imported: {error}") from error


def _folder(plugin: ModuleType) -> Path:
    assert plugin.__file__ is not None
    return Path(plugin.__file__).parent


def parts(name: str) -> list[ModuleType]:
    """Module ``name`` of each plug-in that has one, imported."""
    return [
        importlib.import_module(f"{plugin.__name__}.{name}")
        for plugin in plugins()
        if (_folder(plugin) / f"{name}.py").is_file()
    ]


def plugin_files(suffix: str) -> list[Path]:
    """Files of all plug-ins that end so, sorted."""
    return sorted(path for plugin in plugins() for path in _folder(plugin).rglob(f"*{suffix}"))
