"""Figures of docs/own-network.md: the command that writes them would change nothing."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from insitu.machine import Machine
from insitu.program.networks import Network
from insitu.program.networks.costs import Costs
from insitu.program.networks.graph import read
from insitu.verification.jobs.docs import networks

from .graphs import save


def _page() -> str:
    return networks.PAGE.read_text(encoding="utf-8")


def _between(mark: str) -> str:
    return _page().partition(f"<!-- {mark} -->\n")[2].partition("\n<!-- end -->")[0]


def test_networks():
    assert networks.networks() == _between("networks")


@pytest.mark.nightly
def test_large_networks():
    assert networks.networks(large=True) == _between("large networks")


def test_layers():
    assert networks.layers() == _between("layers")


def test_example_of_a_convolution(tmp_path, monkeypatch):
    """Cycles of each way to 64 → 128 channels, 3 × 3, over 12 × 38 pixels, and what A takes."""
    node = helper.make_node("ConvInteger", ["x", "w"], ["y"], pads=[1] * 4)
    path = save(
        tmp_path / "m.onnx", [node], [("x", TensorProto.INT8, [1, 64, 12, 38])],
        constants={"w": np.ones((128, 64, 3, 3), np.int8)},
    )  # fmt: skip
    found, right = {}, Costs.choose

    def choose(self, ways):
        for _, product in ways:
            work, places, end = product.work, {}, 0
            for name, size in product.sizes.items():
                places[name], end = end, end + -(-size // 64) * 64
            (batch, m, _, k), lines = work.sizes, work.lines
            size = lines.count * lines.length if lines else batch * m * k
            found[work.way] = self.of(product.jobs(places)).cycles, size
        return right(self, ways)

    monkeypatch.setattr(Costs, "choose", choose)
    (row,) = Network(read(path), Machine("ws-8x8")).plan()
    assert row.way.startswith("im2col; 3 kernel rows, by line: ")
    (plain, copied), (lines, _), (whole, stored) = (
        found[way] for way in ("im2col", "3 kernel rows, by line", "3 kernel rows")
    )
    assert (
        f"takes {plain:,} cycles on ws-8x8 by im2col, {lines:,} by rows of the kernel line by "
        f"line, and {whole:,} over all pixels. Its A is {copied / 1e3:.0f} kB by im2col and "
        f"{stored / 1e3:.0f} kB as an image."
    ) in _page()
