"""What a product is asked for besides its matrices, of machines of any kind."""

from dataclasses import dataclass, fields
from typing import SupportsIndex

from numpy.typing import ArrayLike

__all__ = ["Asked"]


@dataclass(frozen=True)
class Asked:
    """Arguments of :meth:`insitu.Machine.matmul`; ``None`` and defaults are what was left out."""

    format: str | None = None
    scale: float | ArrayLike | None = None
    a_zero: SupportsIndex = 0
    b_zero: SupportsIndex = 0
    zero: SupportsIndex = 0
    low: SupportsIndex | None = None
    high: SupportsIndex | None = None
    binary32: bool = False
    saturate: bool = False

    def given(self) -> list[str]:
        """Names of those that were not left out."""
        found = []
        for field in fields(self):
            value = getattr(self, field.name)
            if not (type(value) is type(field.default) and value == field.default):
                found.append(field.name)
        return found
