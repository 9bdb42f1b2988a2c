"""`make compare`: what is compared, its page, and the tables of docs/compare.md."""

import copy
import json
import re
from fractions import Fraction
from math import isqrt
from typing import Any
from xml.etree import ElementTree

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from insitu.hdl.config import ConfigError, UserError, load
from insitu.sim_models.energy import NODES
from insitu.sim_models.energy.words import closed_form, per_product
from insitu.verification.jobs.compare import docs as compare_docs
from insitu.verification.jobs.compare import plots
from insitu.verification.jobs.compare.cases import CASES, NETWORKS, PEAKS
from insitu.verification.jobs.compare.compare import assemble, picked, synthesis
from insitu.verification.jobs.compare.models import (
    KINDS,
    at_one_peak,
    points,
    sized,
    unequal,
)
from insitu.verification.jobs.compare.orders import claim, ranking
from insitu.verification.jobs.compare.page import page
from insitu.verification.jobs.compare.run import bound_bits, by_model, measure
from insitu.verification.jobs.compare.tables import (  # fmt: skip
    POOLS,
    formula_works,
    held_bytes,
    ladder,
    machines,
    not_equal,
    works_of,
)
from insitu.verification.simulators import ROOT

RUN = ["cube-16", "gemv", "vectors"]
CONFIGS = {name: load(name, "generic") for name in ("ws-tiny", "os-tiny")}


@pytest.fixture(scope="module")
def result(tmp_path_factory) -> dict[str, Any]:
    """A report of two small machines in RTL and of a network by the models."""
    folder = tmp_path_factory.mktemp("compare")
    found = {
        name: measure(config, RUN, "verilator", images=1, seed=1, folder=folder / name)
        for name, config in CONFIGS.items()
    }
    for name in CONFIGS:
        path = folder / name / "gemv" / "report.json"
        assert json.loads(path.read_text(encoding="utf-8"))["bit_exact"]
    modelled = points("bert-base", PEAKS[:2])
    return assemble(
        CONFIGS, {}, found, modelled, command="a & b", images=1, sim_name="verilator", seed=1
    )


def test_rtl_is_the_models(result):
    """Bit-exact, and all that is said of a case is what the models alone say."""
    assert result["status"] == "ok"
    for name, config in CONFIGS.items():
        one = result["machines"][name]
        assert one["bit_exact"]
        assert one["counters"] == one["model_counters"]
        assert [x["layer"] for x in one["layers"]] == RUN
        for case, found in zip(RUN, one["layers"], strict=True):
            model = by_model(config, works_of(config, case, images=1, seed=1))
            assert {key: found[key] for key in model} == model
            assert found["words_as_formula"]
            assert found["bits_per_mac"] >= found["bound_bits_per_mac"]
        assert one["words"]["equal"]
        assert one["words"]["words"] == one["words"]["by_formula"] > 0
        parts = one["words"]["operands_per_mac"] + one["words"]["sums_per_mac"]
        assert parts == pytest.approx(one["words"]["words_per_mac"])


@pytest.mark.parametrize("broken", ["words", "layer", "machine"])
def test_what_does_not_hold_is_the_status(result, broken):
    found = copy.deepcopy(result["machines"])
    one = found["os-tiny"]
    if broken == "words":
        one["words"]["equal"] = False
    elif broken == "layer":
        one["layers"][1]["words_as_formula"] = False
    else:
        one["status"] = "not_bit_exact"
    whole = assemble(CONFIGS, {}, found, [], command="", images=1, sim_name="verilator", seed=1)
    expected = "not_bit_exact" if broken == "machine" else "words_differ_from_formula"
    assert whole["status"] == expected


def test_page_needs_nothing_else(result):
    """Well-formed, no script, nothing fetched, ids there once, every reference within the page."""
    text = page(result)
    assert text.startswith("<!DOCTYPE html>")
    root = ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>"))
    assert root.find("body") is not None
    elements = list(root.iter())
    names = {element.tag.rpartition("}")[2] for element in elements}
    assert not names & {"script", "link", "img", "iframe", "object", "image"}
    ids = [element.attrib["id"] for element in elements if "id" in element.attrib]
    assert len(ids) == len(set(ids))
    for element in elements:
        for key, value in element.attrib.items():
            if key.rpartition("}")[2] in ("href", "src"):
                assert value.removeprefix("#") in ids
            for found in re.findall(r"url\(([^)]*)\)", value):
                assert found.removeprefix("#") in ids
    assert not re.search(r"@import|url\((?!#)", text)
    words = " ".join(root.itertext())
    for name in (*CONFIGS, *NODES, "BERT-base", "a & b", "Horowitz", "1/P + 1/Q", "not mapped"):
        assert name in words
    plots = [element for element in elements if element.tag.endswith("}svg")]
    assert len(plots) == 3 + 2 * len(NODES) + 1 + 2
    for plot in plots:
        assert "viewBox" in plot.attrib
        assert "width" not in plot.attrib


