"""AXI4 and AXI4-Lite as they are wired: conventional names, seen from the master.

The AMBA AXI specification (IHI 0022) says what each signal means. A member ``m_axi`` of such a
signature has the ports ``m_axi_awaddr``, ``m_axi_awvalid`` and so on when it is exported.
"""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["BOUNDARY", "DECERR", "INCR", "OKAY", "SLVERR", "Axi4", "Axi4Lite"]

OKAY = 0
SLVERR = 2
DECERR = 3
INCR = 1
"""Burst to rising addresses."""
BOUNDARY = 4096
"""No burst crosses a multiple of this many bytes."""


class Axi4(wiring.Signature):
    """AXI4, one ID per direction, INCR bursts.

    Parameters
    ----------
    data_bits : int
        Width of the data channels: 8 to 1024, a power of two.
    addr_bits : int
        1 to 64.
    id_bits : int
        Of IDs: a slave gives back those of its masters.
    """

    def __init__(self, data_bits: int, addr_bits: int, id_bits: int = 1):
        self.data_bits, self.addr_bits, self.id_bits = data_bits, addr_bits, id_bits
        members: dict[str, wiring.Member] = {}
        for channel in ("aw", "ar"):
            members |= {
                f"{channel}id": Out(id_bits),
                f"{channel}addr": Out(addr_bits),
                f"{channel}len": Out(8),
                f"{channel}size": Out(3),
                f"{channel}burst": Out(2),
                f"{channel}cache": Out(4),
                f"{channel}prot": Out(3),
                f"{channel}valid": Out(1),
                f"{channel}ready": In(1),
            }
        members |= {
            "wdata": Out(data_bits),
            "wstrb": Out(data_bits // 8),
            "wlast": Out(1),
            "wvalid": Out(1),
            "wready": In(1),
            "bid": In(id_bits),
            "bresp": In(2),
            "bvalid": In(1),
            "bready": Out(1),
            "rid": In(id_bits),
            "rdata": In(data_bits),
            "rresp": In(2),
            "rlast": In(1),
            "rvalid": In(1),
            "rready": Out(1),
        }
        super().__init__(members)


class Axi4Lite(wiring.Signature):
    """AXI4-Lite with 32-bit data.

    Parameters
    ----------
    addr_bits : int
        Byte address, 3 to 64 bits.
    """

    def __init__(self, addr_bits: int):
        self.addr_bits = addr_bits
        super().__init__(
            {
                "awaddr": Out(addr_bits),
                "awprot": Out(3),
                "awvalid": Out(1),
                "awready": In(1),
                "wdata": Out(32),
                "wstrb": Out(4),
                "wvalid": Out(1),
                "wready": In(1),
                "bresp": In(2),
                "bvalid": In(1),
                "bready": Out(1),
                "araddr": Out(addr_bits),
                "arprot": Out(3),
                "arvalid": Out(1),
                "arready": In(1),
                "rdata": In(32),
                "rresp": In(2),
                "rvalid": In(1),
                "rready": Out(1),
            }
        )
