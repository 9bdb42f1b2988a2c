"""Networks as lists of GEMMs: those that come with the project, and any in a file of that form.

A CSV file in UTF-8: a line of column names, then a line per layer::

    # lines that begin with # are comments: say there where the figures come from
    layer,m,n,k,batch,repeats,b_transposed
    qkv,128,768,768,1,36,0

``layer`` is any name; ``m``, ``n``, ``k`` and ``batch`` are those of the layer's GEMMs, ``repeats``
how often the network has the layer: integers from 1 to 2²⁴; ``b_transposed`` is 1 if B is stored
N × K, else 0. All columns must be there, in any order. Empty lines are left out.
"""

import csv
import re
from dataclasses import dataclass, fields
from pathlib import Path

from insitu.hdl.config import UserError
from insitu.hdl.config.fields import named_file

__all__ = ["FOLDER", "Gemm", "file_of", "load", "names"]

FOLDER = Path(__file__).parent
MOST = 1 << 24


@dataclass(frozen=True)
class Gemm:
    """``repeats`` layers of ``batch`` GEMMs M×K · K×N each; B is stored N×K if ``b_transposed``."""

    layer: str
    m: int
    n: int
    k: int
    batch: int
    repeats: int
    b_transposed: bool

    @property
    def macs(self) -> int:
        """Of one repeat."""
        return self.m * self.n * self.k * self.batch


COLUMNS = [field.name for field in fields(Gemm)]


def names() -> list[str]:
    """Networks there are."""
    return sorted(path.stem for path in FOLDER.glob("*.csv"))


def file_of(name: str) -> Path:
    """File of network ``name``, or the .csv file at path ``name``; ``UserError`` if it is none."""
    return named_file("WORKLOAD", name, ".csv", FOLDER)


def load(name: str) -> list[Gemm]:
    """Layers of network ``name``, or of the .csv file at path ``name``, in order.

    ``UserError`` for a file that is not of this module's form, with line, column and value.
    """
    path = file_of(name)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: must be UTF-8: {error}") from None
    rows = [
        (f"{path}, line {number}", _cells(f"{path}, line {number}", line))
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip() and not line.startswith("#")
    ]
    if len(rows) < 2:
        raise UserError(
            f"{path}: must have a line of columns, {','.join(COLUMNS)}, and one per layer"
        )
    where, header = rows[0]
    if sorted(header) != sorted(COLUMNS):
        raise UserError(
            f"{where}: must be the columns {','.join(COLUMNS)}, each once, not {','.join(header)!r}"
        )
    return [_layer(where, header, cells) for where, cells in rows[1:]]


def _cells(where: str, line: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], strict=True))]
    except csv.Error as error:
        raise UserError(f"{where}: must be values with commas between: {error}") from None


def _layer(where: str, header: list[str], cells: list[str]) -> Gemm:
    if len(cells) != len(header):
        raise UserError(f"{where}: must have {len(header)} values, not {len(cells)}")
    row = dict(zip(header, cells, strict=True))
    if not row["layer"].isprintable() or not row["layer"]:
        raise UserError(f"{where}: layer: must be a name, not {row['layer']!r}")
    if row["b_transposed"] not in ("0", "1"):
        raise UserError(f"{where}: b_transposed: must be 0 or 1, not {row['b_transposed']!r}")
    sizes = {}
    for field in ("m", "n", "k", "batch", "repeats"):
        text = row[field]
        if not re.fullmatch("[0-9]{1,10}", text) or not 1 <= int(text) <= MOST:
            raise UserError(
                f"{where}: {field}: must be an integer from 1 to {MOST}, not {text[:40]!r}"
            )
        sizes[field] = int(text)
    return Gemm(layer=row["layer"], b_transposed=row["b_transposed"] == "1", **sizes)
