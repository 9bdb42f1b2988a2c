"""Insitu as a backend of ONNX: what other tools, and ONNX's own tests, run models through.

>>> from insitu.backend import Insitu
>>> prepared = Insitu.prepare(model)  # an onnx.ModelProto
>>> (y,) = prepared.run([x])
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike
from onnx.backend.base import Backend, BackendRep

from insitu.hdl.config import UserError
from insitu.machine import Machine
from insitu.program.networks.graph import graph_of
from insitu.program.networks.host import Reference
from insitu.program.networks.network import Network

__all__ = ["Insitu", "Prepared", "prepare", "run_model", "supports_device"]


class Prepared(BackendRep):
    """A model on a machine."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def run(self, inputs: Any, **options: Any) -> tuple[Any, ...]:
        """The outputs, in the order of the model.

        ``inputs``: by name, or in the order of the model. ``UserError`` if they are not its own.
        """
        names = list(self.network.graph.inputs)
        if isinstance(inputs, Mapping):
            given: Mapping[str, ArrayLike] = inputs
        else:
            if not isinstance(inputs, Sequence) or isinstance(inputs, np.ndarray):
                inputs = [inputs]
            if len(inputs) != len(names):
                raise UserError(f"inputs: must be {len(names)}, not {len(inputs)}")
            given = dict(zip(names, inputs, strict=True))
        done = self.network.run(given)
        return tuple(done.outputs[name] for name in self.network.graph.outputs)


class Insitu(Backend):
    """Products of integers on a machine, the rest by ``onnx.reference``, as the model has them."""

    @classmethod
    def prepare(
        cls, model: onnx.ModelProto, device: str = "CPU", *, config: str = "ws-8x8",
        on: str = "golden", **options: Any,
    ) -> Prepared:  # fmt: skip
        """``model`` on the machine of ``config``, in the place ``on``, see
        :class:`insitu.Machine`. ``UserError`` if it cannot be run."""
        if not cls.supports_device(device):
            raise UserError(f"device: must be CPU, not {device!r}")
        graph = graph_of(model.graph.name or "model", model)
        return Prepared(Network(graph, Machine(config, on, **options), host=Reference(graph)))

    @classmethod
    def run_model(
        cls, model: onnx.ModelProto, inputs: Any, device: str = "CPU", **options: Any
    ) -> tuple[Any, ...]:
        """Prepare ``model`` and run it once."""
        return cls.prepare(model, device, **options).run(inputs)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """The machine is where ``on`` says; what is left runs on the host."""
        return device == "CPU"


prepare, run_model, supports_device = Insitu.prepare, Insitu.run_model, Insitu.supports_device
