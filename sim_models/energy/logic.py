"""Energy of an engine's own gates, from the project's results with standard cells."""

import json
from pathlib import Path

from insitu.hdl.config import ConfigError

from .tables import NODES, Figure

__all__ = ["LIBRARIES", "RESULTS", "own_logic"]

RESULTS = Path(__file__).resolve().parent.parent.parent / "synth" / "power" / "results"
LIBRARIES = {"asap7": "7nm"}
"""Nodes of libraries; results of others (sky130: 130 nm) go with no table."""

UNITS = ("array", "tile")  # whole engines
WORKLOADS = ("digits", "held-sparse", "held", "random")


def own_logic(config: str, node: str, folder: Path = RESULTS) -> Figure | None:
    """pJ per product of a configuration's whole array or tile, registers and weights included.

    The value is that of the digits network, the range that of all loads but zeros alone. ``None``
    if there is no result for it at ``node``. Raises ``ConfigError`` for an unknown node.
    """
    if node not in NODES:
        raise ConfigError("energy.node", f"one of {', '.join(NODES)}", node)
    for library, of in LIBRARIES.items():
        path = folder / f"{library}.json"
        if of != node or not path.is_file():
            continue
        result = json.loads(path.read_text(encoding="utf-8"))
        found = {
            run["workload"]: run["pj_per_mac"]
            for run in result["runs"]
            if run["config"] == config and run["unit"] in UNITS and run["workload"] in WORKLOADS
        }
        if "digits" in found:
            return Figure(
                item=f"product on {config}",
                node=node,
                value=found["digits"],
                low=min(found.values()),
                high=max(found.values()),
                bits=8,
                range="source",
                source=f"this project, {library}, without {', '.join(result['left_out'])}",
                tag="X",
            )
    return None
