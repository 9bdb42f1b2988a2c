"""A machine as a Python object: the same call on golden model, exact models, RTL and boards."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any, Self, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insitu.hdl.config import Config, UserError, load
from insitu.program.arguments import integer, refused
from insitu.program.lower import product
from insitu.program.numbers import Asked, arguments_of
from insitu.program.program import Program
from insitu.program.runner import Runner

__all__ = ["PLACES", "Machine", "Product"]

PLACES = {
    "golden": ("insitu.sim_models.runners", "Golden"),
    "model": ("insitu.sim_models.runners", "Exact"),
    "rtl": ("insitu.verification.bench.runner", "Rtl"),
    "board": ("insitu.host.runner", "OnBoard"),
}
"""Module and class of what runs programs, by the name of the place."""


@dataclass(frozen=True, eq=False)
class Product:
    """A product: ``array`` of M × N, or batch × M × N, and what it took.

    ``cycles`` from the doorbell to the completion and ``counters`` by name are measured on RTL and
    boards, exact by the models; of the golden model there are none (``None`` and empty).
    """

    array: NDArray[Any]
    cycles: int | None
    counters: dict[str, int]
    program: Program

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.array, dtype=dtype, copy=True if copy is None else copy)


class Machine(AbstractContextManager["Machine"]):
    """A machine that multiplies matrices, in a place of your choice.

    >>> with Machine("ws-tiny") as machine:
    ...     machine.matmul([[1, 2]], [[3], [4]], bias=[5]).array
    array([[16]])

    Parameters
    ----------
    config : str, Path or Config
        Name of a configuration that comes with the project, a TOML file, or a configuration with a
        table [machine] or [compact]; the latter on golden model and boards only.
    on : "golden", "model", "rtl" or "board"
        The numpy model; the same with the exact models of cycles and traffic; the RTL in a
        simulator, built once and kept in ``./build``; a board on a serial port.
    options
        Of the place. rtl: ``simulator`` ("verilator" or "icarus"), ``seed``, ``progress`` (true: a
        bar on a terminal); board: ``port``, ``baud``, ``timeout``, ``patience``, or a ``device``
        that is open.

    Raises
    ------
    UserError
        Here and in all methods: one line with what is wrong, before any work.
    """

    def __init__(self, config: str | Path | Config = "ws-8x8", on: str = "golden", **options: Any):
        if on not in PLACES:
            raise refused("on", f"one of {', '.join(PLACES)}", on)
        if not isinstance(config, Config):
            if not isinstance(config, str | Path):
                raise refused("config", "a name, a TOML file or a Config", config)
            config = load(config)
        self.config = config
        module, name = PLACES[on]
        place = getattr(import_module(module), name)
        taken = signature(place).parameters
        for option in options:
            if option not in taken:
                known = ", ".join(list(taken)[1:]) or "no options"
                raise UserError(f"{option}: must be left out with on={on!r}, which takes {known}")
        self.runner: Runner = place(config, **options)

    def close(self) -> None:
        """Give back what the place holds, such as a serial port."""
        self.runner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def matmul(
        self,
        a: ArrayLike,
        b: ArrayLike,
        *,
        bias: ArrayLike | None = None,
        d: ArrayLike | None = None,
        scale: float | ArrayLike | None = None,
        format: str | None = None,
        a_zero: SupportsIndex = 0,
        b_zero: SupportsIndex = 0,
        zero: SupportsIndex = 0,
        low: SupportsIndex | None = None,
        high: SupportsIndex | None = None,
        binary32: bool = False,
        saturate: bool = False,
    ) -> Product:
        """``a`` · ``b`` (+ ``bias`` + ``d``), every bit as :mod:`insitu.sim_models.golden` has it.

        Parameters
        ----------
        a, b : array_like
            M × K and K × N, or batches of them (one ``b`` may serve for all). Values must be such
            as the machine's formats have; of integers, a type without sign means elements without
            sign.
        bias : array_like
            N of 32 bits, integers or numbers as float32 has them, added to every row.
        d : array_like
            M × N of 32 bits, added as well.
        scale : float or array_like
            One, or N: results are ``clamp(zero + round_half_even(sum · scale))`` of 8 bits. Left
            out, results are the sums, of 32 bits.
        format : str
            Of results. On machines of integers "int32", "int8" or "uint8"; left out "int8" with a
            ``scale``, else "int32". On machines of floating-point numbers "fp32" (if left out),
            "bf16", "fp16", "e4m3" or "e5m2", given back as float32, fp16 as float16.
        a_zero, b_zero : int
            Zero points of the operands, on machines that have them.
        zero, low, high : int
            Zero point and bounds of 8-bit results; the format's own bounds if left out.
        binary32 : bool
            ``sum · scale`` is rounded to binary32 before it is rounded to an integer, as
            onnxruntime does; otherwise once.
        saturate : bool
            Floating-point results beyond the greatest number become that, rather than an infinity
            or a NaN.
        """
        target = self.runner.target
        given = arguments_of(target)
        left, right = given.operand("a", a, (1, 2, 3)), given.operand("b", b, (2, 3))
        batch = _batch(left, right)
        (m, k), n = left.shape[-2:], right.shape[-1]
        if right.shape[-2] != k:
            raise UserError(f"a, b: must agree in K, not {k} and {right.shape[-2]}")
        integer("K", k, 1, target.max_k, " on this machine")
        asked = Asked(format, scale, a_zero, b_zero, zero, low, high, binary32, saturate)
        job, columns = given.job((m, n, k), left.dtype, right.dtype, asked)
        inputs: dict[str, NDArray[Any]] = {"a": left}
        biases = None if bias is None else given.bias(bias, n)
        if d is not None:
            inputs["d"] = given.addend(d, (*left.shape[:-1], n))
        job = replace(job, batch=batch, has_bias=bias is not None, addend=d is not None)
        program = product(
            target, job, right, bias=biases, scales=columns, models=self.runner.models,
            shared_b=right.ndim == 2, base=self.runner.base,
        )  # fmt: skip
        ran = self.runner.run(program, inputs)
        found = given.result(ran.outputs["c"], job.format)
        counters = ran.counters[0] if ran.counters else {}
        shape = (*left.shape[:-1], n) if np.ndim(a) != 1 else (1, n)
        return Product(found.reshape(shape), counters.get("cycles"), counters, program)


def _batch(a: NDArray[Any], b: NDArray[Any]) -> int:
    """How many products there are."""
    batch = a.shape[0] if a.ndim == 3 else 1
    if b.ndim == 3 and b.shape[0] != batch:
        raise UserError(f"a, b: must be batches of one size, not {batch} and {b.shape[0]}")
    return batch
