"""README and docs say what is so."""

import csv
import re
from dataclasses import replace
from typing import Any

import pytest

from insitu.hdl import generate
from insitu.hdl.config import ConfigError, MeshConfig, NearConfig, core_types, load
from insitu.program.registers import Status
from insitu.sim_models.timing import array_latency
from insitu.synth import docs
from insitu.synth.report import critical_path, history
from insitu.verification.jobs.docs import blocks as block_docs
from insitu.verification.jobs.docs import chart, loops, picture, planes, wavefront
from insitu.verification.jobs.docs import configuration as config_docs
from insitu.verification.jobs.docs import models as model_docs
from insitu.verification.simulators import ROOT


@pytest.mark.parametrize(
    ("page", "table"), [(docs.README, docs.machines), (docs.FIGURES, docs.configurations)]
)
def test_tables_are_the_history(page, table):
    """`make docs` would change nothing."""
    text = page.read_text(encoding="utf-8")
    assert f"<!-- {table.__name__} -->\n{table()}\n<!-- end -->" in text


def test_readme_is_short():
    lines = docs.README.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 120
    assert max(map(len, lines)) <= 120
    assert sum(line.startswith("|---") for line in lines) == 1


@pytest.mark.parametrize("drawn", [loops, picture, planes, wavefront], ids=lambda x: x.PAGE.stem)
def test_pictures(drawn):
    """`make docs` would change nothing."""
    assert drawn.picture() == drawn.PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["os-8x8", "ws-8x8", "ws-8x8-w4"])
def test_wavefront_is_that_of_the_array(name):
    """The way of a beat to the farthest PE is what the latency of the array has for it."""
    array = load(name).array
    away = -wavefront.beat_at(array, array.rows - 1, array.cols - 1, 0)
    assert away == array.rows - 1 + array.col_groups - 1
    near = replace(array, rows=1, cols=array.col_group)
    ways = array_latency(array) - array_latency(near)
    assert ways - array.mux_latency * (array.flow == "os") == away


def test_networks_table_is_the_models():
    """`make docs` would change nothing."""
    assert model_docs.networks() in model_docs.PAGE.read_text(encoding="utf-8")


def test_traffic_table_is_the_models():
    """`make docs` would change nothing."""
    assert model_docs.traffic() in model_docs.PAGE.read_text(encoding="utf-8")


def test_resident_table_is_the_models():
    """`make docs` would change nothing."""
    assert model_docs.resident() in model_docs.MESH.read_text(encoding="utf-8")


@pytest.mark.parametrize("table", config_docs.TABLES)
def test_keys_of_configurations(table, tmp_path):
    """`make docs` would change nothing; what a table says of a key is what is refused."""
    keys = config_docs.keys(table)
    assert f"<!-- {table} -->\n{keys}\n<!-- end -->" in config_docs.PAGE.read_text(encoding="utf-8")
    core = "" if table in core_types() else "[array]\n"
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| .*? \| \S", keys, flags=re.MULTILINE)
    assert len(rows) == len(keys.splitlines()) - 2
    for key, values in rows:
        path = tmp_path / "x.toml"
        for bad in ["'x'", "1.0"] + [str(int(x)) for x in values.split(" … ")[1:]]:
            # One more than the largest, or of another type.
            value = int(bad) + 1 if bad.isdigit() else bad
            path.write_text(f"{core}[{table}]\n{key} = {value}\n", encoding="utf-8")
            with pytest.raises(ConfigError, match=rf"^{table}\.{key}: must be "):
                load(path)


@pytest.mark.parametrize("page", ["mesh", "inbank"])
def test_cycle_tables_of_cores(page):
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\S+), (\S+) \| (\d+) \| (\d+) \|$", text, flags=re.MULTILINE)
    assert len(rows) == 4
    for name, target, wave, latency in rows:
        core = load(name, target).core
        assert isinstance(core, NearConfig)
        assert (core.wave_latency, core.latency) == (int(wave), int(latency))


def test_traffic_tables_of_cores():
    """Formulas of the pages, with their sizes put in, are what the models count by."""
    core = load("mesh-8x8").core
    assert isinstance(core, MeshConfig)
    down, across, r, c = core.tiles_down, core.tiles_across, core.tile_rows, core.tile_cols
    rows, cols = core.rows, core.cols
    formulas = {
        "weights_read": rows * cols,
        "weights_written": rows * cols,
        "a_hops": rows * across + r * down * (down - 1) // 2,
        "sum_hops": cols * down + c * across * (across - 1) // 2,
        "weight_hops": rows * c * across * (across - 1) // 2 + cols * r * down * (down + 1) // 2,
    }
    text = (ROOT / "docs" / "mesh.md").read_text(encoding="utf-8")
    for move in core.moves:
        value = move.vector or sum(move.rows)
        assert formulas[move.name] == value
        assert re.search(rf"^\| `{move.name}` \|.* \| {value} \|$", text, flags=re.MULTILINE)


def test_picture_of_the_bus():
    """`make docs` would change nothing."""
    assert chart.chart() == chart.PAGE.read_text(encoding="utf-8")


def test_cycle_table():
    text = (ROOT / "docs" / "array.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\S+) \| (\d+) \| T·max", text, flags=re.MULTILINE)
    assert len(rows) == 3
    for name, latency in rows:
        assert array_latency(load(name).array) == int(latency)


