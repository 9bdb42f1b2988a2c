"""Element words: counted by the traffic model, and by formula."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from insitu.hdl.config import load
from insitu.program.descriptor import Descriptor
from insitu.sim_models import traffic
from insitu.sim_models.energy.words import by_formula, closed_form, counted, text
from insitu.verification.sim_models.test_energy import CONFIGS, SIZES_OF


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(CONFIGS), SIZES_OF, st.booleans(), st.booleans(), st.integers(0, 1),
    st.integers(1, 3),
)  # fmt: skip
def test_words_are_those_of_the_traffic_model(name, sizes, turned, addend, order, batch):
    config = load(name, "generic").shell
    m, n, k = sizes
    job = Descriptor(m, n, k, a_transposed=turned, addend=addend, order=order, batch=batch)
    assert counted(config, traffic.counters(config, job)) == by_formula(config, job)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CONFIGS[:3]), st.tuples(*[st.integers(1, 3)] * 3))
def test_closed_form(name, tiles):
    """Of sizes that the array divides, in one block; of a tile, with its weights there."""
    config = load(name, "generic").shell
    array = config.array
    m, n, k = 8 * tiles[0], array.cols * tiles[1], array.rows * tiles[2]
    job = Descriptor(m, n, k, m_block=m, n_block=n, k_block=k, load_b=not array.banks)
    words = counted(config, traffic.counters(config, job))
    assert words.total == closed_form(config, m, n, k)
    assert "MK⌈N/Q⌉" in text(config)


def test_closed_form_of_lanes():
    """2 words per product of the scalar machine, 1/(rn·W) + 1/rm of SIMD, and the results."""

    class Lanes:
        rows, dot, flow, banks = 1, 1, "ws", 0

        def __init__(self, cols: int, rm: int, rn: int) -> None:
            self.cols, self.rm, self.rn = cols, rm, rn

    shell = load("ws-tiny", "generic").shell
    for lanes, per in ((Lanes(1, 1, 1), 2), (Lanes(8, 4, 2), 1 / 16 + 1 / 4)):
        machine = replace(shell)
        object.__setattr__(machine, "array", lanes)
        assert closed_form(machine, 64, 64, 64) == 64**3 * per + 64**2
        job = Descriptor(64, 64, 64)
        object.__setattr__(machine, "array", lanes)
        elements = {"a_elements": 64**3 // (lanes.rn * lanes.cols), "b_elements": 64**3 // lanes.rm,
                    "c_elements": 64**2}  # fmt: skip
        assert counted(machine, elements).total == closed_form(machine, job.m, job.n, job.k)