def test_plots_are_whole(result, monkeypatch):
    """No legend is cut off by the edge of its plot, nor covers it; every point has a name."""
    drawn: dict[str, Any] = {}
    make = plots._svg

    def keep(figure: Any, name: str) -> str:
        drawn[name] = figure
        return make(figure, name)

    monkeypatch.setattr(plots, "_svg", keep)
    found = copy.deepcopy(result)
    # The longest names that there are, and as many machines.
    for machine in ladder():
        found["machines"].setdefault(machine.config, found["machines"]["ws-tiny"])
    page(found)
    assert {"roofline", "cycles", "bits", "claim"} < drawn.keys()
    for figure in drawn.values():
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        (legend,), (axes,) = figure.legends, figure.axes
        inside = legend.get_window_extent(renderer)
        assert inside.x0 >= 0
        assert inside.x1 <= figure.bbox.width
        assert inside.y1 <= figure.bbox.height
        assert inside.y0 >= axes.get_window_extent(renderer).y1
    texts = {text.get_text() for text in drawn["roofline"].legends[0].get_texts()}
    assert texts - {""} == {*found["machines"], *RUN}


def test_page_says_what_is_not_there(result):
    absent = dict(result, absent={"mesh-8x8": "a mesh <of> tiles"})
    text = page(absent)
    assert "Not there yet, and not in any figure below: mesh-8x8 (a mesh &lt;of&gt; tiles)" in text
    bare = dict(result, machines={}, orders={}, models={**result["models"], "points": []})
    ElementTree.fromstring(page(bare).removeprefix("<!DOCTYPE html>"))


def test_orders(result):
    """Best first; a ratio to itself is 1; a pair is open if its ratio's range has 1 in it."""
    counted = {
        name: (CONFIGS[name].shell, one["counters"]) for name, one in result["machines"].items()
    }
    for node, pools in POOLS.items():
        for pool in pools:
            found = ranking(counted, node, pool)
            assert found["ratio_to_best"][found["best"]] == pytest.approx([1, 1, 1])
            second = found["ratio_to_best"][found["order"][1]]
            assert second[0] <= second[1] <= second[2]
            assert second[1] >= 1
            assert (second[0] <= 1) == ([found["order"]] == found["open"])


def test_claim():
    """Where a thousand holds: nowhere for certain, and for no memory on a chip."""
    rows = [row for node in NODES for row in claim(node) if row["format"] == "int8"]
    for row in rows:
        low, value, high = row["operand_by_mac"]
        assert low <= value <= high
        expected = "yes" if low >= 1000 else "no" if high < 1000 else "open"
        assert row["a_thousand"] == expected
    assert {r["memory"] for r in rows if r["a_thousand"] == "open"} == {"dram", "ddr4", "lpddr4"}


def test_machines_are_equal_or_named():
    assert PEAKS[0] == 64
    assert PEAKS[-1] == 256 * 256
    named, missing = unequal(), []
    for peak in PEAKS:
        asked = 16 * 1024 * isqrt(peak)
        for kind in KINDS:
            about = [x for x in named if x.startswith(f"{kind} of {peak:,} products")]
            try:
                shell = sized(kind, peak)
            except ConfigError:
                (gone,) = [x for x in named if x.startswith(f"no {kind} of ")]
                assert re.search(rf" {peak:,} (or|products)", gone)
                missing.append((kind, peak))
                continue
            held = held_bytes(shell)
            assert shell.array.macs_per_cycle == peak
            assert bool(about) == (held != asked)
            assert abs(held - asked) <= asked / 8
            if about:
                assert f"holds {held / 1024:.0f} KiB, not {asked >> 10}: " in about[0]
    assert set(missing) == {("cim", 65536), *(("simd", peak) for peak in PEAKS[2:])}
    with pytest.raises(ConfigError, match=r"^peak: must be one with 128 KiB and 65 products"):
        sized("ws", 65)
    with pytest.raises(
        ConfigError, match=r"^kind: must be one of ws, os, cim, mesh, inbank, simd, not 'gpu'$"
    ):
        sized("gpu", 64)


