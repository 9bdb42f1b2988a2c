"""Inputs of a network: those that are given, checked, or random ones."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insitu.hdl.config import UserError
from insitu.program.arguments import refused

from .graph import Graph

__all__ = ["drawn", "given"]

Arrays = dict[str, NDArray[Any]]


def given(graph: Graph, values: Mapping[str, ArrayLike]) -> Arrays:
    """``values`` by name; ``UserError`` for names, types and shapes that are not the model's."""
    for name in values:
        if name not in graph.inputs:
            known = ", ".join(graph.inputs)
            raise UserError(f"input {name}: must be left out or one of {known}")
    found: Arrays = {}
    for name, (kind, sizes) in graph.inputs.items():
        if name not in values:
            raise UserError(f"input {name}: must be given, {_shape(sizes)} of {kind}")
        value = np.asarray(values[name])
        if value.dtype != kind:
            raise refused(f"input {name}", f"of {kind}", value.dtype, str(value.dtype))
        fits = len(value.shape) == len(sizes) and all(
            size in (None, there) for size, there in zip(sizes, value.shape, strict=True)
        )
        if not fits or 0 in value.shape:
            raise refused(f"input {name}", f"of shape {_shape(sizes)}", value, str(value.shape))
        found[name] = value
    return found


def drawn(graph: Graph, seed: int) -> Arrays:
    """Random ones; sizes that are open are 1 if they are the first of a tensor, ``UserError`` if
    others are, and for types of which nothing can be drawn."""
    return {name: _random(graph, name, seed) for name in graph.inputs}


def _random(graph: Graph, name: str, seed: int) -> NDArray[Any]:
    kind, sizes = graph.inputs[name]
    if None in sizes[1:]:
        rule = f"given, as its sizes {_shape(sizes)} are not fixed"
        raise UserError(f"input {name}: must be {rule}")
    shape = tuple(size or 1 for size in sizes)
    rng = np.random.default_rng(seed)
    if kind.kind == "f":
        return rng.normal(0, 1, shape).astype(kind)
    if kind.kind in "iu":
        limits: Any = np.iinfo(kind)
        most = limits.max if kind.itemsize == 1 else 1
        return rng.integers(max(limits.min, -128), most, shape, endpoint=True).astype(kind)
    raise UserError(f"input {name}: must be given, as it is of {kind}")


def _shape(sizes: tuple[int | None, ...]) -> str:
    return " × ".join("?" if size is None else str(size) for size in sizes) or "one number"
