"""Energy: figures by hand, sums that keep their ranges, words by formula."""

import json
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insitu.hdl.config import ConfigError, MachineConfig, UserError, load
from insitu.hdl.machines import events
from insitu.program.descriptor import Descriptor
from insitu.program.place import placed
from insitu.sim_models import traffic
from insitu.sim_models.energy import (  # fmt: skip
    NODES,
    Bill,
    Range,
    Term,
    charge,
    difference,
    flips,
    mac_energy,
    own_logic,
    ratio,
    read,
    table,
)
from insitu.sim_models.energy.tables import COLUMNS, SIZES
from insitu.sim_models.exact import planned
from insitu.verification.jobs.compare.tables import machines

CONFIGS = ("ws-8x8", "os-8x8", "cim-64x16", "ws-tiny", "os-tiny", "cim-tiny")
THERE = [config.name for config in machines().values() if config]


# --- Figures ---


def test_claims_of_the_sources():
    """What the sources' figures come to: the middle of energy per product and operand."""
    old, new = table("45nm"), table("7nm")
    assert mac_energy(old).value == pytest.approx(0.3)
    assert mac_energy(new).value == pytest.approx(0.1)
    byte = old["dram"].per_bit * 8
    assert (byte.low, byte.high) == (162.5, 325)
    for figures, pool, least, most in (
        (old, "dram", 540, 1084), (new, "hbm2", 310, 565), (new, "ddr4", 1600, 1650),
        (new, "sram 1MB", 17, 18), (new, "sram 8KB", 9, 10),
    ):  # fmt: skip
        mac, fetch = mac_energy(figures).value, figures[pool].per_bit * 8
        low, high = (fetch.value,) * 2 if figures[pool].range == "assumed" else (
            fetch.low, fetch.high)  # fmt: skip
        assert least <= low / mac <= high / mac <= most, pool


@pytest.mark.parametrize("node", NODES)
def test_every_figure_has_its_range_and_source(node):
    for figure in table(node).figures.values():
        assert 0 < figure.low <= figure.value <= figure.high
        assert figure.low < figure.high
        assert len(figure.source) > 8
        if figure.range == "assumed" and figure.tag != "A":
            assert figure.low == pytest.approx(0.72 * figure.value)
            assert figure.high == pytest.approx(1.28 * figure.value)


@pytest.mark.parametrize("node", NODES)
def test_ram_by_size(node):
    figures = table(node)
    for item, size in SIZES.items():
        assert figures.sram(size) == figures[item]
    between = figures.sram(16 << 10)
    assert between.value == pytest.approx((figures["sram 8KB"].value * figures["sram 32KB"].value)
                                          ** 0.5)  # fmt: skip
    assert (between.low, between.high) == (figures["sram 8KB"].low, figures["sram 32KB"].high)
    assert between.range == "interpolated"
    assert "between 8 and 32 KB" in between.item
    small = figures.sram(64)
    assert small.value == figures["sram 8KB"].value
    assert small.low == pytest.approx(figures["sram 8KB"].low / 6, rel=1e-3)
    with pytest.raises(ConfigError, match=r"^energy.sram: must be of at most 1048576 bytes, not "):
        figures.sram((1 << 20) + 1)


