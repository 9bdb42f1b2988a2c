"""Where the multipliers of a machine with a grid of them lie on an ECP5-85F, and a tile's memories.

Left alone, nextpnr scatters an array over all of the device's DSPs, and all around it over the
device. With the array's multipliers in order the wires of ws-8x8 are 27 % shorter after placement:
217,000 instead of 297,000 tiles, seed 1, the last ``wirelen`` in nextpnr's log. A compute-in-memory
machine is mostly broad words between block RAMs; with these in order the wires of cim-64x16 come
to 400,000 tiles, where those of an older netlist, 5 % larger, came to 494,000 without.
"""

import json
import math
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from insitu.hdl.support.files import digest, write_whole

__all__ = ["fix", "plan", "plan_memories", "planned"]

# Of the 85F: rows of DSPs, and their sites along a row as nextpnr names them: four to nine tiles.
ROWS = (10, 34, 58)
BLOCKS = (4, 13, 22, 31, 40, 49, 58, 69, 78, 87, 96, 105, 114)
SITES = [
    f"X{first + step}/Y{{row}}/MULT18_{number}"
    for first in BLOCKS
    for step, number in ((0, 0), (1, 1), (4, 4), (5, 5))
]
RAM_SITES = [f"X{first + 2 * n}/Y{{row}}/EBR{n}" for first in BLOCKS for n in range(4)]
# Row and column of what has multipliers, then column and row of one of them in it: systolic arrays'
# cells, a mesh's tiles, memory banks, which have all rows of their column.
CELL = re.compile(r"\b(?:mesh\.(?:pe|tile)_(\d+)|inbank\.bank)_(\d+)\..*\bdsp_(\d+)_(\d+)\b")
LANE = re.compile(r"\.requantise_(\d+)\.")
# Memories of a compute-in-memory machine: number of a lane, a column or a part.
MEMORIES = {
    "a": r"\.a\b[^.]*\.ring\.memory\.lane_(\d+)\.",
    "b": r"\.b\.ring\.memory\.lane_(\d+)\.",
    "planes": r"\.planes\.memory\..*ram_(\d+)$",
    "queue": r"\.tile\.queue\.memory\.ram_(\d+)$",
    "sums": r"\.sums\.half_\d_(\d+)\.",
}


def plan(multipliers: list[str]) -> dict[str, str]:
    """Sites by name of a multiplier, of those that have their place.

    An array's columns lie side by side along the rows of DSPs, as many in each as it takes: sums go
    to a neighbour in the row, operands of A now and then to the row after it. What comes in does
    so at the left end, rows of sums leave to the right, where the requantiser's lanes are. Columns
    that are memory banks lie one after the other, as nothing passes between them. What would not
    fit, and all other multipliers, are nextpnr's to place.
    """
    cells: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {}  # row, column
    are_banks = False
    lanes: dict[int, list[str]] = defaultdict(list)
    for name in sorted(multipliers):
        if found := CELL.search(name):
            are_banks = found[1] is None
            row, col, inner_col, inner_row = (int(x or 0) for x in found.groups())
            cells[name] = (row, inner_row), (col, inner_col)
        elif found := LANE.search(name):
            lanes[int(found[1])].append(name)
    if not cells:
        return {}
    rows, cols = (sorted({place[axis] for place in cells.values()}) for axis in (0, 1))
    side = math.ceil(len(cols) / len(ROWS))  # columns of the array along one row of DSPs
    if len(rows) * side > len(SITES):
        return {}
    sites = {}
    for name, place in cells.items():
        row = rows.index(place[0])
        line, col = divmod(cols.index(place[1]), side)
        along = col * len(rows) + row if are_banks else row * side + col
        sites[name] = SITES[along].format(row=ROWS[line])
    # Sums come from all rows, so the lanes begin in the middle ones.
    free = dict.fromkeys((*ROWS[1:], *ROWS[:1]), len(rows) * side)
    for _, names in sorted(lanes.items()):
        for row, first in free.items():
            if first + len(names) <= len(SITES):
                for site, name in zip(SITES[first:], names, strict=False):
                    sites[name] = site.format(row=row)
                free[row] += len(names)
                break
    return sites


def plan_memories(rams: list[str]) -> dict[str, str]:
    """Sites by name of a block RAM, all or none, of those a compute-in-memory tile has around it.

    From below, each row centred on the device: sums between two halves of the tile's output queue,
    planes between two halves of B, one half of A, the other. Columns and lanes are in order. The
    other block RAMs are nextpnr's to place.
    """
    groups: dict[str, list[str]] = {}
    for group, pattern in MEMORIES.items():
        found = [(int(hit[1]), name) for name in rams if (hit := re.search(pattern, name))]
        groups[group] = [name for _, name in sorted(found)]
    if not all(groups.values()):
        return {}
    (a, a_rest), (b, b_rest), (queue, queue_rest) = (
        (groups[x][: len(groups[x]) // 2], groups[x][len(groups[x]) // 2 :])
        for x in ("a", "b", "queue")
    )
    lines = {
        22: queue + groups["sums"] + queue_rest,
        46: b + groups["planes"] + b_rest,
        70: a_rest,
        82: a,
    }
    if max(map(len, lines.values())) > len(RAM_SITES):
        return {}
    return {
        name: RAM_SITES[(len(RAM_SITES) - len(names)) // 2 + n].format(row=row)
        for row, names in lines.items()
        for n, name in enumerate(names)
    }


def fix(netlist: dict[str, Any]) -> dict[str, str]:
    """Tell nextpnr of the plan: attributes of the cells of a flat netlist as Yosys writes it.

    The plan is returned, empty if the netlist has neither an array nor a tile's memories.
    """
    found = {}
    for module in netlist["modules"].values():
        for kind, sites in (("MULT18X18D", plan), ("DP16KD", plan_memories)):
            names = [n for n, cell in module["cells"].items() if cell["type"] == kind]
            for name, site in sites(names).items():
                module["cells"][name]["attributes"]["BEL"] = found[name] = site
    return found


def planned(netlist: Path) -> Path:
    """Write the netlist of Yosys in file ``netlist`` with its plan; what is returned is its file.

    It is in the same folder and has a name of its own for each plan. It is ``netlist`` itself if
    there is nothing to plan.
    """
    mapped = json.loads(netlist.read_text(encoding="utf-8"))
    if not (sites := fix(mapped)):
        return netlist
    path = netlist.with_stem(f"{netlist.stem}-plan-{digest(json.dumps(sites, sort_keys=True))}")
    write_whole(path, json.dumps(mapped))
    return path
