"""Where matrices of a descriptor may lie."""

from insitu.hdl.config import MachineConfig
from insitu.hdl.config.fields import ceil_div

from .descriptor import Descriptor

__all__ = ["spans_fit"]


def spans_fit(config: MachineConfig, job: Descriptor) -> bool:
    """Whether the hardware takes the places of matrices: what it refuses ends as bad_shape.

    Nothing may leave the address space. C may meet neither A, B, bias, scales nor a D that is not C
    itself, each from its first byte to its last over the whole batch. Where D is C, rows of C must
    lie apart, in either of the two orders that nests of rows and matrices have.
    """
    array, batch = config.array, job.batch
    wide = job.wide
    c_row = job.n * job.c_bytes

    def span(x: str, rows: int, row: int) -> tuple[int, int]:
        start = getattr(job, x)
        last = (rows - 1) * getattr(job, f"{x}_stride") + (batch - 1) * getattr(job, f"{x}_batch")
        return start, start + last + row

    a_rows, a_cols = (job.k, job.m) if job.a_transposed else (job.m, job.k)
    b_rows, b_cols = (job.n, job.k) if job.b_transposed else (job.k, job.n)
    same = (
        wide
        and (job.c, job.c_stride) == (job.d, job.d_stride)
        and (batch == 1 or job.c_batch == job.d_batch)
    )
    c = span("c", job.m, c_row)
    reads = [span("a", a_rows, ceil_div(a_cols * array.a.bits, 8))]
    if job.load_b:
        reads.append(span("b", b_rows, ceil_div(b_cols * array.b.bits, 8)))
    if job.addend and not same:
        reads.append(span("d", job.m, 4 * job.n))
    if job.has_bias:
        reads.append((job.bias, job.bias + 4 * job.n))
    if job.column_scale and not wide:
        reads.append((job.scales, job.scales + 4 * job.n))
    if max(end for _, end in (c, *reads)) > 1 << config.addr_bits:
        return False
    if any(start < c[1] and c[0] < end for start, end in reads):
        return False
    nests = [(job.m, job.c_stride, batch, job.c_batch), (batch, job.c_batch, job.m, job.c_stride)]
    return not (job.addend and same) or any(
        (inner == 1 or step >= c_row) and (outer == 1 or apart >= c_row + (inner - 1) * step)
        for inner, step, outer, apart in nests
    )
