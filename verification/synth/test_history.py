"""What is recorded of placed designs is of today's RTL, or says that it is not."""

import csv

import pytest

from insitu.hdl.config import load
from insitu.synth.devices import device
from insitu.synth.flow import hash_of
from insitu.synth.report import HISTORY
from insitu.verification.bench.passed import at_night

with HISTORY.open(newline="", encoding="utf-8") as file:
    ROWS = list(csv.DictReader(file))


# Those that take half a minute together; the others take a minute more.
QUICK = ("ws-8x8", "os-8x8", "scalar", "up5k", "ws-8x8-w4", "os-4x4x4")
ROWS.sort(key=lambda row: row["config"] not in QUICK)
DAY = sum(row["config"] in QUICK for row in ROWS)


@pytest.mark.parametrize("row", at_night(ROWS, DAY), ids=lambda x: f"{x['config']}-{x['unit']}")
def test_recorded_design_is_todays(row):
    now = hash_of(load(row["config"]), row["unit"], device(row["device"]))
    assert row["earlier"] == ("" if now == row["design_hash"] else "yes"), (
        f"{row['unit']} of {row['config']} is {now} now: `make docs` marks it, "
        f"`make synth CONFIG={row['config']} UNIT={row['unit']} DEVICE={row['device']} RECORD=1` "
        "measures it"
    )
