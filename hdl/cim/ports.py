"""Layouts of the tile's streams."""

from amaranth.hdl import unsigned
from amaranth.lib import data

from ..config import CimConfig, NearConfig

__all__ = ["a_layout", "o_layout", "plane_layout", "turn_layout", "w_layout"]


def w_layout(config: CimConfig | NearConfig) -> data.StructLayout:
    """A row of a bank: ``w``, a weight per column."""
    weights = data.ArrayLayout(unsigned(config.weight.bits), config.cols)
    return data.StructLayout({"bank": range(config.banks), "row": range(config.rows), "w": weights})


def a_layout(config: CimConfig) -> data.StructLayout:
    """A vector: its lowest ``planes`` bit planes count, none makes 0; ``signed``: two's complement.

    ``tag``: comes back with what is counted of it.
    """
    activations = data.ArrayLayout(unsigned(config.act_bits), config.rows)
    return data.StructLayout(
        {
            "a": activations,
            "bank": range(config.banks),
            "planes": range(config.act_bits + 1),
            "signed": 1,
            "last": 1,
            "tag": 1,
        }
    )


def turn_layout(config: CimConfig) -> data.StructLayout:
    """A vector without its activations; ``ones``: which of its planes are worked on."""
    fields = {name: field.shape for name, field in a_layout(config) if name != "a"}
    return data.StructLayout(fields | {"ones": config.act_bits})


def plane_layout(config: CimConfig) -> data.StructLayout:
    """``first``, ``end`` of a vector; ``negate``: of the sign; ``index``: its bit of an activation.

    ``last``: of the vector.
    """
    return data.StructLayout(
        {"first": 1, "end": 1, "negate": 1, "index": range(config.act_bits), "last": 1}
    )


def o_layout(config: CimConfig) -> data.StructLayout:
    """An output: ``c`` by column, and the vector's ``last``."""
    return data.StructLayout({"c": data.ArrayLayout(config.out.shape, config.cols), "last": 1})
