"""The examples that instantiate the core in Verilog still fit it."""

import subprocess
import sys

import yaml

from insitu.verification import simulators

EXAMPLES = simulators.ROOT / "docs" / "examples"


def test_fusesoc_and_soc(tmp_path):
    """FuseSoC's generator writes the core that soc.v connects, port by port, without a warning."""
    core = yaml.safe_load(
        (EXAMPLES / "fusesoc" / "insitu.core").read_text(encoding="utf-8").partition("\n")[2]
    )
    (chosen,) = core["generate"].values()
    (generator,) = core["generators"].values()
    request = {"vlnv": core["name"], "parameters": chosen["parameters"], "files_root": "."}
    (tmp_path / "request.yml").write_text(yaml.safe_dump(request), encoding="utf-8")
    script = EXAMPLES / "fusesoc" / generator["command"]
    subprocess.run([sys.executable, script, "request.yml"], cwd=tmp_path, check=True)
    written = yaml.safe_load(
        (tmp_path / "gemm.core").read_text(encoding="utf-8").partition("\n")[2]
    )
    files = [tmp_path / f for f in written["filesets"]["rtl"]["files"]]
    soc = tmp_path / "soc.v"
    soc.write_text((EXAMPLES / "soc.v").read_text(encoding="utf-8"), encoding="utf-8")
    simulators.lint(soc, "soc", *files)
