"""What surrounds products, as functions in C: copies, sums to 8 bits, rows to memory and back."""

from math import prod

from ..operators.gather import Gather

__all__ = ["HELPERS", "gather", "is_copy"]

# Both ways alike: a whole matrix at once where its rows have no gaps.
ROWS = """\
static void {name}(uint64_t address, {kind}void *at_host, uint32_t count, uint64_t step,
                uint32_t rows, uint32_t stride, uint32_t bytes)
{{
    {kind}uint8_t *next = ({kind}uint8_t *)at_host;
    if (stride == bytes && (count == 1 || step == (uint64_t)rows * stride)) {{
        {call}(address, next, count * rows * bytes);
        return;
    }}
    for (uint32_t n = 0; n < count; n++)
        for (uint32_t row = 0; row < rows; row++, next += bytes)
            {call}(address + n * step + (uint64_t)row * stride, next, bytes);
}}
"""
HELPERS = {
    "put": "// count matrices, step bytes apart, of rows, stride bytes apart, of so many bytes.\n"
    + ROWS.format(name="put", kind="const ", call="insitu_store"),
    "get": ROWS.format(name="get", kind="", call="insitu_load"),
    "add": """\
// What is added to the sums; batch and column: how far it is from a matrix or column to the next.
static void add(int32_t *sums, uint32_t count, uint32_t rows, uint32_t columns,
                const int32_t *extra, uint32_t batch, uint32_t column)
{
    for (uint32_t n = 0; n < count; n++)
        for (uint32_t row = 0; row < rows; row++)
            for (uint32_t x = 0; x < columns; x++, sums++)
                *sums = (int32_t)((uint32_t)*sums + (uint32_t)extra[n * batch + x * column]);
}
""",
    "to_bytes": """\
// Sums to 8 bits as onnxruntime rounds them, by way of binary32.
static void to_bytes(const int32_t *sums, uint8_t *y, uint32_t count, uint32_t rows,
                     uint32_t columns, const float *scale, uint32_t batch, uint32_t column,
                     int zero, int low, int high)
{
    for (uint32_t n = 0; n < count; n++)
        for (uint32_t row = 0; row < rows; row++)
            for (uint32_t x = 0; x < columns; x++) {
                volatile float given = (float)*sums++;
                volatile float scaled = given * scale[n * batch + x * column];
                double found = (double)rintf(scaled) + zero;
                *y++ = (uint8_t)(int)(found < low ? low : found > high ? high : found);
            }
}
""",
}
"""By name; each but the platform's is static."""


def is_copy(given: Gather) -> bool:
    """Whether all elements are copied in the order in which they lie."""
    strides = _strides(given.source)
    after, plain = 1, not any(given.start) and prod(given.shape) == prod(given.source)
    for loop in reversed(given.loops):
        step = sum(a * b for a, b in zip(loop.steps, strides, strict=True))
        plain = plain and (loop.count == 1 or step == after)
        after *= loop.count
    return plain


def gather(name: str, given: Gather, kind: str) -> str:
    """Function ``name``, which makes the copy of elements of C's type ``kind``."""
    places = [
        _sum([(loop.steps[axis], f"i{n}") for n, loop in enumerate(given.loops) if loop.count > 1],
             start)
        for axis, start in enumerate(given.start)
    ]  # fmt: skip
    checks, lines, at = [], [], []
    for axis, (size, (first, last)) in enumerate(zip(given.source, given.reach, strict=True)):
        if first >= 0 and last < size:
            at.append(places[axis])
            continue
        lines.append(f"int32_t x{axis} = {places[axis]};")
        checks += [f"x{axis} >= 0"] if first < 0 else []
        checks += [f"x{axis} < {size}"] if last >= size else []
        at.append(f"x{axis}")
    terms = zip(_strides(given.source), at, strict=True)
    index = " + ".join(_times(stride, place) for stride, place in terms if place != "0")
    element = f"from[{index or '0'}]"
    if checks:
        element = f"({kind})({' && '.join(checks)} ? {element} : {given.fill})"
    lines.append(f"*to++ = {element};")
    text = [f"// {' × '.join(map(str, given.source))} to {' × '.join(map(str, given.shape))}."]
    text += [f"static void {name}(const {kind} *from, {kind} *to)", "{"]
    indent = "    "
    for n, loop in enumerate(given.loops):
        if loop.count > 1:
            text.append(f"{indent}for (int32_t i{n} = 0; i{n} < {loop.count}; i{n}++)")
            indent += "    "
    if len(lines) > 1:
        text[-1] += " {"
        text += [indent + line for line in lines] + [indent[4:] + "}"]
    else:
        text.append(indent + lines[0])
    return "\n".join([*text, "}", ""])


def _strides(shape: tuple[int, ...]) -> list[int]:
    return [prod(shape[n + 1 :]) for n in range(len(shape))]


def _times(stride: int, place: str) -> str:
    if stride == 1:
        return place
    return f"{stride} * ({place})" if " " in place else f"{stride} * {place}"


def _sum(terms: list[tuple[int, str]], start: int) -> str:
    found = [name if step == 1 else f"{step} * {name}" for step, name in terms if step]
    text = " + ".join(found)
    if not text:
        return str(start)
    return text + (f" - {-start}" if start < 0 else f" + {start}" if start else "")