HEAD = ",".join(COLUMNS)
GOOD = "x,45nm,2,1,3,8,source,somebody,R"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("x,45nm,2,1,3,8,source,somebody,Q", r"^energy.45nm.x.tag: must be one of D, 2, R, X, A"),
        ("x,44nm,2,1,3,8,source,somebody,R", r"^energy.44nm.x.node: must be one of 45nm, 7nm"),
        ("x,45nm,2,1,3,8,perhaps,somebody,R", r"^energy.45nm.x.range: must be one of source"),
        ("x,45nm,2,2.5,3,8,source,somebody,R", r"^energy.45nm.x.low: must be lower than 2.0, not"),
        ("x,45nm,2,1,1.5,8,source,somebody,R", r"^energy.45nm.x.high: must be higher than 2.0"),
        ("x,45nm,-2,1,3,8,source,somebody,R", r"^energy.45nm.x.value: must be a number above 0"),
        ("x,45nm,nan,1,3,8,source,somebody,R", r"^energy.45nm.x.value: must be a number above 0"),
        ("x,45nm,2,1,3,0,source,somebody,R", r"^energy.45nm.x.bits: must be 1 or more, not 0$"),
        ("x,45nm,2,1,3,8,source,,R", r"^energy.45nm.x.source: must be told, not ''$"),
        ("x,45nm,much,1,3,8,source,me,R", r"^t.csv.x.value: must be a number, not 'much'$"),
        ("x,45nm,2,1,3,8.5,source,me,R", r"^t.csv.x.bits: must be an integer, not '8.5'$"),
        ("x,45nm,2,1", r"^t.csv.x.high: must be a number, not None$"),
        (f"{GOOD}\n{GOOD}", r"^t.csv.item: must be there once, not 'x'$"),
    ],
)
def test_bad_tables_are_refused(tmp_path: Path, line, message):
    path = tmp_path / "t.csv"
    path.write_text(f"# a comment\n{HEAD}\n{GOOD}\n", encoding="utf-8")
    assert read(path)["x"].energy == Range(1, 2, 3)
    path.write_text(f"{HEAD}\n{line}\n", encoding="utf-8")
    with pytest.raises(UserError, match=message) as error:
        read(path)
    assert "\n" not in str(error.value)
    path.write_text("item,value\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"^t.csv: must have columns item, node, "):
        read(path)


def test_nodes_do_not_mix():
    old, new = table("45nm"), table("7nm")
    with pytest.raises(ConfigError, match=r"^energy.hbm2.node: must be 45nm, not '7nm'$"):
        _ = old["hbm2"]
    with pytest.raises(ConfigError, match=r"^energy.sram 8KB.node: must be 45nm, not '7nm'$"):
        Bill(old, (Term("buffer A", new["sram 8KB"], 1),))
    a, b = (Bill(x, (Term("MACs", x["mul int8"], 1),)) for x in (old, new))
    for of in (difference, ratio, Bill.__add__):
        with pytest.raises(ConfigError, match=r"^energy.mul int8.node: must be 45nm, not '7nm'$"):
            of(a, b)
    Bill(old, (Term("external", old["lpddr4"], 1),))  # a process of its own
    with pytest.raises(ConfigError, match=r"^energy.item: must be one of add int8, .*not 'tape'$"):
        _ = old["tape"]
    with pytest.raises(ConfigError, match=r"^energy.node: must be one of 45nm, 7nm, not '5nm'$"):
        table("5nm")


# --- Counters to energy ---

ONES = {"a_words": 3, "b_words": 2, "d_words": 0, "column_words": 1, "c_words": 2,
        "a_written": 4, "a_read": 6, "b_written": 5, "b_read": 7, "sums_begun": 0,
        "sums_written": 3, "sums_read": 2, "sums_stored": 1, "weight_rows": 8,
        "macs": 100, "nonzero_macs": 80, "cycles": 9}  # fmt: skip


def test_by_hand():
    """ws-8x8: buffers of 8, 32 and 8 KiB, words of 64, 64 and 256 bits, 128 bytes of weights."""
    bill = charge(load("ws-8x8").shell, ONES, table("45nm"), "dram")
    found = {level: energy.value for level, energy in bill.levels.items()}
    assert found == pytest.approx(
        {
            "external": 8 * 1950,  # bus words of 64 bits
            "buffer A": 10 * 10,
            "buffer B": 12 * 20,
            "sums": 6 * 4 * 10 + 2 * 8 * 0.1,
            "weights": 8 * 10,
            "MACs": 80 * 0.3 + 20 * 0.29 * 0.3,
        }
    )
    assert bill.levels["external"] == Range(8 * 1300, 8 * 1950, 8 * 2600)
    assert bill.total.high == pytest.approx(sum(x.high for x in bill.levels.values()))
    narrow = charge(
        load("ws-8x8").shell, ONES | {"a_elements": 5, "b_elements": 3}, table("45nm"), "dram",
        own_width=True,
    )  # fmt: skip
    assert narrow.levels["external"].value == pytest.approx((3 * 64 + 8 * 8) / 64 * 1950)


def test_a_tile_by_hand():
    """cim-64x16: 1024 adders of 9/8 of 8 bits and 16 of 32 bits a plane; of 640 bits of products
    without a zero operand 640 toggle, the others are padding."""
    counters = ONES | {"planes": 3, "planes_skipped": 5}
    bill = charge(load("cim-64x16").shell, counters, table("7nm"), "hbm3")
    adds = 3 * 1024
    expected = (640 + 0.29 * (adds - 640)) * 9 / 8 * 0.007 + 3 * 16 * 0.03
    assert bill.levels["MACs"].value == pytest.approx(expected)
    assert bill.levels["external"].value == pytest.approx(8 * 64 * 4)
    del counters["planes"]  # by the models, without data: 8 planes of each vector
    bill = charge(load("cim-64x16").shell, counters, table("7nm"), "hbm3")
    expected = (640 + 0.29 * (48 * 1024 - 640)) * 9 / 8 * 0.007 + 48 * 16 * 0.03
    assert bill.levels["MACs"].value == pytest.approx(expected)


def test_lanes_by_hand():
    """simd-8: 8 sums of 32 bits in a lane, one of them read and written by each product, in less
    than the smallest RAM; the one sum of scalar's lane is a register."""
    bill = charge(load("simd-8").shell, ONES, table("45nm"), "dram")
    found = bill.levels["register tile"]
    assert found.value == pytest.approx(100 * 64 / 64 * 10)
    assert found.low < found.value / 8 < found.high
    assert "register tile" not in charge(load("scalar").shell, ONES, table("45nm"), "dram").levels


@pytest.mark.parametrize("node", NODES)
def test_products_and_sums_by_width(node):
    """Exact at the table's widths; between and below on their line; 28 % either way at least."""
    figures = table(node)
    assert figures.mul(8, 8) is figures["mul int8"]
    assert figures.mul(32, 32) is figures["mul int32"]
    assert figures.add(32) is figures["add int32"]
    eight, wide = figures["mul int8"].value, figures["mul int32"].value
    assert figures.mul(16, 16).value == pytest.approx((eight * wide) ** 0.5)
    assert figures.mul(4, 4).value == pytest.approx(eight * (eight / wide) ** 0.5)
    assert figures.mul(4, 12).range == "interpolated"
    assert "by int8 and int32" in figures.mul(4, 12).item
    assert figures.add(24).value == pytest.approx(0.75 * figures["add int32"].value)
    for a, b in product((1, 2, 4, 8, 12, 16), repeat=2):
        figure = figures.mul(a, b)
        assert figure.low <= 0.72 * figure.value * (1 + 1e-9)
        assert figure.high >= 1.28 * figure.value * (1 - 1e-9)
        in_proportion = eight * a * b / 64
        assert figure.low < in_proportion < figure.high
        assert figures.mul(b, a).value == figure.value


def _formats(name: str, **given: Any) -> MachineConfig:
    """The machine of a configuration with other formats or widths."""
    shell = load(name, "generic").shell
    array: Any = shell.array
    return replace(shell, array=replace(array, **given))


@pytest.mark.parametrize(
    ("name", "fields", "widths"),
    [
        ("ws-8x8", {"b_format": "int4"}, (8, 4)),
        ("ws-8x8", {"a_format": "uint4", "b_format": "int4", "acc_bits": 24}, (4, 4)),
        ("os-8x8", {"a_format": "int16", "b_format": "int16", "zero_points": False}, (16, 16)),
        ("simd-8", {"a_format": "int16", "b_format": "int8"}, (16, 8)),
        ("mesh-8x8", {"act_bits": 4, "weight_format": "int4"}, (4, 4)),
        ("inbank-8x8", {"act_bits": 16, "weight_format": "int4"}, (16, 4)),
    ],
)
def test_products_are_charged_by_their_formats(name, fields, widths):
    """Products, sums and all that moves are of the formats' bits; int8's are the table's own."""
    figures = table("45nm")
    names = [e.name for e in events(load(name).shell)]
    counters = dict.fromkeys(names, 0) | {"macs": 100, "nonzero_macs": 80, "sums_read": 3,
                                          "b_written": 5, "a_read": 7}  # fmt: skip
    plain, other = load(name, "generic").shell, _formats(name, **fields)
    found = [charge(shell, counters, figures, "dram").levels for shell in (plain, other)]
    busy = 80 + 0.29 * 20
    assert found[0]["MACs"].value == pytest.approx(busy * 0.3)
    a, b = widths
    sums = other.array.acc_bits
    each = figures.mul(a, b).value + 0.1 * sums / 32
    assert found[1]["MACs"].value == pytest.approx(busy * each)
    for level, bits, words in (
        ("buffer A", a, 7 * other.a_word / figures.sram(other.a_bytes).bits),
        ("buffer B", b, 5 * max(other.b_word, other.b_turned_word) / 64),
    ):
        size = {"buffer A": other.a_bytes, "buffer B": other.b_bytes}[level]
        if size:
            expected = bits * words * figures.sram(size).value
            assert found[1][level].value == pytest.approx(expected)
    moved = 3 * other.array.cols * sums / 64 * figures.sram(other.c_bytes).value
    added = 3 * other.array.cols * 0.1 * sums / 32
    assert found[1]["sums"].value == pytest.approx(moved + added)


def test_a_tiles_slices_by_hand():
    """Weights of 16 bits in slices of 4: four trees of five bits."""
    tile = _formats("cim-64x16", weight_format="int16", slice_bits=4)
    bill = charge(tile, ONES | {"planes": 3, "planes_skipped": 5}, table("7nm"), "hbm3")
    adds = 3 * 1024
    expected = (640 + 0.29 * (adds - 640)) * 4 * 5 / 8 * 0.007 + 3 * 16 * 0.03
    assert bill.levels["MACs"].value == pytest.approx(expected)


def test_logic_of_the_project(tmp_path):
    """Instead of products and weights; of the node that a library is of, and no other."""
    runs = [
        {"config": "ws-8x8", "unit": unit, "workload": workload, "pj_per_mac": energy}
        for unit, workload, energy in (
            ("array", "random", 0.4), ("array", "digits", 0.3), ("array", "held-sparse", 0.2),
            ("array", "zeros", 0.1), ("pe", "digits", 9.0),
        )
    ]  # fmt: skip
    for library in ("asap7", "sky130"):
        text = json.dumps({"left_out": ["wires"], "runs": runs})
        (tmp_path / f"{library}.json").write_text(text, encoding="utf-8")
    figure = own_logic("ws-8x8", "7nm", tmp_path)
    assert figure
    assert figure.energy == Range(0.2, 0.3, 0.4)
    assert own_logic("ws-8x8", "45nm", tmp_path) is None
    assert own_logic("os-8x8", "7nm", tmp_path) is None
    assert own_logic("ws-8x8", "7nm", tmp_path / "none") is None
    with pytest.raises(ConfigError, match=r"^energy.node: must be one of 45nm, 7nm, not '130nm'$"):
        own_logic("ws-8x8", "130nm", tmp_path)
    shell = load("ws-8x8").shell
    plain = charge(shell, ONES, table("7nm"), "hbm2")
    own = charge(shell, ONES, table("7nm"), "hbm2", logic=figure)
    assert own.levels["engine"].value == pytest.approx(30)
    inside = plain.levels["MACs"].value + plain.levels["weights"].value
    assert own.total.value == pytest.approx(plain.total.value - inside + 30)
    with pytest.raises(ConfigError, match=r"^energy.product on ws-8x8.node: must be 45nm, not"):
        charge(shell, ONES, table("45nm"), "dram", logic=figure)


@pytest.mark.parametrize("name", THERE)
def test_every_counter_is_charged(name):
    """Of every machine that is compared; and one that is not known is told."""
    shell = load(name).shell
    names = [event.name for event in events(shell)]
    assert charge(shell, dict.fromkeys(names, 1), table("7nm"), "hbm2").uncharged == ()
    odd = dict.fromkeys(names, 1) | {"new": 7}
    assert charge(shell, odd, table("7nm"), "hbm2").uncharged == (("new", 7),)


def _counters(name: str, sizes: tuple[int, int, int]) -> dict[str, int]:
    config = load(name, "generic").shell
    job = planned(config, placed(config, Descriptor(*sizes, format="int8"))[0])
    return traffic.counters(config, job)


SIZES_OF = st.tuples(*[st.integers(1, 150)] * 3)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CONFIGS), SIZES_OF, st.integers(1, 1000), st.sampled_from(NODES), st.data())
def test_energy_is_linear_and_within_its_range(name, sizes, times, node, data):
    shell, counted = load(name, "generic").shell, _counters(name, sizes)
    pool = data.draw(st.sampled_from(table(node).pools))
    once = charge(shell, counted, table(node), pool)
    often = charge(shell, {x: times * n for x, n in counted.items()}, table(node), pool)
    assert once.levels.keys() == often.levels.keys()
    for level, energy in once.levels.items():
        assert 0 < energy.low <= energy.value <= energy.high
        assert often.levels[level].value == pytest.approx(times * energy.value)
        assert often.levels[level].high == pytest.approx(times * energy.high)
    twice = once + often
    assert twice.total.low == pytest.approx((times + 1) * once.total.low)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(NODES), st.lists(st.integers(1, 50), min_size=8, max_size=8))