def test_at_one_peak(result):
    """The largest peak of all kinds, all of them ranked; the page has the table."""
    shared = result["models"]["at_one_peak"]
    assert shared["peak"] == 256
    orders = shared["orders"]["bert-base"]
    for node in NODES:
        assert sorted(orders[node]["order"]) == sorted(KINDS)
    assert "machines of 256 products per cycle" in page(result)
    assert at_one_peak([x for x in result["models"]["points"] if x["kind"] != "cim"]) == {}


def test_vectors_load_weights_once_where_they_stay():
    """And each time where they do not."""
    for name, loads in (("cim-64x16", 1), ("ws-8x8", 16)):
        config = load(name)
        works = works_of(config, "vectors", images=1, seed=1)
        assert sum(work.counters["b_elements"] for work in works) == loads * 32 * 32
        model = by_model(config, works)
        assert model["words_as_formula"]
        assert model["bits_per_mac"] >= model["bound_bits_per_mac"]
        assert len({work.b.tobytes() for work in works if work.b is not None}) == 1


def test_bound_by_hand():
    assert bound_bits(10, 20, 30, 1 << 20) == 8 * (300 + 600 + 200)
    assert bound_bits(10, 20, 30, 1 << 20, load_b=False) == 8 * (300 + 200)
    assert bound_bits(512, 512, 512, 1 << 14) == 8 * (2 * 512**3 / 128 - 2 * 16384)


def test_not_equal():
    ws, wide = load("ws-8x8").shell, load("ws-12x12").shell
    lines = not_equal({"ws-8x8": ws, "ws-12x12": wide})
    assert lines[0] == "peak products per cycle: ws-8x8 64, ws-12x12 144"
    assert not_equal({"a": ws, "b": ws}) == []


@pytest.mark.parametrize("machine", [m for m, config in machines().items() if config])
def test_the_closed_formula_has_a_gemm(machine):
    """Of each machine there is, not larger than its buffers."""
    config = load(machine.config)
    work = formula_works(config, 1)[-1]
    job, shell = work.job, config.shell
    assert work.counters["macs"] == job.m * job.n * job.k > 0
    parts = per_product(shell, job.m, job.k)
    assert sum(parts) * job.m * job.n * job.k == closed_form(shell, job.m, job.n, job.k)


@pytest.mark.parametrize(
    ("name", "operands"),
    [("scalar", 2), ("simd-8", Fraction(1, 16) + Fraction(1, 4)), ("os-8x8", Fraction(1, 4)),
     ("ws-8x8", Fraction(1, 64) + Fraction(1, 8)), ("cim-64x16", Fraction(1, 16))],
)  # fmt: skip
def test_words_per_product_by_hand(name, operands):
    """W = 8, rn = 2, rm = 4; arrays of 8 × 8, 64 rows of A; a tile with 16 columns."""
    assert per_product(load(name).shell, 64, 32)[0] == operands


def test_picked():
    choices = ["a", "b", "c"]
    assert picked("X", "all", choices) == choices
    assert picked("X", "none", choices) == []
    assert picked("X", "c,a", choices) == ["c", "a"]
    with pytest.raises(UserError, match=r"^X: must be all, none or some of a, b, c, not 'd'$"):
        picked("X", "a,d", choices)
    with pytest.raises(UserError, match=r"^CASES: must be some of cube-16, .*, not 'conv'$"):
        works_of(CONFIGS["ws-tiny"], "conv", images=1, seed=1)


def test_names():
    """Of networks that are there; each machine once; records of synthesis by configuration."""
    assert set(NETWORKS) <= {path.stem for path in ROOT.glob("sim_models/workloads/*.csv")}
    assert len({machine.config for machine in ladder()}) == len(ladder())
    assert "digits" in CASES
    assert set(synthesis([m.config for m in ladder()])) <= {m.config for m in ladder()}


@pytest.mark.parametrize("name", compare_docs.TABLES)
def test_docs(name):
    """`make docs` would change nothing."""
    text = compare_docs.PAGE.read_text(encoding="utf-8")
    assert f"<!-- {name} -->\n{compare_docs.TABLES[name]()}\n<!-- end -->" in text


def test_links_of_the_page_lead_somewhere():
    text = compare_docs.PAGE.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)", text)
    assert links
    assert all((compare_docs.PAGE.parent / link).exists() for link in links)
