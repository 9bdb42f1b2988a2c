"""FuseSoC generator: `make verilog`, and a core file around what it wrote."""

import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]


def main() -> None:
    request = yaml.safe_load(Path(sys.argv[1]).read_text(encoding="utf-8"))
    chosen = request["parameters"]
    out = Path("verilog").resolve()
    line = [ROOT / ".venv/bin/python", "-m", "insitu", "verilog", "--config", chosen["config"]]
    line += ["--target", chosen["target"], "--out", out]
    subprocess.run(["make", "--no-print-directory", "setup"], cwd=ROOT, check=True)
    subprocess.run(list(map(str, line)), cwd=ROOT, check=True)
    shutil.copy(out / "gemm.v", "gemm.v")
    core = {
        "name": request["vlnv"],
        "filesets": {"rtl": {"files": ["gemm.v"], "file_type": "verilogSource"}},
        "targets": {"default": {"filesets": ["rtl"]}},
    }
    Path("gemm.core").write_text("CAPI=2:\n" + yaml.safe_dump(core), encoding="utf-8")


if __name__ == "__main__":
    main()
