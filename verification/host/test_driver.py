"""The C driver in docs/examples compiles without a warning, and drives the RTL."""

import shutil
import subprocess

import pytest

from insitu.hdl.config import load
from insitu.program.c import header
from insitu.verification import simulators
from insitu.verification.bench.layers import two_layers
from insitu.verification.bench.native import machine_build
from insitu.verification.bench.passed import at_night

SOURCE = simulators.ROOT / "docs/examples/driver.c"
STRICT = ("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")
BUS = """\
#include <stdint.h>
uint32_t (*reader)(uint32_t);
void (*writer)(uint32_t, uint32_t);
uint32_t bus_read(uint32_t offset) { return reader(offset); }
void bus_write(uint32_t offset, uint32_t value) { writer(offset, value); }
"""


PROGRAM = """
#include "driver.h"
#include "program.h"
struct insitu_piece program_image_shown[PROGRAM_PIECES];
__attribute__((constructor)) static void show(void)
{
    for (unsigned n = 0; n < PROGRAM_PIECES; n++)
        program_image_shown[n] = program_image[n];
}
int run_program(uint64_t *cycles)
{
    return insitu_program(program_descriptors, PROGRAM_COUNT, cycles);
}
"""


@pytest.mark.parametrize("name", at_night(["ws-tiny", "os-tiny"], 1))
def test_driver(name, tmp_path):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    (tmp_path / "bus.c").write_text(BUS + PROGRAM, encoding="utf-8")
    lowered = two_layers(load(name, "generic").shell)
    (tmp_path / "program.h").write_text(header(lowered, "program"), encoding="utf-8")
    library = tmp_path / "driver.so"
    sources = [str(SOURCE), str(tmp_path / "bus.c")]
    line = [
        compiler,
        *STRICT,
        f"-I{simulators.ROOT / 'host'}",
        f"-I{SOURCE.parent}",
        f"-I{tmp_path}",
        "-shared",
        "-fPIC",
        *sources,
    ]
    done = subprocess.run(
        [*line, "-o", str(library)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    assert done.returncode == 0, done.stderr
    build = machine_build(load(name, "generic"))
    env = {"INSITU_CONFIG": name, "INSITU_DRIVER": str(library)}
    simulators.run(build, "insitu.verification.host.tb_driver", cwd=tmp_path, env=env)
