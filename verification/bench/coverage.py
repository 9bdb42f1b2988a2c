"""What a list of descriptors reaches: loops over blocks, flags, storage."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from insitu.hdl.config import MachineConfig
from insitu.hdl.config.fields import ceil_div
from insitu.hdl.support.files import write_whole
from insitu.program.descriptor import FLOAT_RESULTS, FORMATS, Descriptor
from insitu.program.target import Target

__all__ = ["Coverage"]

FLAGS = {
    "a_transposed": lambda j: j.a_transposed,
    "b_transposed": lambda j: j.b_transposed,
    "a_signed": lambda j: j.a_signed,
    "b_signed": lambda j: j.b_signed,
    "a_zero": lambda j: j.a_zero != 0,
    "b_zero": lambda j: j.b_zero != 0,
    "bias": lambda j: j.has_bias,
    "addend": lambda j: j.addend,
    "column_scale": lambda j: j.column_scale,
    "binary32": lambda j: j.binary32 and not j.wide,
    "saturate": lambda j: j.saturate and not j.wide,
    "batch": lambda j: j.batch > 1,
    "blocks_given": lambda j: j.m_block or j.n_block or j.k_block,
    "load_b": lambda j: j.load_b,
    "bank_first": lambda j: j.bank_first != 0,
}


@dataclass
class Coverage:
    """Points to be reached, and how often each was.

    A dimension has 1, 2 or more blocks, and its last one is exact or a remainder: smaller than the
    others, or, if it is the only one, than was asked for. Every flag is on and off; every format.
    """

    config: MachineConfig
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def points(self) -> set[str]:
        """All of them."""
        loops = {
            f"order {order}: {x} in {blocks}, {end}"
            for order in range(2)
            for x in "mnk"
            for blocks in ("1", "2", "3+")
            for end in ("exact", "remainder")
        }
        flags = {f"{name} {value}" for name in FLAGS for value in ("off", "on")}
        if not self.config.array.zero_points:
            fixed = ("a_signed", "b_signed", "a_zero", "b_zero")
            flags = {point for point in flags if not point.startswith(fixed)}
        if not self.config.array.banks:
            flags = {p for p in flags if not p.startswith(("load_b", "bank_first"))}
        floats = Target.of_shell(self.config).floats is not None
        absent = ("column_scale", "binary32") if floats else ("saturate",)
        flags = {point for point in flags if not point.startswith(absent)}
        formats = FLOAT_RESULTS if floats else FORMATS
        return loops | flags | {f"format {name}" for name in formats}

    def of(self, job: Descriptor) -> set[str]:
        """Points that ``job`` reaches."""
        found = {f"{name} {'on' if test(job) else 'off'}" for name, test in FLAGS.items()}
        found.add(f"format {job.format}")
        for x, default in zip("mnk", self.config.default_blocks, strict=True):
            size, block = getattr(job, x), getattr(job, f"{x}_block") or default
            count = ceil_div(size, block)
            end = "exact" if size % block == 0 else "remainder"
            found.add(f"order {job.order}: {x} in {min(count, 3)}{'+' * (count > 2)}, {end}")
        return found & self.points

    def add(self, jobs: Iterable[Descriptor]) -> None:
        """Count what ``jobs`` reach."""
        for job in jobs:
            self.counts.update(self.of(job))

    def wants(self, job: Descriptor) -> bool:
        """Whether ``job`` reaches something new, which then counts."""
        found = bool(self.of(job) & self.missing)
        if found:
            self.add([job])
        return found

    @property
    def missing(self) -> set[str]:
        """Points that were not reached."""
        return self.points - self.counts.keys()

    def write(self, path: Path) -> None:
        """As JSON: every point and its count."""
        counts = {point: self.counts[point] for point in sorted(self.points)}
        reached = sum(count > 0 for count in counts.values())
        report = {"reached": reached, "points": len(counts), "counts": counts}
        write_whole(path, json.dumps(report, indent=2) + "\n")
