"""Insitu: open GEMM hardware that can be read, run and measured.

>>> import insitu
>>> insitu.Machine("ws-8x8", on="rtl").matmul([[1, 2]], [[3], [4]]).array
array([[11]])

``insitu.hdl`` is the hardware, ``insitu.host`` the driver of boards, ``insitu.program`` what
software decides, ``insitu.sim_models`` the models in numpy; the command ``insitu`` does what
``make`` does.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from insitu.program.networks import load

    from .machine import Machine, Product

__all__ = ["Machine", "Product", "load"]


def __getattr__(name: str) -> Any:
    # Late, so that a part of the package can be had without what the others need.
    if name == "load":
        from insitu.program import networks

        return networks.load
    if name in __all__:
        from . import machine

        return getattr(machine, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
