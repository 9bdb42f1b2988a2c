"""The site of ``make docs-site``."""

import subprocess
import sys

from insitu.verification.simulators import ROOT


def test_site_has_no_warnings(tmp_path):
    """Every page is in the table of contents, every link and reference leads somewhere."""
    line = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going"]
    line += ["--doctree-dir", str(tmp_path / "cache"), str(ROOT / "docs"), str(tmp_path / "site")]
    done = subprocess.run(line, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    api = (tmp_path / "site" / "api.html").read_text(encoding="utf-8")
    assert 'id="insitu.machine.Machine.matmul"' in api
