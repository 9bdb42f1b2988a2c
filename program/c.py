"""Programs for software in C: what ``docs/examples/driver.c`` runs."""

from .program import Program
from .window import WORDS

__all__ = ["header"]


def header(program: Program, name: str) -> str:
    """A C header with ``program``.

    ``NAME_descriptors``, of ``NAME_COUNT`` descriptors, for ``insitu_program``; ``NAME_image``, of
    ``NAME_PIECES`` pieces of memory to be written before; for each input and output ``x`` the first
    byte, ``NAME_X``. ``ValueError`` if ``name`` is no identifier.
    """
    if not name.isidentifier() or not name.isascii():
        raise ValueError(f"name must be an identifier of C, not {name!r}")
    big = name.upper()
    lines = ["#include <stdint.h>", "", "#ifndef INSITU_PIECE", "#define INSITU_PIECE"]
    lines += ["struct insitu_piece { uint64_t address; uint32_t size; const uint8_t *bytes; };"]
    lines += ["#endif", "", f"#define {big}_COUNT {len(program.calls)}u"]
    lines += [f"#define {big}_PIECES {len(program.image)}u", f"#define {big}_TOP {program.top}u"]
    for x, tensor in (*program.inputs.items(), *program.outputs.items()):
        lines.append(f"#define {big}_{x.upper()} {tensor.address}u")
    lines += ["", f"static const uint32_t {name}_descriptors[{big}_COUNT][{WORDS}] = {{"]
    for call in program.calls:
        words = ", ".join(f"0x{word:x}u" for word in call.job.words())
        lines.append(f"    {{ {words} }}, // {call.name}")
    lines += ["};", ""]
    for n, (_, content) in enumerate(program.image):
        values = ", ".join(str(byte) for byte in content)
        lines.append(f"static const uint8_t {name}_piece_{n}[] = {{ {values} }};")
    lines += ["", f"static const struct insitu_piece {name}_image[{big}_PIECES] = {{"]
    for n, (address, content) in enumerate(program.image):
        lines.append(f"    {{ {address}u, {len(content)}u, {name}_piece_{n} }},")
    return "\n".join([*lines, "};", ""])
