"""What the parts of a compact machine tell each other."""

from amaranth.hdl import signed
from amaranth.lib import data

from ..config.compact import CompactConfig
from ..config.fields import ceil_log2

__all__ = ["job_layout"]


def job_layout(config: CompactConfig) -> data.StructLayout:
    """A descriptor, checked: constant while it is worked on.

    ``m``, ``n``, ``k``: sizes less one. Addresses and strides in words of memory; that of the
    scales is the scale itself where there is one for all columns. ``format`` as in the register
    map.
    """
    fields: dict = {"m": config.size_bits, "n": config.size_bits, "k": ceil_log2(config.k_max)}
    for x in "abc":
        fields |= {f"{x}_addr": config.addr_bits, f"{x}_stride": config.addr_bits}
    small = signed(9)
    return data.StructLayout(
        fields
        | {"bias_addr": config.addr_bits, "scale": 32}
        | {"zero": small, "low": small, "high": small}
        | {"a_signed": 1, "bias": 1, "column_scale": 1, "binary32": 1, "format": 2}
    )
