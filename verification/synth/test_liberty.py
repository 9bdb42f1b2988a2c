"""Liberty files: what is told by default, the supply, and broken ones, each refused in one line."""

import gzip
import random
import re
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest

from insitu.hdl.config import UserError, load
from insitu.synth.power import report
from insitu.synth.power.liberty import Library
from insitu.synth.power.mapping import UNUSED
from insitu.synth.power.roles import check
from insitu.verification.bench.command import status
from insitu.verification.synth.test_power import FJ, NW, TINY

TEXT = TINY.read_text(encoding="utf-8")
CELL = re.compile(r"^  cell \((\w+)\) \{.*?^  \}\n", re.MULTILINE | re.DOTALL)
CELLS = {match[1]: match[0] for match in CELL.finditer(TEXT)}
HEAD = TEXT[: TEXT.index("  cell (INV)")]


def of(*names: str) -> str:
    """The tiny library with these cells only."""
    return HEAD + "".join(CELLS[name] for name in names) + "}\n"


def without(*lines: str) -> str:
    """The tiny library, some statements left out."""
    text = TEXT
    for line in lines:
        assert line in text
        text = text.replace(line, "")
    return text


def put(old: str, new: str, text: str = TEXT) -> str:
    """Another text in the place of what comes first of ``old``."""
    assert old in text
    return text.replace(old, new, 1)


def library(folder: Path, text: str) -> Library:
    path = folder / "x.lib"
    path.write_text(text, encoding="utf-8")
    return Library([path])


# --- Refusals ---

SUPPLIES = (
    "  nom_voltage : 1;\n",
    "voltage : 1; }",
    "  default_operating_conditions : typical;\n",
)
NO_SUPPLY = without(*SUPPLIES).replace("temperature : 25; \n", "temperature : 25; }\n")

