"""Where the matrices of a descriptor lie in memory, and what becomes of a K that is too long."""

from dataclasses import replace
from typing import Any, Protocol

from insitu.hdl.config import MachineConfig
from insitu.hdl.config.fields import ceil_div

from .descriptor import Descriptor

__all__ = ["PAGE", "Machine", "layout", "parts", "placed", "stride_of"]

PAGE = 4096  # a matrix begins at a page
LINE = 64  # rows are multiples of this many bytes apart, or a power of two if they are shorter


class Machine(Protocol):
    """What places depend on: a ``MachineConfig`` or a :class:`~insitu.program.target.Target`."""

    @property
    def bus_bytes(self) -> int: ...

    @property
    def a_bits(self) -> int: ...

    @property
    def b_bits(self) -> int: ...


def stride_of(config: Machine, elements: int, bits: int) -> int:
    """Bytes from a row of ``elements`` of ``bits`` bits to the next one."""
    length = ceil_div(elements * bits, 8)
    if length <= LINE:
        return max(config.bus_bytes, 1 << (length - 1).bit_length())
    return ceil_div(length, LINE) * LINE


def layout(config: Machine, job: Descriptor) -> dict[str, tuple[int, int, int]]:
    """Rows of each matrix of ``job`` as they are stored, bytes from one to the next, and bytes of
    all of its batch, by name: a, b, c, and d, bias, scales where there are any."""
    a = (job.k, job.m) if job.a_transposed else (job.m, job.k)
    b = (job.n, job.k) if job.b_transposed else (job.k, job.n)
    c_bits = 8 * job.c_bytes
    found = {}
    for x, (rows, elements), bits, batch, there in (
        ("a", a, config.a_bits, job.batch, True),
        ("b", b, config.b_bits, job.batch, True),
        ("c", (job.m, job.n), c_bits, job.batch, True),
        ("d", (job.m, job.n), 32, job.batch, job.addend),
        ("bias", (1, job.n), 32, 1, job.has_bias),
        ("scales", (1, job.n), 32, 1, job.column_scale and not job.wide),
    ):
        if there:
            stride = stride_of(config, elements, bits)
            found[x] = rows, stride, rows * stride * batch
    return found


def placed(
    config: Machine, job: Descriptor, base: int = 0, *, page: int = PAGE
) -> tuple[Descriptor, int]:
    """``job`` with its matrices one after the other from ``base`` on, and where they end.

    Each begins at a multiple of ``page`` bytes.
    """
    end = base
    for x, (rows, stride, size) in layout(config, job).items():
        start = ceil_div(end, page) * page
        end = start + size
        given: dict[str, Any] = {x: start}
        if x in "abcd":
            given |= {f"{x}_stride": stride, f"{x}_batch": rows * stride}
        job = replace(job, **given)
    return job, end


def parts(config: MachineConfig, job: Descriptor) -> list[Descriptor]:
    """``job``, or if its K is refused, as its sums could overflow, parts of it one after the other.

    All but the last write int32 sums, all but the first add to these.
    """
    most = config.array.max_k
    if job.k <= most:
        return [job]
    step = most // LINE * LINE or most
    sizes = [min(step, job.k - at) for at in range(0, job.k, step)]
    first = replace(job, k=sizes[0], has_bias=False, column_scale=False, format="int32")
    between = [replace(first, k=k, addend=True) for k in sizes[1:-1]]
    return [first, *between, replace(job, k=sizes[-1], addend=True)]
