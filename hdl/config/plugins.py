"""Engines from outside the tree, found as a configuration or an engine is first asked for.

A plug-in is a Python package: ``__init__.py`` registers its core by
:func:`~insitu.hdl.config.cores.register_core`; ``engine.py``, if there is one, has ``KINDS`` for
:mod:`insitu.hdl.engines.registry`; ``model.py``, if there is one, ``MODELS`` for
:mod:`insitu.sim_models.engines`; its TOML files are named configurations. The variable
``INSITU_ENGINES`` has folders of such packages, separated as in ``PATH``; an installed package
names itself as an entry point of the group ``insitu.engines``.
"""

import importlib
import os
import sys
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec, module_from_spec, spec_from_file_location
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
    if not name.isidentifier() or name in sys.modules or find_spec(name) is not None:
        rule = "folders whose names are Python identifiers of no other package"
        raise ConfigError(VARIABLE, rule, str(folder))
    spec = spec_from_file_location(name, first, submodule_search_locations=[str(folder)])
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise UserError(f"{VARIABLE}: {folder} cannot be imported: {error}") from error
    return module


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
