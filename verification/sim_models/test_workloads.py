"""Networks in files of users: what is read, and each refusal with line, column and value."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from insitu.hdl.config import UserError, load
from insitu.sim_models import workloads
from insitu.sim_models.network import run_layers
from insitu.sim_models.workloads import Gemm
from insitu.verification.jobs import machine as core_jobs
from insitu.verification.jobs import report
from insitu.verification.simulators import ROOT

HEAD = "layer,m,n,k,batch,repeats,b_transposed\n"


@pytest.fixture
def refused(tmp_path):
    def one(text: str | bytes) -> str:
        path = tmp_path / "net.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(UserError) as error:
            workloads.load(str(path))
        (line,) = str(error.value).splitlines()
        return line.removeprefix(str(path))

    return one


def test_a_file_of_users(tmp_path):
    """Any order of columns, comments, empty lines, blanks, a byte order mark, CRLF."""
    path = tmp_path / "my net.csv"
    lines = ["# mine", "", "m, n, k, layer, b_transposed, batch, repeats", '3,4,5,"a, b",1,2,7', ""]
    path.write_bytes("\r\n".join(lines).encode("utf-8-sig"))
    assert workloads.load(str(path)) == [Gemm("a, b", 3, 4, 5, 2, 7, True)]


def _kept(path: Path) -> dict[str, Any]:
    """Report on the file."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    folder = report.BUILD / "model" / "ws-tiny" / f"{path.stem}-{digest}"
    found: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return found


def test_model_of_a_file(tmp_path):
    """The report has what the file has; it is kept by the file's name and content."""
    path = tmp_path / "test workload.csv"
    path.write_text(HEAD + "first,3,4,5,1,2,0\nsecond,8,8,40000,1,1,0\n", encoding="utf-8")
    assert load("ws-tiny").array.max_k < 40000
    assert core_jobs.model(load("ws-tiny"), str(path)) == 0
    found = _kept(path)
    assert [(x["layer"], x["k"], x["repeats"]) for x in found["layers"]] == [
        ("first", 5, 2),
        ("second", 40000, 1),
    ]
    assert found["macs"] == 2 * 60 + 8 * 8 * 40000
    before = found["workload_hash"]
    path.write_text(HEAD + "first,3,4,5,1,2,0\n", encoding="utf-8")
    core_jobs.model(load("ws-tiny"), str(path))
    assert _kept(path)["workload_hash"] != before
    # Of what was not simulated there is neither design nor seed.
    assert not {"design_hash", "seed", "status"} & found.keys()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ": must have a line of columns, layer,m,n,k,.*, and one per layer"),
        ("# nothing\n" + HEAD, ": must have a line of columns, .*, and one per layer"),
        (b"\xff\xfe", ": must be UTF-8: .*"),
        ("layer,m,n,k\na,1,2,3\n", ", line 1: must be the columns .*, not 'layer,m,n,k'"),
        (HEAD.replace("k", "m") + "a,1,1,1,1,1,1\n", ", line 1: must be the columns .*m,n,m.*'"),
        (HEAD.replace("k", "k,x") + "a,1,1,1,1,1,1,1\n", ", line 1: must be the columns .*k,x.*'"),
        (HEAD + "\na,1,2,3\n", ", line 3: must have 7 values, not 4"),
        (HEAD + "a,1,2,3,1,1,0,9\n", ", line 2: must have 7 values, not 8"),
        (HEAD + '"a,1,2,3,1,1,0\n', ", line 2: must be values with commas between: .*"),
        (HEAD + "a\0,1,2,3,1,1,0\n", ", line 2: .*"),
        (HEAD + ",1,2,3,1,1,0\n", ", line 2: layer: must be a name, not ''"),
        (HEAD + "a,1,2,3,1,1,yes\n", ", line 2: b_transposed: must be 0 or 1, not 'yes'"),
        *[
            (HEAD + f"a,1,2,3,1,1,0\na,1,{n},3,1,1,0\n",
             rf", line 3: n: must be an integer from 1 to 16777216, not '{re.escape(n)}'")
            for n in ("0", "-5", "x", "", "1.5", "1e3", "1_0", "٣", "16777217", "9" * 40)
        ],
        (HEAD + f"a,1,2,3,{'9' * 5000},1,0\n", ", line 2: batch: must be an integer .*'9{40}'"),
        (HEAD + "a,1,2,3,1,0,0\n", ", line 2: repeats: must be an integer .*, not '0'"),
    ],
)  # fmt: skip
def test_refuses(refused, text, message):
    line = refused(text)
    assert re.fullmatch(message, line), line


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nope", r"WORKLOAD: must be a \.csv file or one of bert-base, .*, not 'nope'"),
        ("nope.csv", r"WORKLOAD: must be a file that exists, not 'nope\.csv'"),
        ("folder.csv", r"WORKLOAD: must be a file, which a folder is not, not '.*folder\.csv'"),
        ("", r"WORKLOAD: must be a \.csv file or one of bert-base, .*, not ''"),
    ],
)
def test_refuses_names(name, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UserError) as error:
        workloads.load(name)
    assert re.fullmatch(message, str(error.value))


def test_refuses_what_memory_cannot_hold(tmp_path):
    """Before anything is modelled."""
    path = tmp_path / "net.csv"
    path.write_text(HEAD + "large,65536,16777216,1,1,1,0\n", encoding="utf-8")
    words = "WORKLOAD: layer large: must be within 4294967296 bytes, as machine.addr_bits = 32, not"
    with pytest.raises(UserError, match=words):
        next(run_layers(load("scalar").shell, str(path)))


def test_mistakes_are_one_line(tmp_path):
    path = tmp_path / "a\nb.csv"
    path.write_text(HEAD + "a,0,2,3,1,1,0\n", encoding="utf-8")
    line = [sys.executable, "-m", "insitu", "model", "--workload", str(path)]
    done = subprocess.run(
        line, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", errors="replace"
    )
    assert done.returncode == 2
    (said,) = done.stderr.splitlines()
    assert said.endswith("a\\nb.csv, line 2: m: must be an integer from 1 to 16777216, not '0'")
