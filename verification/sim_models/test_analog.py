"""The analog model against the digital tile's, and its documented figures."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insitu.hdl.config import CimConfig, UserError, load
from insitu.program.layers import Dense
from insitu.sim_models import cim, digits
from insitu.sim_models.analog import Analog, Noise
from insitu.verification import simulators
from insitu.verification.jobs.analog import accuracies

FORMATS = st.sampled_from(["int4", "uint4", "int8"])


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 24), st.integers(1, 5), st.integers(1, 8), FORMATS, st.booleans(), st.data())
def test_without_noise_it_is_the_converter(rows, bits, planes, weights, signed, data):
    """Of each vector and tile, at any bits, groups and clip; and exact where codes suffice."""
    group = data.draw(st.integers(0, rows))
    clip = data.draw(st.integers(0, group or rows))
    tile = CimConfig(rows, 3, planes, weights, adc_bits=bits, adc_rows=group, adc_clip=clip)
    k = data.draw(st.integers(1, 3 * rows))
    rng = np.random.default_rng(data.draw(st.integers(0, 1 << 32)))
    a = rng.integers(0, 1 << planes, (4, k))
    values = tile.weight.values
    b = rng.integers(values.lo, values.hi, (k, 3), endpoint=True)
    padded_a = np.pad(a, ((0, 0), (0, -k % rows)))
    padded_b = np.pad(b, ((0, -k % rows), (0, 0)))
    expected = np.zeros((4, 3), np.int64)
    for m, row in enumerate(padded_a):
        for n in range(0, len(row), rows):
            part = row[n : n + rows], padded_b[n : n + rows]
            expected[m] += cim.bit_serial(tile, *part, planes, signed)
    assert np.array_equal(Analog(tile, b, Noise()).gemm(a, planes, signed), expected)
    if not clip and (1 << bits) > (group or rows):
        numbers = a - ((a >> planes - 1) << planes) if signed else a
        assert np.array_equal(expected, numbers @ b)


def test_each_noise_matters():
    """And the same seed gives the same chip."""
    tile = CimConfig(32, 8, adc_bits=6)
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 256, (20, 32)), rng.integers(-128, 128, (32, 8))
    plain = Analog(tile, b, Noise()).gemm(a, 8, False)
    for noise in (Noise(sigma_cell=0.2), Noise(sigma_out=1.0), Noise(on_off=4.0)):
        noisy = Analog(tile, b, noise).gemm(a, 8, False)
        assert not np.array_equal(noisy, plain)
        assert np.array_equal(Analog(tile, b, noise).gemm(a, 8, False), noisy)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sigma_cell": -1.0}, r"^sigma_cell: must be 0 or more, not -1.0$"),
        ({"sigma_out": float("nan")}, r"^sigma_out: must be 0 or more, not nan$"),
        ({"on_off": 1.0}, r"^on_off: must be above 1, not 1.0$"),
    ],
)
def test_refuses(given, message):
    with pytest.raises(UserError, match=message):
        Noise(**given)
    with pytest.raises(UserError, match=r"^cim.adc_bits: must be 1 to 16 for the analog model"):
        Analog(CimConfig(4, 4), np.zeros((4, 4), np.int64), Noise())


@pytest.mark.parametrize(
    ("rows", "bits", "name"), [(64, 6, "no noise, no clip"), (64, 4, "no noise")]
)
def test_documented_accuracy(rows, bits, name):
    """A few figures of docs/analog.md."""
    text = (simulators.ROOT / "docs" / "analog.md").read_text(encoding="utf-8")
    part = text.partition(f"<!-- {rows} rows -->")[2].partition("<!-- end -->")[0]
    (line,) = [x for x in part.splitlines() if x.startswith(f"| {name} |")]
    found = accuracies(load("cim-64x16"), bits, name, rows=rows)
    assert line.split("|")[bits].strip() == f"{100 * found[0]:.1f}"


def test_documented_counts():
    """Why the curves look like that: counts per reading, and sizes of sums, of docs/analog.md."""
    means, counts, spreads = [], [], []

    def gemm(layer: Dense, a: digits.Ints) -> digits.Ints:
        k = -len(layer.b) % 64
        rows = np.pad(a, ((0, 0), (0, k))).reshape(len(a), -1, 64).swapaxes(0, 1)
        cells = np.pad(layer.b, ((0, k), (0, 0))).reshape(len(rows), 64, -1)
        on = [(rows >> i & 1) @ (cells >> n & 1) for i in range(8) for n in range(8)]
        means.append(float(np.mean(on)))
        counts.append(np.ravel(on))
        spreads.append(float(np.std(a @ layer.b)))
        return digits.golden_gemm(layer, a)

    network, _ = digits.load(signed=False)
    network.run(digits.images()[2][:360], gemm)
    text = (simulators.ROOT / "docs" / "analog.md").read_text(encoding="utf-8")
    found = " ".join(text.split())
    assert "{:.1f}, {:.1f} and {:.1f} are open".format(*means) in found
    most = max(np.percentile(x, 99) for x in counts)
    assert f"99 of 100 counts are at most {most:.0f}." in found
    sizes = [f"{round(x, -2):,.0f}" for x in spreads]
    assert f"deviations of {sizes[0]}, {sizes[1]} (nine" in found
    assert f"and {sizes[2]}: in the last layer" in found
