"""Weights in memories beside the multipliers: a mesh of tiles, and memory banks."""

from .core import NearCore
from .inbank import Inbank
from .mesh import Mesh
from .ports import a_layout, o_layout, w_layout

__all__ = ["Inbank", "Mesh", "NearCore", "a_layout", "o_layout", "w_layout"]
