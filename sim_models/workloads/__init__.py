"""Networks as lists of GEMMs, one CSV each; a CSV's first lines say where its figures come from."""

import csv
from dataclasses import dataclass
from pathlib import Path

from hdl.config import UserError

__all__ = ["Gemm", "load", "names"]

FOLDER = Path(__file__).parent


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


def names() -> list[str]:
    """Networks there are."""
    return sorted(path.stem for path in FOLDER.glob("*.csv"))


def load(name: str) -> list[Gemm]:
    """Layers of network ``name``, in order; ``UserError`` if there is none of that name."""
    if name not in names():
        raise UserError(f"WORKLOAD: must be one of {', '.join(names())}, not {name!r}")
    lines = (FOLDER / f"{name}.csv").read_text().splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return [
        Gemm(
            row["layer"],
            int(row["m"]),
            int(row["n"]),
            int(row["k"]),
            int(row["batch"]),
            int(row["repeats"]),
            row["b_transposed"] == "1",
        )
        for row in rows
    ]
