"""A machine at the far end of a link: its registers, through them a descriptor at a time."""

import time

import numpy as np

from insitu.program import registers as r
from insitu.program.arguments import HostError, seconds

from .board import field_of
from .link import Link, Space

__all__ = ["Machine"]

UNDER_WAY = sum(
    (1 << field.bits) - 1 << field.low
    for field in (r.STATUS_WAITING, r.STATUS_COMPLETIONS, r.STATUS_BUSY)
)


class Machine:
    """A machine that nobody else uses.

    Parameters
    ----------
    link : Link
    patience : float
        Seconds for a product.

    Attributes
    ----------
    counters : registers.Counters
        Of the last product.
    products : int
        How many descriptors were posted.

    Raises
    ------
    HostError
        Here and in all methods.
    """

    def __init__(self, link: Link, patience: float) -> None:
        self._link, self._patience = link, seconds("patience", patience)
        self._tag = 0
        self.products = 0
        self._running = True  # perhaps, by who used the board before
        self.counters = r.Counters()
        self._names: tuple[str, ...] = ()

    def begin(self, engine: int) -> None:
        """Once it is known which engine the machine has."""
        self._names = r.counter_names(engine)
        self.settle()

    def register(self, address: int) -> int:
        """The word there."""
        return int.from_bytes(self._link.read(Space.REGISTERS, address, 4), "little")

    def set(self, address: int, value: int) -> None:
        """Write a word."""
        self._link.write(Space.REGISTERS, address, value.to_bytes(4, "little"))

    def settle(self) -> None:
        """End a product that was left running: it would write where matrices are put."""
        if not self._running:
            return
        until, asked = time.monotonic() + self._patience, False
        while self.register(r.STATUS) & UNDER_WAY:
            if self.register(r.COMPLETION) >> r.COMPLETION_VALID.low:
                self.set(r.COMPLETION_POP, 1)
            elif not asked:
                self.set(r.CONTROL, 1 << r.CONTROL_ABORT.low)
                asked = True
            elif time.monotonic() > until:
                raise HostError(f"board: must end its last product within {self._patience:g} s")
        self._running = False

    def run(self, words: list[int]) -> None:
        """The descriptor of ``words`` to its end; ``HostError`` unless that is ok."""
        self._tag = (self._tag + 1) & 0xFFFF
        self.products += 1
        data = b"".join(word.to_bytes(4, "little") for word in words)
        self._link.write(Space.REGISTERS, r.DESCRIPTOR_FLAGS, data)
        self._running = True
        self.set(r.DOORBELL, self._tag)
        until = time.monotonic() + self._patience
        while not (word := self.register(r.COMPLETION)) >> r.COMPLETION_VALID.low:
            if time.monotonic() > until:
                raise HostError(f"product: must be done within {self._patience:g} s")
        status = r.Status(field_of(word, r.COMPLETION_STATUS))
        raw = self._link.read(Space.REGISTERS, r.COUNTERS, 8 * len(self._names))
        values = (int(x) for x in np.frombuffer(raw, "<u8"))
        self.counters = r.Counters(**dict(zip(self._names, values, strict=True)))
        self.set(r.COMPLETION_POP, 1)
        if field_of(word, r.COMPLETION_TAG) != self._tag:
            raise HostError("product: must be the only one on this board, another one completed")
        self._running = False
        if status != r.Status.OK:
            raise HostError(f"product: ended as {status.name.lower()}")