def test_cycle_table_of_the_tile():
    text = (ROOT / "docs" / "cim.md").read_text(encoding="utf-8")
    tile = load("cim-64x16").cim
    changes: dict[str, Any] = {
        "": {},
        " without `skip`": {"skip": False},
        " with `adc_bits` 4, `adc_rows` 16": {"adc_bits": 4, "adc_rows": 16},
        " with int16 weights": {"weight_format": "int16"},
    }
    for name, given in changes.items():
        changed = replace(tile, **given)
        assert f"| cim-64x16{name} | {changed.latency} | {changed.front_latency} |" in text


def test_make_help_lists_every_target():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", text, flags=re.MULTILINE)
    assert phony
    for target in phony[1].split():
        assert re.search(rf"^{target}:.*## ", text, flags=re.MULTILINE), target


@pytest.mark.parametrize("name", ["README.md", "docs/own-matrices.md"])
def test_python_of_pages_runs(name):
    """What is shown can be typed as it is; on the golden model here, where the RTL is named."""
    text = (ROOT / name).read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(block.replace('on="rtl"', 'on="golden"'), names)
    assert names["product"].array.shape == (len(names["a"]), len(names["b"][0]))


def test_guide_has_every_status():
    text = (ROOT / "docs" / "programming.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) `(\w+)` \|", text, flags=re.MULTILINE)
    assert [(int(number), name) for number, name in rows] == [(s, s.name.lower()) for s in Status]


PAGES = ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name):
    path = ROOT / name
    for link in re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8")):
        assert link.startswith("http") or (path.parent / link).exists(), link


@pytest.mark.parametrize("name", PAGES)
def test_paths_exist(name):
    """Files that a page names by their folder; the changelog may name what is gone."""
    text = (ROOT / name).read_text(encoding="utf-8")
    folders = "configs|docs|hdl|host|program|sim_models|synth|verification"
    for path in re.findall(rf"`((?:{folders})/[\w/.-]+)`", text):
        assert name.endswith("CHANGELOG.md") or (ROOT / path).exists(), path


def test_critical_path_in_words():
    def end(cell, port, loc):
        return {"cell": cell, "port": port, "loc": loc}

    a, b = end("core.x_TRELLIS_FF_Q", "Q", [1, 1]), end("core.y_LUT4_Z", "A", [5, 3])
    c = end("core.y_LUT4_Z", "F", [5, 3])
    steps = [
        {"type": "clk-to-q", "delay": 0.5, "from": a, "to": a},
        {"type": "routing", "delay": 1.25, "from": a, "to": b},
        {"type": "logic", "delay": 0.25, "from": b, "to": c},
        {"type": "setup", "delay": 0.0, "from": c, "to": c},
    ]
    words = critical_path(steps)
    assert words.startswith("x to y: 0.75 ns logic through 1 cells (0 of a carry chain), 1.25 ns")
    assert words.endswith("longest wire x, 1.25 ns over 4 × 2 tiles")
    assert critical_path([]) == "no path from a register to a register"


def test_generated_registers_are_current(tmp_path):
    """`make docs` was run after the last change of the register map."""
    for path, text in generate.outputs().items():
        assert path.read_text(encoding="utf-8") == text, path
    generate.write_header(tmp_path / "insitu.h")
    assert (tmp_path / "insitu.h").read_text(encoding="utf-8") == (
        generate.ROOT / "host/insitu.h"
    ).read_text(encoding="utf-8")


def test_blocks():
    """Latencies and rooms are those that are proved."""
    page = block_docs.PAGE.read_text(encoding="utf-8")
    assert block_docs.streams() in page
    assert block_docs.arith() in page


@pytest.mark.parametrize("name", ["ws-8x8", "os-8x8"])
def test_clock_of_core(name):
    """Worst of three seeds, of a whole core with 56 KiB of buffers, as it was recorded."""
    assert load(name).shell.buffer_bytes == 56 << 10
    (row,) = [r for r in history("machine") if r["config"] == name]
    assert row["device"] == "ecp5-85f"
    assert row["speed"] == "6"
    assert float(row["fmax_worst"]) == min(map(float, row["fmax_per_seed"].split())) >= 150


def test_clock_of_tile():
    """The figures of docs/cim.md are those kept in synth/history.csv, and as good as was asked."""
    with (ROOT / "synth" / "history.csv").open(newline="", encoding="utf-8") as file:
        rows = {(r["config"], r["unit"]): r for r in csv.DictReader(file)}
    text = (ROOT / "docs" / "cim.md").read_text(encoding="utf-8")
    for config, name, most in (("cim-64x16-plain", "without", 95), ("cim-64x16", "with", 105)):
        row = rows[config, "tile"]
        whole, banks = int(row["lut4_equivalent"]), 4 * int(row["dist_ram"])
        macs = float(row["macs_per_cycle"])
        assert macs == 128
        assert float(row["fmax_worst"]) >= 180
        assert (whole - banks) / macs <= most
        cells = [f"{name} `skip`", row["fmax_worst"], row["fmax_per_seed"], f"{whole:,}"]
        cells += [f"{x / macs:.1f}" for x in (whole, banks, whole - banks)] + [row["bram"]]
        assert f"| {' | '.join(cells)} |" in text


def test_limits_name_tests_that_exist():
    """Each limit of docs/limits.md has a test; a misspelt or removed one is no test."""
    page = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ") and "|---" not in line]
    assert len(rows) > 30
    for row in rows:
        last = row.rstrip("|").rsplit("|", 1)[-1].strip()
        if last == "test":
            continue
        for name in last.split(", "):
            file, _, function = name.strip("`").partition("::")
            (path,) = (ROOT / "verification").rglob(f"{file}.py")
            text = path.read_text(encoding="utf-8")
            assert re.search(rf"^(async )?def {function}\(", text, re.MULTILINE), name
