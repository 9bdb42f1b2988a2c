"""Words of 32 bits, one at a time: what a slow master needs of memory and registers."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .axi import Axi4Lite

__all__ = ["RegisterPort", "WordPort"]


class WordPort(wiring.Signature):
    """Reads or writes one word, seen from the master.

    ``valid`` stays, with all beside it, until ``done``; then ``rdata`` and ``error`` are valid, and
    ``valid`` falls for a cycle. ``addr`` is of a byte; its two low bits are ignored.

    Parameters
    ----------
    addr_bits : int
    """

    def __init__(self, addr_bits: int):
        self.addr_bits = addr_bits
        super().__init__(
            {
                "valid": Out(1),
                "write": Out(1),
                "addr": Out(addr_bits),
                "wdata": Out(32),
                "done": In(1),
                "error": In(1),
                "rdata": In(32),
            }
        )


class RegisterPort(wiring.Component):
    """An AXI4-Lite master that does what a word port asks for; beyond its space is an error.

    Parameters
    ----------
    addr_bits : int
        Of ``axil``.

    Members
    -------
    port : ``In(WordPort(30))``
    axil : ``Out(Axi4Lite(addr_bits))``
    """

    def __init__(self, addr_bits: int):
        self._addr_bits = addr_bits
        super().__init__({"port": In(WordPort(30)), "axil": Out(Axi4Lite(addr_bits))})

    def elaborate(self, platform):
        m = Module()
        port, axil = self.port, self.axil
        # What of the access has been accepted.
        addressed, written = Signal(), Signal()
        beyond, valid = Signal(), Signal()
        m.d.comb += [
            beyond.eq(port.addr[self._addr_bits :].any()),
            valid.eq(port.valid & ~beyond),
            axil.awaddr.eq(port.addr),
            axil.araddr.eq(port.addr),
            axil.wdata.eq(port.wdata),
            axil.wstrb.eq(~0),
            axil.awvalid.eq(valid & port.write & ~addressed),
            axil.wvalid.eq(valid & port.write & ~written),
            axil.arvalid.eq(valid & ~port.write & ~addressed),
            axil.bready.eq(addressed & written),
            axil.rready.eq(addressed),
            port.rdata.eq(axil.rdata),
        ]
        with m.If(beyond):
            m.d.comb += [port.done.eq(port.valid), port.error.eq(1)]
        with m.Elif(port.write):
            m.d.comb += [
                port.done.eq(axil.bvalid & axil.bready),
                port.error.eq(axil.bresp != 0),
            ]
        with m.Else():
            m.d.comb += [
                port.done.eq(axil.rvalid & axil.rready),
                port.error.eq(axil.rresp != 0),
            ]
        with m.If(port.done):
            m.d.sync += [addressed.eq(0), written.eq(0)]
        with m.Else():
            with m.If((axil.awvalid & axil.awready) | (axil.arvalid & axil.arready)):
                m.d.sync += addressed.eq(1)
            with m.If(axil.wvalid & axil.wready):
                m.d.sync += written.eq(1)
        return m
