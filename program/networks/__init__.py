"""Networks that other people made: ONNX in, products on a machine, every other node on the host.

What onnxruntime would execute is read (:mod:`.graph`); each node whose work is products of integers
becomes a product on a machine (:mod:`.operators`), each other one a session of onnxruntime with
that node alone (:mod:`.host`); :mod:`.network` puts them together.
"""

from .network import Network, load

__all__ = ["Network", "load"]
