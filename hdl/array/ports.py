"""Layouts of the words on the array's streams. Element 0 is in the low bits."""

from amaranth.hdl import signed, unsigned
from amaranth.lib import data

from ..config import ArrayConfig
from ..formats import Format

__all__ = ["a_layout", "i_layout", "o_layout", "stored", "w_layout"]


def stored(config: ArrayConfig, fmt: Format):
    """Shape of an element on a stream: plain bits where signedness is chosen at run time."""
    return unsigned(fmt.bits) if config.zero_points or not fmt.signed else signed(fmt.bits)


def _zero(config: ArrayConfig, name: str, fmt: Format) -> dict:
    """Fields that travel with a beat if the array subtracts zero points."""
    if not config.zero_points:
        return {}
    return {f"{name}_signed": 1, f"{name}_zero": unsigned(fmt.bits)}


def _vector(config: ArrayConfig, fmt: Format, lanes: int):
    return data.ArrayLayout(data.ArrayLayout(stored(config, fmt), config.dot), lanes)


def i_layout(config: ArrayConfig) -> data.StructLayout:
    """OS input beat: ``a[rows][dot]``, ``b[cols][dot]``, ``last`` beat of a tile."""
    return data.StructLayout(
        {
            "a": _vector(config, config.a, config.rows),
            "b": _vector(config, config.b, config.cols),
            **_zero(config, "a", config.a),
            **_zero(config, "b", config.b),
            "last": 1,
        }
    )


def w_layout(config: ArrayConfig) -> data.StructLayout:
    """WS weight beat: ``w[cols][dot]`` of one row, ``last`` row of a set."""
    return data.StructLayout(
        {"w": _vector(config, config.b, config.cols), **_zero(config, "b", config.b), "last": 1}
    )


def a_layout(config: ArrayConfig) -> data.StructLayout:
    """WS vector: ``a[rows][dot]``, ``swap`` to the next weight set, ``last`` of a tile."""
    return data.StructLayout(
        {
            "a": _vector(config, config.a, config.rows),
            **_zero(config, "a", config.a),
            "swap": 1,
            "last": 1,
        }
    )


def o_layout(config: ArrayConfig) -> data.StructLayout:
    """Result row ``c[cols]`` and ``last`` of a tile."""
    return data.StructLayout(
        {"c": data.ArrayLayout(signed(config.out_bits), config.cols), "last": 1}
    )