def test_differences_and_ratios_against_all_corners(node, counts):
    """Each figure at either end of its range, the same in both sums."""
    items = ("mul int8", "add int32", "sram 8KB", "lpddr4")
    figures = [table(node)[item] for item in items]
    a, b = (
        Bill(table(node), tuple(Term("x", f, n) for f, n in zip(figures, part, strict=True)))
        for part in (counts[:4], counts[4:])
    )
    corners = np.array(list(product(*[(f.low, f.high) for f in figures])))
    left, right = corners @ counts[:4], corners @ counts[4:]
    gap, times = difference(a, b), ratio(a, b)
    assert (gap.low, gap.high) == pytest.approx((min(left - right), max(left - right)))
    assert (times.low, times.high) == pytest.approx((min(left / right), max(left / right)))
    first, second = sorted(("a", "b"), key=lambda x: (a if x == "a" else b).total.value)
    is_open = min(left - right) <= 0 <= max(left - right)
    assert flips({"a": a, "b": b}) == ([(first, second)] if is_open else [])


def test_what_both_have_does_not_blur_an_order():
    """A large common part of an unknown size leaves the order as it is."""
    figures = table("45nm")
    common = Term("external", figures["dram"], 1000)
    a = Bill(figures, (common, Term("MACs", figures["mul int8"], 10)))
    b = Bill(figures, (common, Term("MACs", figures["mul int8"], 11)))
    assert a.total.high > b.total.low
    assert flips({"a": a, "b": b}) == []
