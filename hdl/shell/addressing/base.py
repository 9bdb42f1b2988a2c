"""What the parts of a shell ask an addressing for."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import data, wiring

from ...config.machine import MachineConfig
from ...operands.unpack import Unpack

__all__ = ["Addressing", "settled"]


def settled(m: Module, name: str, value):
    """``value`` a cycle later: what it depends on changes some cycles before it is used."""
    out = Signal(len(value), name=name, reset_less=True)
    m.d.sync += out.eq(value)
    return out


class Addressing(ABC):
    """How operands are fetched, and where in bus words rows begin.

    Parameters
    ----------
    config : MachineConfig

    Attributes
    ----------
    quick : bool
        The read master takes a segment per cycle.
    ends : tuple of str
        Inputs of the loader that say where what was fetched has ended.
    ends_with : mapping
        By operand: those that end with it.
    """

    quick: bool
    ends: tuple[str, ...]
    ends_with: Mapping[str, tuple[str, ...]]

    def __init__(self, config: MachineConfig):
        self._config = config

    # --- Fetch ---

    @abstractmethod
    def fetcher(self) -> wiring.Component:
        """Turns what the loader asks for into segments of memory."""

    @abstractmethod
    def asked_layout(self) -> data.StructLayout:
        """What the loader asks for at a time."""

    @abstractmethod
    def feed(self, m: Module, loader, fetcher, engine) -> None:
        """Connect the fetcher with the loader and with the engine's room for operands."""

    @abstractmethod
    def ended(self, m: Module, loader, job) -> dict[str, Signal]:
        """By operand: where the rows that were fetched last have ended, a cycle late."""

    @abstractmethod
    def lengths(self, m: Module, job, size: Mapping[str, Signal]) -> dict[str, Value]:
        """By operand: how far a block reaches along a stored row, as :meth:`words` counts."""

    @abstractmethod
    def words(self, offset: Signal, bits: int) -> tuple[Value, Value]:
        """Bytes to where a block begins, and elements of ``bits`` before it in its bus word."""

    @abstractmethod
    def vector_words(self, offset: Signal) -> tuple[Value, Value]:
        """The same for biases and scales, whose ``offset`` is in bytes."""

    @abstractmethod
    def reach(self, length: Value, skip: Value) -> Value:
        """Elements from the beginning of a bus word to the end of a row of ``length``."""

    @abstractmethod
    def needs(self, m: Module, job, size: Mapping[str, Signal], a_along: Value) -> dict[str, Value]:
        """By operand: words of its buffer that a row fills."""

    @abstractmethod
    def amounts(self, m: Module, rows, job, size, kinds, skips, need) -> list[Any]:
        """What is asked for at a time: statements that set the fields of ``rows``.

        ``kinds``: bits that say which of A, B, D and vector it is.
        """

    @abstractmethod
    def fit(self, m: Module, job, steps: Value) -> Any:
        """Judges a job's blocks, see :class:`~insitu.hdl.shell.fit.Fit`."""

    # --- Words that come ---

    @abstractmethod
    def unpacker(self, lanes: int) -> Unpack:
        """Unpacks rows of 32-bit elements, ``lanes`` at a time."""

    @abstractmethod
    def unpack_from(self, m: Module, unpack: Unpack, tag) -> None:
        """Tell it where a row begins in its first word."""

    @abstractmethod
    def counts(self, m: Module, takes: Signal, word) -> Callable[[Value], Value]:
        """Elements of a ``word`` that count, of those up to its end."""

    # --- C ---

    @abstractmethod
    def marks(self) -> dict[str, Any]:
        """Fields that go with results, of where a row of C begins in its first bus word."""

    @abstractmethod
    def mark(self, m: Module, flags, step: Signal, row_ends: Signal, skip: Value | int) -> None:
        """Set them as a step begins."""

    @abstractmethod
    def pass_marks(self, m: Module, given, flags) -> None:
        """Hand them on."""

    @abstractmethod
    def c_words(self, offset: Signal, bus: int) -> tuple[Value, Value | int]:
        """Bytes to the bus word of ``1 << bus`` bytes where a row of C begins, and bytes before it
        in there."""

    @abstractmethod
    def c_length(self, length: Value, skip: Value | int) -> Value:
        """Bytes from the beginning of a bus word to the end of a row of C."""

    @abstractmethod
    def pack_place(self, m: Module, payload, after: Signal, places: int) -> Signal:
        """Place in a bus word where results go, which ``after`` keeps from one to the next."""
