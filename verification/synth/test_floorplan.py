"""Where multipliers and memories are put: each its own site, neighbours side by side."""

import json
import math
import re
from typing import Any

import pytest

from insitu.synth import floorplan


def _names(rows: int, cols: int, lanes: int) -> list[str]:
    pes = [
        f"top.engine.array.mesh.pe_{r}_{c}.dot.mult.dsp_0_0"
        for r in range(rows)
        for c in range(cols)
    ]
    parts = ("across", "down", "high", "low")
    return [*pes, *(f"core.store.requantise_{n}.dsp_{x}" for n in range(lanes) for x in parts)]


def _place(site: str) -> tuple[int, int]:
    """Column and row in tiles."""
    found = re.fullmatch(r"X(\d+)/Y(\d+)/MULT18_[0145]", site)
    assert found, site
    return int(found[1]), int(found[2])


@pytest.mark.parametrize(
    ("rows", "cols", "lanes"), [(8, 8, 4), (12, 12, 2), (1, 1, 1), (5, 7, 8), (34, 2, 2)]
)
def test_each_has_its_own_site(rows, cols, lanes):
    names = _names(rows, cols, lanes)
    sites = floorplan.plan(names)
    assert sorted(sites) == sorted(names)
    assert len(set(sites.values())) == len(names)
    for name, site in sites.items():
        found = re.search(r"pe_(\d+)_(\d+)", name)
        if found and int(found[1]):
            above = name.replace(found[0], f"pe_{int(found[1]) - 1}_{found[2]}")
            (x0, y0), (x1, y1) = _place(sites[above]), _place(site)
            # A row of the array is so many sites after the one before, and sites 9 tiles by fours,
            # but for the two tiles of clocks in the middle.
            assert y0 == y1
            assert 0 < x1 - x0 <= 9 * math.ceil(math.ceil(cols / 3) / 4) + 2


@pytest.mark.parametrize(
    "name",
    [
        lambda r, c: f"engine.array.mesh.pe_{r // 4}_{c}.dot.mult.dsp_0_{r % 4}",
        lambda r, c: f"tile.core.mesh.tile_{r // 2}_{c // 4}.local.dot.mult.dsp_{c % 4}_{r % 2}",
    ],
    ids=["dot products", "mesh"],
)
def test_all_grids_lie_alike(name):
    """Whatever they are in, multipliers of a row and a column have the site of a cell there."""
    sites = floorplan.plan(_names(8, 8, 0))
    cell = "top.engine.array.mesh.pe_{}_{}.dot.mult.dsp_0_0"
    wanted = {name(r, c): sites[cell.format(r, c)] for r in range(8) for c in range(8)}
    assert floorplan.plan(list(wanted)) == wanted


def test_banks_lie_one_behind_the_other():
    sites = floorplan.plan([f"core.inbank.bank_{c}.dsp_0_{r}" for c in range(8) for r in range(8)])
    assert len(set(sites.values())) == 64
    for c in range(8):
        places = [_place(sites[f"core.inbank.bank_{c}.dsp_0_{r}"]) for r in range(8)]
        assert len({y for _, y in places}) == 1
        assert max(x for x, _ in places) - min(x for x, _ in places) <= 2 * 9 + 2


def test_two_weights_per_multiplier():
    """Then there is one for every other column."""
    sites = floorplan.plan([f"mesh.tile_0_{c}.dsp_{2 * n}_0" for c in range(2) for n in range(2)])
    assert len(set(sites.values())) == 4


def test_what_does_not_fit_is_left():
    assert floorplan.plan(_names(53, 1, 0)) == {}
    assert floorplan.plan(_names(0, 0, 4)) == {}
    # Of so many lanes some have no place, but all multipliers of the others do.
    names = _names(12, 12, 8)
    sites = floorplan.plan([*names, "core.parse.dsp_product"])
    assert len(sites) == 144 + 3 * 4
    assert "core.parse.dsp_product" not in sites


