"""Layouts of the cores' streams."""

from amaranth.hdl import unsigned
from amaranth.lib import data

from ..config.near import NearConfig

__all__ = ["a_layout", "o_layout", "vector_layout", "w_layout"]


def w_layout(config: NearConfig) -> data.StructLayout:
    """A row of a bank: ``w``, a weight per column."""
    weights = data.ArrayLayout(unsigned(config.weight.bits), config.cols)
    return data.StructLayout({"bank": range(config.banks), "row": range(config.rows), "w": weights})


def vector_layout(config: NearConfig) -> data.StructLayout:
    """What the multipliers need of a vector: activations, ``signed`` or not, and the bank."""
    activations = data.ArrayLayout(unsigned(config.act_bits), config.rows)
    return data.StructLayout({"a": activations, "bank": range(config.banks), "signed": 1})


def a_layout(config: NearConfig) -> data.StructLayout:
    """A vector. ``last`` and ``tag`` come back with its sums."""
    fields = {name: field.shape for name, field in vector_layout(config)}
    return data.StructLayout(fields | {"last": 1, "tag": 1})


def o_layout(config: NearConfig) -> data.StructLayout:
    """Sums of a vector: ``c`` by column, its ``last`` and ``tag``."""
    sums = data.ArrayLayout(config.out.shape, config.cols)
    return data.StructLayout({"c": sums, "last": 1, "tag": 1})
