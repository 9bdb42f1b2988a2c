"""A product of a node on a machine: its descriptors, and what they need in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.program.arguments import DTYPES, integer, refused, vector
from insitu.program.descriptor import Descriptor
from insitu.program.lower import fill
from insitu.program.memory import Tensor, pack
from insitu.program.options import Options
from insitu.program.place import layout
from insitu.program.program import operands
from insitu.program.target import Target

from .finish import Finish
from .operators import Lowered

__all__ = ["Product"]

Array = NDArray[Any]


class Product:
    """A way to do a node by descriptors, which add up what each of them gives.

    Parameters
    ----------
    target : Target
    work : Lowered
    ending : Finish
        Who rounds.
    b : array or None
        B as ``work`` has it; ``None`` if it is not known yet.
    late : bool
        Zero points, scales and bias are not known yet: there is room for what may come.

    Attributes
    ----------
    sizes : dict of int
        Bytes of memory by region: a, b, c, and bias, scales, sums where there are any.

    Raises
    ------
    UserError
        If the machine cannot compute it: in one line.
    """

    def __init__(
        self,
        target: Target,
        work: Lowered,
        ending: Finish,
        b: Array | None = None,
        *,
        late: bool = False,
    ) -> None:
        self.target, self.work, self.ending, self.b = target, work, ending, b
        batch, m, n, k = work.sizes
        lines = work.lines
        self._taps = lines.taps if lines else (0,)
        integer("K", k * len(self._taps), 1, target.max_k, " on this machine")
        self._check_bits()
        steps = (lines.length, lines.stride, lines.batch, *lines.taps) if lines else ()
        if wrong := [step for step in steps if step % target.bus_bytes]:
            raise refused("a", f"of lines of words of {target.bus_bytes} bytes", wrong[0])
        # Σ (A − z) B = Σ A B − z Σ B: what z takes away is known.
        self._folds = not target.zero_points and (late or work.a_zero != 0)
        # A bias for each matrix of the batch is the host's to add.
        own_b = batch > 1 and lines is None
        plain = work.bias is None or work.bias.size in (1, n)
        self._on_host = not plain or (self._folds and own_b)
        options = Options(a_zero=0 if self._folds else work.a_zero, b_zero=work.b_zero)
        job = options.job(target, (m, n, k), work.a_kind, work.b_kind)
        job = replace(
            job, batch=batch, b_transposed=target.b_transposed_only,
            has_bias=not self._on_host and (self._folds or work.bias is not None),
        )  # fmt: skip
        self._plans: dict[Descriptor, Descriptor] = {}
        self._jobs = self._chain(job, own_b)
        places = layout(target, job) | {"c": layout(target, self._jobs[-1])["c"]}
        self.sizes = {x: size for x, (_, _, size) in places.items()}
        rows, stride, _ = places["b"]
        self.sizes["b"] = rows * stride * (batch if own_b else len(self._taps))
        if lines:
            self.sizes["a"] = lines.count * lines.length
        if ending.on_machine and len(self._taps) > 1:
            self.sizes["sums"] = layout(target, job)["c"][2]
        if self._jobs[-1].column_scale:
            self.sizes["scales"] = 4 * n
        if job.has_bias and b is not None and not late:
            self._bias()  # refused if it does not fit

    def _check_bits(self) -> None:
        """Elements are bytes; those of a B that is known may be narrower in the machine."""
        target, b = self.target, self.b
        if target.a_bits != 8:
            raise refused("a", f"int{target.a_bits} on this machine", 0, self.work.a_kind.name)
        if target.b_bits == 8:
            return
        half = 1 << target.b_bits - 1
        if b is None or b.min() < -half or b.max() >= half:
            raise refused("b", f"int{target.b_bits} on this machine", 0, self.work.b_kind.name)

    def _chain(self, job: Descriptor, own_b: bool) -> list[Descriptor]:
        """The descriptors without places: addresses are from where each region begins."""
        work, target = self.work, self.target
        (b_rows, b_stride, _), wide = layout(target, job)["b"], layout(target, job)
        strides: dict[str, Any] = {"a_stride": wide["a"][1], "b_stride": b_stride}
        strides |= {"a_batch": wide["a"][0] * wide["a"][1], "b_batch": b_rows * b_stride * own_b}
        if work.lines:
            strides |= {"a_stride": work.lines.stride, "a_batch": work.lines.batch}
        sums = wide["c"][1], wide["c"][0] * wide["c"][1]
        strides |= {"c_stride": sums[0], "c_batch": sums[1]}
        job = replace(job, **strides)
        last = len(self._taps) - 1
        found = []
        for n, start in enumerate(self._taps):
            one = replace(
                job, a=start, b=n * b_rows * b_stride, has_bias=job.has_bias and n == last
            )
            if n:
                one = replace(one, addend=True, d_stride=sums[0], d_batch=sums[1])
            found.append(one)
        if self.ending.on_machine:
            found[-1] = self._rounded(found[-1])
        return found

    def _rounded(self, job: Descriptor) -> Descriptor:
        output = self.work.output
        assert output is not None
        kind = self.ending.format
        options = Options(kind, job.a_zero, job.b_zero, output.zero, binary32=True)
        asked = options.job(self.target, (job.m, job.n, job.k), self.work.a_kind, self.work.b_kind)
        scale: dict[str, Any] = {"column_scale": True}
        if output.scale.size == 1:
            scale = {"scale": float(output.scale.flat[0])}
        job = replace(job, format=asked.format, zero=asked.zero, low=asked.low, high=asked.high,
                      binary32=asked.binary32, **scale)  # fmt: skip
        rows, stride, _ = layout(self.target, job)["c"]
        return replace(job, c_stride=stride, c_batch=rows * stride)

    @property
    def b_stays(self) -> bool:
        """Whether B is one for the whole batch, so that banks can keep it."""
        return self.work.sizes[0] == 1 or self.work.lines is not None

    def jobs(self, places: Mapping[str, int], banks: Sequence[int] = ()) -> list[Descriptor]:
        """The descriptors, planned, their regions beginning at ``places`` and their B at
        ``banks``, the first ones if left out."""
        found, plans = [], self._plans
        for n, job in enumerate(self._jobs):
            job = replace(job, bank_first=banks[n] if banks else 0)
            key = replace(job, a=0, b=0)
            if key not in plans:
                plans[key] = fill(self.target, job)
            planned = plans[key]
            last = n == len(self._jobs) - 1
            sums = places.get("sums", places["c"])
            given: dict[str, Any] = {
                "a": job.a + places["a"], "b": job.b + places["b"],
                "c": places["c"] if last else sums,
            }  # fmt: skip
            given |= {"d": sums} if job.addend else {}
            given |= {"bias": places["bias"]} if job.has_bias else {}
            given |= {"scales": places["scales"]} if job.column_scale else {}
            found.append(replace(planned, **given))
        return found

    # --- What is in memory ---

    def a(self, jobs: Sequence[Descriptor]) -> Tensor:
        """A in memory, as the host writes it."""
        lines, job = self.work.lines, jobs[0]
        if lines is None:
            return operands(job, self.target.a_bits, self.target.b_bits)["a"]
        start = job.a - lines.taps[0]
        return Tensor(start, lines.count, lines.length, lines.length, 8, job.a_signed)

    def c(self, jobs: Sequence[Descriptor]) -> Tensor:
        """C in memory."""
        return operands(jobs[-1], self.target.a_bits, self.target.b_bits)["c"]

    def image(self, jobs: Sequence[Descriptor], b: Array) -> dict[str, list[tuple[int, bytes]]]:
        """What is in memory besides A, by region: B, biases, scales."""
        job, found = jobs[-1], {}
        parts = b if self.work.lines else b[None]
        found["b"] = [
            piece
            for one, values in zip(jobs, parts, strict=True)
            for piece in self._b_tensor(one).write(
                np.swapaxes(values, -1, -2) if one.b_transposed else values
            )
        ]
        if job.has_bias:
            found["bias"] = [(job.bias, pack(self._bias(b), 32))]
        if job.column_scale:
            assert self.work.output is not None
            scale = np.broadcast_to(np.ravel(self.work.output.scale), job.n)
            found["scales"] = [(job.scales, scale.astype("<f4").tobytes())]
        return found

    def _b_tensor(self, job: Descriptor) -> Tensor:
        tensor = operands(job, self.target.a_bits, self.target.b_bits)["b"]
        return replace(tensor, count=1) if job.b_batch == 0 else tensor

    def _extra(self, b: Array) -> NDArray[np.int64]:
        """What is added to the sums of each column: N of them, or batch × 1 × N."""
        found = np.zeros(1, np.int64) if self.work.bias is None else self.work.bias
        if self._folds:
            whole = b.reshape(1, -1, b.shape[-1]) if self.work.lines or b.ndim == 2 else b
            taken = self.work.a_zero * (whole.astype(np.int64) - self.work.b_zero).sum(
                axis=1, keepdims=True
            )
            found = found - (taken if len(taken) > 1 else taken.reshape(-1))
        return found

    def _bias(self, b: Array | None = None) -> Array:
        given = self.b if b is None else b
        assert given is not None
        n = self.work.sizes[2]
        found = np.broadcast_to(np.ravel(self._extra(given)), n)
        return vector("bias", found, n, DTYPES["int32"], self.target.sum_bits)[0]

    def added(self, b: Array) -> Array | None:
        """What the host adds to sums, which broadcasts to batch × 1 × N; ``None`` if nothing."""
        return self._extra(b) if self._on_host else None

    def output(self, c: Array, b: Array) -> Array:
        """The node's output from ``c`` as it was read from memory."""
        batch, m, n, _ = self.work.sizes
        found, output = c.reshape(batch, m, n), self.work.output
        if self.ending.on_machine and output is not None:
            return self.work.arrange(found.astype(output.kind))
        extra = self.added(b)
        if extra is not None:
            found = found + extra
        sums = found.astype(np.int32)
        return self.work.arrange(sums if output is None else output.of_sums(sums))
