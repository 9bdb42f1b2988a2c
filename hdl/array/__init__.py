"""The systolic array, usable alone."""

from .array import SystolicArray
from .ports import a_layout, i_layout, o_layout, w_layout

__all__ = ["SystolicArray", "a_layout", "i_layout", "o_layout", "w_layout"]
