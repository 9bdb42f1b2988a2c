"""Where multipliers are put on the device: each its own site, neighbours side by side."""

import json
import re
from typing import Any

import numpy as np
import pytest

from synth import floorplan


def _names(rows: int, cols: int, lanes: int, dot: int = 1) -> list[str]:
    pes = [
        f"top.engine.array.mesh.pe_{r}_{c}.dot.mult.dsp_0_{k}"
        for r in range(rows)
        for c in range(cols)
        for k in range(dot)
    ]
    parts = ("across", "down", "high", "low")
    return [*pes, *(f"core.store.requantise_{n}.dsp_{x}" for n in range(lanes) for x in parts)]


def _place(site: str) -> tuple[int, int]:
    """Column and row in tiles."""
    found = re.fullmatch(r"X(\d+)/Y(\d+)/MULT18_[0145]", site)
    assert found, site
    return int(found[1]), int(found[2])


@pytest.mark.parametrize(
    ("rows", "cols", "lanes", "dot"),
    [(8, 8, 4, 1), (12, 12, 2, 1), (1, 1, 1, 1), (5, 7, 8, 1), (4, 4, 1, 4), (17, 2, 2, 2)],
)
def test_each_has_its_own_site(rows, cols, lanes, dot):
    names = _names(rows, cols, lanes, dot)
    sites = floorplan.plan(names)
    assert sorted(sites) == sorted(names)
    assert len(set(sites.values())) == len(names)
    for name, site in sites.items():
        found = re.search(r"pe_(\d+)_(\d+)", name)
        if found and int(found[1]):
            above = name.replace(found[0], f"pe_{int(found[1]) - 1}_{found[2]}")
            (x0, y0), (x1, y1) = _place(sites[above]), _place(site)
            # A row of the array is so many sites behind the one before, and sites 9 tiles by fours,
            # but for the two tiles of clocks in the middle.
            assert y0 == y1
            assert 0 < x1 - x0 <= 9 * -(-(-(-cols // 3) * dot) // 4) + 2


def test_what_does_not_fit_is_left():
    assert floorplan.plan(_names(53, 1, 0)) == {}
    assert floorplan.plan(_names(0, 0, 4)) == {}
    # Of so many lanes some have no place, but all multipliers of the others do.
    names = _names(12, 12, 8)
    sites = floorplan.plan([*names, "core.parse.dsp_product"])
    assert len(sites) == 144 + 3 * 4
    assert "core.parse.dsp_product" not in sites


def test_netlist_has_the_plan():
    cells: dict[str, dict[str, Any]]
    cells = {n: {"type": "MULT18X18D", "attributes": {}} for n in _names(2, 2, 1)}
    cells["core.store.requantise_0.other"] = {"type": "LUT4", "attributes": {}}
    floorplan.fix({"modules": {"top": {"cells": cells}}})
    assert cells["core.store.requantise_0.other"]["attributes"] == {}
    given = {cell["attributes"].get("BEL") for cell in cells.values()} - {None}
    assert len(given) == 8


@pytest.mark.parametrize(
    "cells",
    [
        [f"mesh.tile_{r}_{c}.local.dot.mult.dsp_{x}_{y}" for r, c, x, y in np.ndindex(4, 4, 2, 2)],
        [f"inbank.bank_{n}.dot.mult.dsp_0_{k}" for n, k in np.ndindex(8, 8)],
    ],
    ids=["mesh", "inbank"],
)
def test_neighbours_of_other_machines_lie_together(cells):
    names = [f"core.engine.tile.core.{name}" for name in cells] + _names(0, 0, 4)
    sites = floorplan.plan(names)
    assert len(set(sites.values())) == len(names) == 80
    groups: dict[str, set[tuple[int, int]]] = {}
    for name, site in sites.items():
        groups.setdefault(name.partition(".dot.")[0], set()).add(_place(site))
    for name in groups:
        if ".core." in name:
            columns, rows = zip(*groups[name], strict=True)
            assert len(set(rows)) == 1
            assert max(columns) - min(columns) <= 2 * 9 + 2


def test_a_plan_has_its_own_file(tmp_path):
    path = tmp_path / "bare.json"
    cells = {n: {"type": "MULT18X18D", "attributes": {}} for n in _names(0, 0, 1)}
    path.write_text(json.dumps({"modules": {"top": {"cells": cells}}}))
    assert floorplan.planned(path) == path
    cells |= {n: {"type": "MULT18X18D", "attributes": {}} for n in _names(1, 2, 1)}
    path.write_text(json.dumps({"modules": {"top": {"cells": cells}}}))
    written = floorplan.planned(path)
    assert written.parent == tmp_path
    assert written.name.startswith("bare-plan-")
    assert "BEL" not in path.read_text()
    assert written.read_text().count("BEL") == 6
