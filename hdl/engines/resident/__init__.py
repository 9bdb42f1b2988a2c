"""What engines have in common whose B stays beside the arithmetic, in banks."""

from .engine import ResidentEngine

__all__ = ["ResidentEngine"]