def _memories(rows: int, cols: int, parts: int) -> list[str]:
    """Names as in a netlist of a compute-in-memory machine."""
    return [
        *(f"core.engine.a$1.ring.memory.lane_{n}.bank_0$1.ram_0" for n in range(rows)),
        *(f"core.engine.b.ring.memory.lane_{n}.bank_0$1.ram_0" for n in range(cols)),
        *(f"core.engine.tile.planes.memory.bank_0$1.ram_{n}" for n in range(parts)),
        *(f"core.engine.tile.queue.memory.ram_{n}" for n in range(parts)),
        *(f"core.sums.half_{h}_{n}.bank_0$1.ram_0" for h in range(2) for n in range(cols)),
    ]


@pytest.mark.parametrize(("rows", "cols", "parts"), [(64, 16, 15), (6, 5, 1), (104, 20, 6)])
def test_memories_lie_in_order(rows, cols, parts):
    names = _memories(rows, cols, parts)
    sites = floorplan.plan_memories([*reversed(names), "core.writer.buffer.memory.ram_0"])
    assert sorted(sites) == sorted(names)
    assert len(set(sites.values())) == len(names)
    places = {}
    for name, site in sites.items():
        found = re.fullmatch(r"X(\d+)/Y(22|46|70|82)/EBR([0-3])", site)
        assert found, site
        assert int(found[1]) - 2 * int(found[3]) in floorplan.BLOCKS
        places[name] = (int(found[2]), int(found[1]))
    for group in ("a$1.ring", "b.ring", "half_0", "half_1", "planes", "tile.queue"):
        # Lanes 2 and 10 are sorted by number.
        lines: dict[int, list[int]] = {}
        for name in names:
            if group in name:
                y, x = places[name]
                lines.setdefault(y, []).append(x)
        assert all(line == sorted(line) for line in lines.values())
        assert len(lines) == (2 if group == "a$1.ring" else 1)


def test_memories_are_left_where_some_have_no_place():
    assert floorplan.plan_memories(_memories(106, 16, 15)) == {}
    assert floorplan.plan_memories(_memories(64, 22, 9)) == {}
    # A tile alone has no buffers.
    assert floorplan.plan_memories(_memories(0, 0, 15)) == {}


def test_netlist_has_the_plan():
    cells: dict[str, dict[str, Any]]
    memories: dict[str, dict[str, Any]]
    memories = {n: {"type": "DP16KD", "attributes": {}} for n in _memories(2, 2, 2)}
    floorplan.fix({"modules": {"top": {"cells": memories}}})
    assert len({cell["attributes"]["BEL"] for cell in memories.values()}) == 12
    cells = {n: {"type": "MULT18X18D", "attributes": {}} for n in _names(2, 2, 1)}
    cells["core.store.requantise_0.other"] = {"type": "LUT4", "attributes": {}}
    floorplan.fix({"modules": {"top": {"cells": cells}}})
    assert cells["core.store.requantise_0.other"]["attributes"] == {}
    given = {cell["attributes"].get("BEL") for cell in cells.values()} - {None}
    assert len(given) == 8


def test_a_plan_has_its_own_file(tmp_path):
    path = tmp_path / "bare.json"
    cells = {n: {"type": "MULT18X18D", "attributes": {}} for n in _names(0, 0, 1)}
    path.write_text(json.dumps({"modules": {"top": {"cells": cells}}}), encoding="utf-8")
    assert floorplan.planned(path) == path
    cells |= {n: {"type": "MULT18X18D", "attributes": {}} for n in _names(1, 2, 1)}
    path.write_text(json.dumps({"modules": {"top": {"cells": cells}}}), encoding="utf-8")
    written = floorplan.planned(path)
    assert written.parent == tmp_path
    assert written.name.startswith("bare-plan-")
    assert "BEL" not in path.read_text(encoding="utf-8")
    assert written.read_text(encoding="utf-8").count("BEL") == 6
