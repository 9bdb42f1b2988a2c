"""Layouts of the cores' streams."""

from amaranth.hdl import unsigned
from amaranth.lib import data

from ..cim.ports import w_layout
from ..config.near import NearConfig

__all__ = ["a_layout", "o_layout", "vector_layout", "w_layout"]


def vector_layout(config: NearConfig, *flags: str) -> data.StructLayout:
    """A vector: activations, the bank that they meet, whether they are ``signed``; ``flags``."""
    activations = data.ArrayLayout(unsigned(config.act_bits), config.rows)
    fields: dict = {"a": activations, "bank": range(config.banks), "signed": 1}
    return data.StructLayout(fields | dict.fromkeys(flags, 1))


def a_layout(config: NearConfig) -> data.StructLayout:
    """A vector whose ``last`` comes back with its sums."""
    return vector_layout(config, "last")


def o_layout(config: NearConfig) -> data.StructLayout:
    """Sums of a vector: ``c`` by column, and its ``last``."""
    sums = data.ArrayLayout(config.out.shape, config.cols)
    return data.StructLayout({"c": sums, "last": 1})
