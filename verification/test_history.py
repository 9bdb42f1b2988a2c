"""What is recorded of placed designs is of today's RTL, or says that it is not."""

import csv

import pytest

from hdl.config import load
from synth.devices import device
from synth.flow import hash_of
from synth.report import HISTORY

with HISTORY.open(newline="", encoding="utf-8") as file:
    ROWS = list(csv.DictReader(file))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['config']}-{row['unit']}")
def test_recorded_design_is_todays(row):
    now = hash_of(load(row["config"]), row["unit"], device(row["device"]))
    assert row["earlier"] == ("" if now == row["design_hash"] else "yes"), (
        f"{row['unit']} of {row['config']} is {now} now: `make docs` marks it, "
        f"`make synth CONFIG={row['config']} UNIT={row['unit']} DEVICE={row['device']} RECORD=1` "
        "measures it"
    )
