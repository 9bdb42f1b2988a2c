"""A disk on which nothing can be written: one line, and nothing else."""

import os
import re
import resource
import subprocess
import sys

import pytest

from insitu.verification.simulators import ROOT

JOBS = {
    "verilog": "verilog --config ws-tiny --out {}/verilog",
    "gemm": "gemm --bare --config ws-tiny -m 4 -n 4 -k 4",
    "synth": "synth --config ws-tiny --unit skid --map",
    "power": "power --config ws-tiny --unit skid --device up5k",
}


def _full() -> None:
    """No byte may be written to a file."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


@pytest.mark.parametrize("job", JOBS)
def test_full_disk_is_one_line(job, tmp_path):
    words = JOBS[job].format(tmp_path).split()
    line = [sys.executable, "-m", "insitu", *words]
    env = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        line,
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=_full,
        env=env,
        encoding="utf-8",
        errors="replace",
    )
    assert done.returncode == 2
    assert re.fullmatch(r"error: \[Errno \d+\] .*\n", done.stderr), done.stderr
