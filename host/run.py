"""Programs on a board."""

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insitu.program import registers as r
from insitu.program.arguments import HostError
from insitu.program.memory import Tensor, joined
from insitu.program.program import Program

from .link import Space
from .matrices import Place

if TYPE_CHECKING:
    from .device import Device

__all__ = ["Loaded"]

WORD, GAP = 4, 16
"""Bytes that the link writes at once, and the most between two pieces that are written, as 0,
rather than left out: a request costs more than these. What lies between rows is nobody's."""


class Loaded:
    """A program whose weights are in a board's memory; made by :meth:`.Device.load`.

    From its second run on, weights that have banks of their own are not loaded again, as long as no
    other product was between.

    Attributes
    ----------
    counters : list of registers.Counters
        Of each descriptor of the last run.
    """

    def __init__(self, device: "Device", program: Program, place: Place) -> None:
        self._device, self._program, self._place = device, program, place
        self._products = -1  # of the machine when this one's weights were in its banks
        self.counters: list[r.Counters] = []
        for address, content in joined(program.image, word=WORD, gap=GAP):
            device.link.write(Space.MEMORY, address, content)

    def run(self, **inputs: ArrayLike) -> dict[str, NDArray[Any]]:
        """Outputs by name, count × rows × cols, of ``inputs``, each of as many elements as its
        tensor has; ``HostError`` if one is missing or unknown, or the program was cleared."""
        self._put(self._program.writes(inputs))
        machine = self._device.machine
        stays = machine.products == self._products
        found = self._go(self._program.resident() if stays else self._program)
        self._products = machine.products
        return found

    def part(self, part: Program, inputs: Mapping[str, ArrayLike]) -> dict[str, NDArray[Any]]:
        """Outputs of some of the program's descriptors, see :class:`insitu.program.runner.Session`.
        Of the image of ``part`` what the program began with is not sent again."""
        there = dict(self._program.image)
        fresh = [piece for piece in part.image if there.get(piece[0]) != piece[1]]
        self._put(chain(fresh, part.writes(inputs)))
        return self._go(part)

    @property
    def is_there(self) -> bool:
        """Whether its memory was not cleared."""
        return self._device.holds(self._place)

    def _put(self, image: Iterable[tuple[int, bytes]]) -> None:
        device = self._device
        if not self.is_there:
            raise HostError("program: must be one that was not cleared; load it anew")
        try:
            content = joined(image, word=WORD, gap=GAP)
        except ValueError as error:
            raise HostError(str(error)) from None
        device.machine.settle()
        for address, raw in content:
            device.link.write(Space.MEMORY, address, raw)

    def _go(self, program: Program) -> dict[str, NDArray[Any]]:
        machine = self._device.machine
        self.counters = []
        for job in program.jobs:
            machine.run(job.words())
            self.counters.append(machine.counters)
        return {name: self._read(tensor) for name, tensor in program.outputs.items()}

    def _read(self, tensor: Tensor) -> NDArray[Any]:
        size = (tensor.count - 1) * tensor.step + tensor.rows * tensor.stride
        raw = self._device.link.read(Space.MEMORY, tensor.address, size)
        base = Tensor(0, *tensor.shape, tensor.stride, tensor.bits, tensor.signed,
                      tensor.count, tensor.step)  # fmt: skip
        return base.read(np.frombuffer(raw, np.uint8))
