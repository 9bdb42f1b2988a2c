"""Digital compute-in-memory: weights that stay, activations that come bit by bit."""

from .ports import a_layout, o_layout, w_layout
from .tile import CimTile

__all__ = ["CimTile", "a_layout", "o_layout", "w_layout"]
