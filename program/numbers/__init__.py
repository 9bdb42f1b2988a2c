"""What users give of a product and what they get, by the kind of a machine's numbers."""

from insitu.program.target import Target

from .asked import Asked
from .base import Arguments
from .floats import FloatArguments
from .integers import IntegerArguments

__all__ = ["Arguments", "Asked", "arguments_of"]


def arguments_of(target: Target) -> Arguments:
    """Those of a machine."""
    return (IntegerArguments if target.floats is None else FloatArguments)(target)
