"""Proofs of stream blocks, DMA masters and control port; broken blocks are refused."""

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from insitu.hdl.stream import Queue
from insitu.verification.formal.contract import StreamContract
from insitu.verification.formal.proofs import BOUNDED, LONG, PROOFS, ProofError, prove

PROVED = [
    pytest.param(name, marks=[pytest.mark.nightly] if name in LONG else []) for name in PROOFS
]


@pytest.mark.parametrize("name", PROVED)
def test_contract_holds(name, tmp_path):
    """For all time, by abc's property-directed reachability."""
    prove(PROOFS[name](), "prove", tmp_path / "a b")


@pytest.mark.parametrize("name", PROVED)
def test_contract_is_reached(name, tmp_path):
    """Full, empty again, stalled on each side, and so on: the proof is not empty."""
    prove(PROOFS[name](), "cover", tmp_path / "a b")


@pytest.mark.nightly
@pytest.mark.parametrize("name", PROOFS | BOUNDED)
def test_contract_holds_with_another_engine(name, tmp_path):
    """16 cycles from reset, by z3."""
    prove((PROOFS | BOUNDED)[name](), "bmc", tmp_path)


class Broken(wiring.Component):
    """A register slice of one word, sound but for one ``flaw``."""

    def __init__(self, flaw: str):
        self._flaw = flaw
        super().__init__({"i": In(stream.Signature(2)), "o": Out(stream.Signature(2))})

    def elaborate(self, platform):
        m = Module()
        i, o, flaw = self.i, self.o, self._flaw
        free = Signal()
        m.d.comb += free.eq(~o.valid | o.ready)
        m.d.comb += i.ready.eq(1 if flaw == "loses" else free)
        with m.If(free):
            m.d.sync += [o.valid.eq(i.valid), o.payload.eq(i.payload)]
        if flaw == "changes":
            with m.If(~free & i.valid):
                m.d.sync += o.payload.eq(i.payload)
        if flaw == "withdraws":
            with m.If(~free & (i.payload == 3)):
                m.d.sync += o.valid.eq(0)
        if flaw == "repeats":
            with m.If(o.valid & o.ready & (o.payload == 2)):
                m.d.sync += [o.valid.eq(1), o.payload.eq(o.payload)]
        if flaw == "garbles":
            with m.If(free & (i.payload == 3)):
                m.d.sync += o.payload.eq(0)
        return m


def contract(flaw: str) -> StreamContract:
    return StreamContract(Broken(flaw), element_bits=2, capacity=1, latency=1)


def test_sound_block_passes(tmp_path):
    prove(contract("none"), "prove", tmp_path)


def test_late_block_fails(tmp_path):
    """A queue shows a word three cycles later, not two."""
    late = StreamContract(Queue(1, 4), element_bits=1, capacity=5, latency=2)
    with pytest.raises(ProofError, match=r"^prove failed"):
        prove(late, "prove", tmp_path)


@pytest.mark.parametrize("flaw", ["loses", "changes", "withdraws", "repeats", "garbles"])
def test_broken_block_fails(flaw, tmp_path):
    with pytest.raises(ProofError, match=r"^prove failed"):
        prove(contract(flaw), "prove", tmp_path)


def test_cut_wire_is_free(tmp_path):
    """A proof that needs what it cuts fails."""
    broken = contract("none")
    broken.cut = ("free",)
    with pytest.raises(ProofError, match=r"^prove failed"):
        prove(broken, "prove", tmp_path)