BROKEN: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", r"must have cells, not x.lib"),
    "binary": (bytes(range(256)) * 9, r"x.lib:\d+: must have .*"),
    "short gzip": (gzip.compress(TEXT.encode())[:900],
        r"must be a whole gzip file, not .*x.lib .*"),
    "gzip of two bytes": (b"\x1f\x8b", r"must be a whole gzip file, not .*x.lib .*"),
    "cut off": (TEXT[: TEXT.index("cell_rise")], r"x.lib:39: must have a '}' to this '{'"),
    "a brace less": (put("cell (BUF) {", "cell (BUF)"), r"x.lib:\d+: must have a '{' to this '}'"),
    "a brace more": (TEXT + "}", r"x.lib:\d+: must have a '{' to this '}'"),
    "a parenthesis less": (put("pin (A)", "pin (A"), r"x.lib:36: must be the '\)' of pin, not '{'"),
    "a quote less": (TEXT + '"', r"x.lib:\d+: must have the end of a string"),
    "no statement": (put("area : 1;", "area 1;"), r"x.lib:34: must be a ':' or '\(' after 'area', "
                     "not '1'"),
    "no value": (put("area : 1;", "area : ;"), r"x.lib:34: must be a value of area, not ';'"),
    "no cells": (of(), r"must have cells, not x.lib"),
    "no library": (put("library (tiny)", "fibrary (tiny)"), r"must be a Liberty file, not x.lib"),
    "no name": (put("cell (INV)", "cell ()"), r"x.lib:33: cell: must have a name .*, not ''"),
    "twice": (of("INV", "INV"), r"x.lib:\d+: cell: must have a name of its own, not 'INV'"),
    "no flip-flop": (of("INV", "BUF", "NAND2", "NOR2"), r"x.lib: must have a flip-flop on a rising "
                     r"edge, not only BUF, INV, NAND2, NOR2"),
    "no inverter": (of("BUF", "NAND2", "DFF"), r"x.lib: must have an inverter, not only .*"),
    "no buffer": (of("INV", "NAND2", "DFF"), r"x.lib: must have a buffer, not only .*"),
    "no gate": (of("INV", "BUF", "DFF"), r"x.lib: must have a gate of two inputs, not only .*"),
    "falling edge": (put('clocked_on : "CLK"', 'clocked_on : "!CLK"'), r"x.lib: must have a "
                     r"flip-flop .*"),
    "no area": (put("area : 1;", ""), r"x.lib:33: area: must be given in cell INV, not left out"),
    "bad area": (put("area : 1;", "area : big;"), r"x.lib:34: area: must be numbers, not 'big'"),
    "no capacitance": (put("capacitance : 1;", ""),
                       r"x.lib:36: capacitance: must be given, or default_input_pin_cap, not "
                       "left out"),
    "below 0": (put("capacitance : 1;", "capacitance : -1;"), r"x.lib:36: capacitance: must be a "
                r"number from 0, not '-1'"),
    "no number": (put("capacitance : 1;", "capacitance : nan;"), r"x.lib:36: capacitance: .*'nan'"),
    "infinite": (put("cell_leakage_power : 3;", "cell_leakage_power : 1e999;"),
        r"x.lib:35: .*1e999'"),
    "no direction": (put("direction : input;", ""), r"x.lib:36: direction: must be one of input, "
                     r"output, inout, internal, not left out"),
    "function": (put('"!A"', '"A ? B"'), r"x.lib:33: INV: must have boolean expressions of pins, "
                 r"not 'A \? B'"),
    "unknown pin": (put('"!A"', '"!C"'), r"x.lib:33: INV: must have boolean expressions .*'!C'"),
    "unknown clock": (put('clocked_on : "CLK"', 'clocked_on : "CK"'), r"x.lib:\d+: DFF: clocked_on "
                      r"must be an input, not 'CK'"),
    "no next state": (put('next_state : "D";', ""), r"x.lib:\d+: DFF: ff must have a next_state"),
    "related pin": (put('"A";\n        rise_power', '"Z";\n        rise_power'),
                    r"x.lib:33: INV: related_pin must be a pin, not 'Z'"),
    "short table": (put('"2, 3", "2, 3"', '"2, 3", "2"'),
        r"x.lib:49: values: must be 2 · 2 numbers, "
                    r"as the indices have, not 3"),
    "no values": (put('values ("2, 3", "2, 3");', ""),
        r"x.lib:49: values: must be numbers, not left "
                  r"out"),
    "words in a table": (put('"2, 3", "2, 3"', '"2, 3", "2, x"'), r"x.lib:49: values: .*, not 'x'"),
    "no template": (put("rise_power (energy)", "rise_power (nope)"), r"x.lib:49: index_1: must be "
                    r"given, or in a power_lut_template of the table's name, not 'nope'"),
    "index that falls": (put('index_2 ("0, 10")', 'index_2 ("10, 0")'), r"x.lib:\d+: index_2: must "
                         r"be numbers that rise, not '10, 0'"),
    "no tables": (put('power (scalar) { values ("2"); }', ""),
        r"x.lib:\d+: internal_power: must be "
                  r"rise_power, fall_power or power, not left out"),
    **{
        f"no {name}": (without(line),
        rf"x.lib:2: {name}: must be a number and a unit, such as 1n\w, "
                       r"not left out")
        for name, line in (
            ("time_unit", '  time_unit : "1ns";\n'),
            ("voltage_unit", '  voltage_unit : "1V";\n'),
            ("leakage_power_unit", '  leakage_power_unit : "1nW";\n'),
            ("capacitive_load_unit", "  capacitive_load_unit (1, ff);\n"),
        )
    },
    "unit of another kind": (put('"1nW"', '"1ns"'),
        r"x.lib:8: leakage_power_unit: must be .*'1ns'"),
    "unit of nothing": (put("(1, ff)", "(0, ff)"),
        r"x.lib:7: capacitive_load_unit: must be .*'0ff'"),
    "two dots": (put('"1nW"', '"1.2.3nW"'), r"x.lib:8: leakage_power_unit: must be .*'1.2.3nW'"),
    "no voltage": (NO_SUPPLY, r"x.lib:2: nom_voltage: must be the supply, where nothing else tells "
                   r"one, not left out"),
    "0 V": (put("voltage : 1; }", "voltage : 0; }"),
        r"x.lib:18: voltage: must be a number above 0, "
            r"not '0'"),
    "unknown conditions": (put(": typical;", ": slow;"),
        r"x.lib:\d+: default_operating_conditions: "
                           r"must be operating_conditions of the library \(typical\), not 'slow'"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_one_line(case, tmp_path, monkeypatch, capsys):
    """With file and, where there is one, line; before anything is mapped."""
    content, message = BROKEN[case]
    path = tmp_path / "x.lib"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    monkeypatch.setattr(report, "to_liberty", None)
    assert status("power", "--liberty", str(path), "--unit", "mac") == 2
    shown = capsys.readouterr().err
    assert re.fullmatch(f"error: LIBERTY: {message}\n", shown), shown


def test_files_that_cannot_be_read(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"^LIBERTY: must be a file, not "):
        report.library_of((tmp_path,))

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(UserError, match=r"^LIBERTY: must be a file that can be read, not .*denied"):
        report.library_of((TINY, TINY))


def test_files_that_do_not_go_together(tmp_path):
    a, b = tmp_path / "a.lib", tmp_path / "b.lib"
    a.write_text(of("INV", "DFF"), encoding="utf-8")
    b.write_text(of("BUF", "NAND2"), encoding="utf-8")
    assert sorted(Library([a, b])) == ["BUF", "DFF", "INV", "NAND2"]
    b.write_text(put("voltage : 1; }", "voltage : 0.9; }", of("BUF", "NAND2")), encoding="utf-8")
    with pytest.raises(UserError, match=r"^LIBERTY: b.lib: must have the 1 V of a.lib, not 0.9 V$"):
        Library([a, b])
    with pytest.raises(UserError, match=r"^LIBERTY: a.lib: must have cells of its own, not INV, "):
        Library([a, a])


WORDS = [match.span() for match in re.finditer(r'[\w.+-]+|[{}();:,"]', TEXT)]


def _mutant(rng: random.Random) -> bytes:
    """The tiny library, cut, or something in it left out, doubled, changed with another."""
    (a, b), (c, d) = sorted(rng.sample(WORDS, 2))
    other = rng.choice(
        ["", "x", "-1", "nan", "1e999", "{", "}", "(", '"', ";", "/*", "A ? B", "\\"]
    )
    return rng.choice(
        [
            TEXT[:a],
            TEXT[:a] + TEXT[b:],
            TEXT[:b] + " " + TEXT[a:],
            TEXT[:a] + TEXT[c:d] + TEXT[b:c] + TEXT[a:b] + TEXT[d:],
            TEXT[:a] + other + TEXT[b:],
            TEXT[:a] + "".join(chr(rng.randrange(32, 127)) for _ in range(8)) + TEXT[a:],
        ]
    ).encode()


def test_any_damage_is_one_line_or_none(tmp_path):
    """No damage to a file ends in anything but a library that can be used, or one line."""
    rng, path, refused = random.Random(5), tmp_path / "x.lib", []
    for _ in range(400):
        path.write_bytes(_mutant(rng))
        try:
            check(Library([path]), UNUSED)
        except UserError as error:
            refused.append(str(error))
    assert 200 < len(refused) < 400
    for message in refused:
        assert re.fullmatch(r"LIBERTY: .*x\.lib.*", message), message


# --- What is told by default ---


def test_default_capacitance(tmp_path):
    """Of an input that has none of its own, for either edge."""
    text = put(
        "time_unit", "default_input_pin_cap : 7;\n  default_output_pin_cap : 9;\n  time_unit"
    )
    bare = put("direction : input; capacitance : 1;", "direction : input;", text)
    (pin,) = library(tmp_path, bare).cell("INV").of(inputs=True)
    assert [c / 1e-15 for c in pin.capacitance] == pytest.approx([7, 7])
    half = put("capacitance : 1;", "rise_capacitance : 3;", text)
    (pin,) = library(tmp_path, half).cell("INV").of(inputs=True)
    assert [c / 1e-15 for c in pin.capacitance] == pytest.approx([3, 7])
    (pin,) = library(tmp_path, text).cell("INV").of(inputs=True)
    assert [c / 1e-15 for c in pin.capacitance] == pytest.approx([1, 1])
    # An output's own capacitance is no load of its net, in OpenSTA neither.
    (pin,) = library(tmp_path, text).cell("INV").of(inputs=False)
    assert pin.capacitance == (0, 0)


@pytest.mark.parametrize(
    ("defaults", "watts"),
    [
        ("default_cell_leakage_power : 5;", {"": 5}),
        ("default_leakage_power_density : 4;", {"": 4 * 2}),
        ("default_cell_leakage_power : 5; default_leakage_power_density : 4;", {"": 5}),
        ("", {}),
    ],
)
def test_default_leakage(defaults, watts, tmp_path):
    """Of cells that tell of none; a density is per unit of area."""
    text = put("time_unit", f"{defaults}\n  time_unit")
    buf = put("    cell_leakage_power : 3;\n", "", CELLS["BUF"])
    made = library(tmp_path, put(CELLS["BUF"], buf, text))
    found = {when: value / NW for when, value in made.cell("BUF").leakage}
    assert found == pytest.approx(watts)
    assert dict(made.cell("INV").leakage)[""] / NW == pytest.approx(3)
    # Where states are told but not the rest, the rest is the default.
    nand = put("    leakage_power () { value : 2; }\n", "", CELLS["NAND2"])
    made = library(tmp_path, put(CELLS["NAND2"], nand, text))
    found = {when: value / NW for when, value in made.cell("NAND2").leakage}
    assert found == pytest.approx({"A & B": 4, "!A & !B": 1} | watts)


MAP = "  voltage_map (VDD, 0.8);\n  voltage_map (VSS, 0);\n  voltage_map (VPW, 0.8);\n  time_unit"


@pytest.mark.parametrize(
    ("text", "volts"),
    [
        (put("nom_voltage : 1;", "nom_voltage : 2;"), 1),  # the default conditions come first
        (put("nom_voltage : 1;", "nom_voltage : 2;", without(SUPPLIES[2])), 2),
        (without(SUPPLIES[0], SUPPLIES[2]), 1),
        (put("time_unit", MAP, NO_SUPPLY), 0.8),
        (put('"1V"', '"10mV"', put("voltage : 1; }", "voltage : 70; }")), 0.7),
    ],
)
def test_supply(text, volts, tmp_path):
    made = library(tmp_path, text)
    assert made.voltage == pytest.approx(volts)
    assert made.corner == f"{made.voltage:g} V, 25 °C"


def test_supplies_that_differ(tmp_path):
    two = "  operating_conditions (b) { voltage : 0.9; }\n  time_unit"
    with pytest.raises(UserError, match=r"^LIBERTY: x.lib:2: nom_voltage: .*not '0.9 and 1'$"):
        library(tmp_path, put("  time_unit", two, without(SUPPLIES[0], SUPPLIES[2])))


def test_template_of_the_same_name(tmp_path):
    """A table of energies has the template of its own kind."""
    same = TEXT.replace("(energy)", "(delay)")
    (plain,), (found,) = (
        [x for x in library(tmp_path, text).cell("INV").powers if x.rise] for text in (TEXT, same)
    )
    assert found.rise[0].loads / 1e-15 == pytest.approx(plain.rise[0].loads / 1e-15)


# --- Whole runs ---


def test_what_yosys_cannot_read_is_refused_early(tmp_path, monkeypatch):
    """Our reader needs no semicolon there, Yosys does: noticed on a trial, not on the unit."""
    monkeypatch.setattr(report, "to_liberty", None)
    path = tmp_path / "x.lib"
    path.write_text(put('index_1 ("0.01, 1");', 'index_1 ("0.01, 1")'), encoding="utf-8")
    check(Library([path]), UNUSED)
    with pytest.raises(UserError, match=r"^LIBERTY: x.lib: must be what Yosys can map to; yosys: "):
        _mac([path])


def _mac(paths: list[Path]) -> dict:
    return report.of_library(load("ws-tiny"), "mac", "zeros", paths)


def test_order_of_files_does_not_matter(tmp_path):
    """Inverters, gates and registers in files of their own; a blank in their path."""
    whole = _mac([TINY])
    parts = {"inverter": ("INV",), "gates": ("BUF", "NAND2", "NOR2"), "state": ("DFF",)}
    folder = tmp_path / "my cells"
    folder.mkdir()
    for name, cells in parts.items():
        (folder / f"the {name}.lib").write_text(of(*cells), encoding="utf-8")
    for order in permutations(parts):
        result = _mac([folder / f"the {name}.lib" for name in order])
        for key in ("pj_per_mac", "static_w", "area"):
            assert result[key] == pytest.approx(whole[key])


def test_what_a_library_does_not_tell_is_left_out(tmp_path):
    """Of cells that are used: leakage, and internal energy."""
    assert not any("leakage" in what or "internal" in what for what in _mac([TINY])["left_out"])
    silent = re.sub(r"    cell_leakage_power : \d;\n", "", TEXT)
    silent = put(re.findall(r"      internal_power \(\) .*\n", CELLS["NOR2"])[0], "", silent)
    path = tmp_path / "silent.lib"
    path.write_text(silent, encoding="utf-8")
    left_out = _mac([path])["left_out"]
    (leakage,) = (what for what in left_out if what.startswith("leakage of "))
    assert {"INV", "NOR2"} <= set(leakage.removeprefix("leakage of ").split(", "))
    assert "internal energy of NOR2" in left_out


MAKERS: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "gzip": lambda text: gzip.compress(text.encode()),
    "lines of DOS": lambda text: text.replace("\n", "\r\n").encode(),
    "comments": lambda text: re.sub(r";\n", '; // ends "here\n', text).encode(),
}


@pytest.mark.parametrize("maker", MAKERS)
def test_ways_to_write_it(maker, tmp_path):
    path = tmp_path / "x.lib"
    path.write_bytes(MAKERS[maker](TEXT))
    made, plain = Library([path]), Library([TINY])
    check(made, UNUSED)
    for name in plain:
        assert [p.capacitance for p in made.cell(name).pins] == [
            p.capacitance for p in plain.cell(name).pins
        ]
        assert made.cell(name).leakage == plain.cell(name).leakage
    (table,) = made.cell("INV").powers[0].rise
    assert table.values[0] / FJ == pytest.approx([2, 3])
