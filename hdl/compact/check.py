"""A descriptor's words into a job, and what is wrong with them."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config.compact import CompactConfig
from ..config.fields import ceil_log2
from ..contract.job import Status
from ..shell.checks import NAMES
from ..shell.registers import registers
from .job import job_layout

__all__ = ["PLACES", "Check"]

PLACES = {name: place for place, name in NAMES.items()}
"""Words of the descriptor by name; those after ``bank_first`` are reserved."""
WORDS = PLACES["reserved"] + registers()["descriptor_reserved"].count
SPANS = ("c", "a", "b", "bias", "scale")
"""What lies in memory, in the order in which it is looked at."""


class Check(wiring.Component):
    """Looks at the words of a descriptor one by one, then at what each matrix takes of the memory.

    Cycles from ``start`` to ``done``: see ``insitu.sim_models.compact.check_cycles``. The first
    failure found is told.

    Parameters
    ----------
    config : CompactConfig

    Members
    -------
    start : In(1)
    place : Out(6)
        Of the word that is wanted.
    word : In(32)
        The one wanted in the cycle before.
    job : Out(job_layout)
        From registers; valid from ``done`` to the next ``start`` if ``status`` is ok.
    done, status : Out
        For a cycle; from registers, until the next ``start``.
    """

    def __init__(self, config: CompactConfig):
        self._config = config
        super().__init__(
            {
                "start": In(1),
                "place": Out(6),
                "word": In(32),
                "job": Out(job_layout(config)),
                "done": Out(1),
                "status": Out(Status),
            }
        )

    def elaborate(self, platform):
        m = Module()
        place, looking = Signal(6), Signal()
        wanted, span = Signal(6), Signal(range(len(SPANS)))
        m.d.sync += [place.eq(wanted), looking.eq(0)]
        found = Signal(Status)
        with m.If(looking):
            self._look(m, place, found)
            with m.If(self.status == Status.OK):
                m.d.sync += self.status.eq(found)

        config, job = self._config, self.job
        word, low = self.word, config.word_log2
        # Words of memory: where it begins, and after its end; one bit more, as it may be full.
        begin, end = Signal(config.addr_bits), Signal(config.addr_bits + 1)
        c_end = Signal(config.addr_bits + 1)
        stride, times = Signal(config.addr_bits + 1), Signal(config.size_bits)
        outside = Signal()
        total = end + stride
        is_column = span >= SPANS.index("bias")
        is_c = span == SPANS.index("c")
        narrow = is_c & (job.format != 0)
        in_row = Mux(is_column | is_c, Mux(narrow, job.n >> 3, job.n >> 1), job.k[low:])
        inside = word[low : low + config.addr_bits]
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [wanted.eq(0), span.eq(0)]
                with m.If(self.start):
                    m.d.sync += self.status.eq(Status.OK)
                    m.next = "WORDS"
            with m.State("WORDS"):
                m.d.comb += self.place.eq(wanted)
                m.d.sync += [wanted.eq(wanted + 1), looking.eq(1)]
                with m.If(wanted == WORDS - 1):
                    m.next = "LAST"
            with m.State("LAST"):
                m.next = "STRIDE"
            with m.State("STRIDE"):
                with m.Switch(span):
                    for n, name in enumerate(SPANS):
                        with m.Case(n):
                            m.d.comb += self.place.eq(PLACES.get(f"{name}_stride", 0))
                m.next = "BASE"
                unused = ((span == SPANS.index("bias")) & ~job.bias) | (
                    (span == SPANS.index("scale")) & ~((job.format != 0) & job.column_scale)
                )
                with m.If(unused):
                    m.next = "COMPARE"
                with m.If(self.status != Status.OK):
                    m.next = "DONE"
            with m.State("BASE"):
                with m.Switch(span):
                    for n, name in enumerate(SPANS):
                        with m.Case(n):
                            m.d.comb += self.place.eq(PLACES.get(f"{name}_low", PLACES["scale"]))
                m.d.sync += [
                    stride.eq(inside),
                    times.eq(Mux(is_column, 0, Mux(span == SPANS.index("b"), job.n, job.m))),
                ]
                m.next = "ROW"
            with m.State("ROW"):
                m.d.sync += [begin.eq(inside), end.eq(inside + in_row + 1), outside.eq(0)]
                m.next = "ROWS"
            with m.State("ROWS"):
                # Rows less one times the stride, bit by bit; what is too large stays so.
                m.d.sync += [
                    times.eq(times >> 1),
                    stride.eq(Cat(0, stride[:-1]) | (stride[-1] << config.addr_bits)),
                ]
                with m.If(times[0]):
                    m.d.sync += end.eq(total)
                    with m.If(stride[-1] | total[-1] | (total[-2] & total[:-2].any())):
                        m.d.sync += outside.eq(1)
                with m.If(times == 0):
                    m.next = "COMPARE"
            with m.State("COMPARE"):
                is_out = outside | (end[-1] & end[:-1].any())
                meets = (begin < c_end) & (job.c_addr < end)
                m.d.sync += span.eq(span + 1)
                m.next = "STRIDE"
                with m.If(is_c):
                    m.d.sync += c_end.eq(end)
                with m.If(span == len(SPANS) - 1):
                    m.next = "DONE"
                with m.If(~unused & (is_out | (~is_c & meets))):
                    m.d.sync += self.status.eq(Status.BAD_SHAPE)
                    m.next = "DONE"
            with m.State("DONE"):
                m.d.comb += self.done.eq(1)
                m.next = "IDLE"
        return m

    def _look(self, m: Module, place, found) -> None:
        """Takes what a word has for the job, and what it breaks."""
        config, job, word = self._config, self.job, self.word
        low, addr_bits = config.word_log2, config.addr_bits
        regs = registers()

        def part(register: str) -> dict:
            return {f.name: word[f.low : f.high + 1] for f in regs[f"descriptor_{register}"].fields}

        def fail_if(breaks, kind: Status) -> None:
            with m.If(breaks):
                m.d.comb += found.eq(kind)

        def address(field, used=None) -> None:
            """A multiple of the word within the memory, if it is used."""
            meant = 1 if used is None else used
            m.d.sync += field.eq(word[low : low + addr_bits])
            fail_if(meant & word[low + addr_bits :].any(), Status.BAD_SHAPE)
            fail_if(meant & word[:low].any(), Status.MISALIGNED)

        less = word[: max(config.size_bits, ceil_log2(config.k_max) + 1)] - 1
        narrow = job.format != 0
        scaled = narrow & job.column_scale
        with m.Switch(place):
            with m.Case(PLACES["flags"]):
                flags = part("flags")
                m.d.sync += [
                    job[name].eq(flags[name])
                    for name in ("a_signed", "bias", "column_scale", "binary32", "format")
                ]
                fail_if(
                    (flags["version"] != 1)
                    | word[20:].any()
                    | (flags["format"] == 3)
                    | flags["a_transposed"]
                    | ~flags["b_transposed"]
                    | ~flags["b_signed"]
                    | flags["addend"]
                    | flags["order"]
                    | ~flags["load_b"],
                    Status.UNSUPPORTED,
                )
            for name in ("m", "n", "k"):
                with m.Case(PLACES[name]):
                    field = job[name]
                    m.d.sync += field.eq(less)
                    if name == "k":
                        # Up to k_max itself, a power of two.
                        bits = len(field)
                        fail_if(word[bits + 1 :].any() | (word[bits] & word[:bits].any()),
                                Status.UNSUPPORTED)  # fmt: skip
                    else:
                        fail_if(word[config.size_bits :].any(), Status.UNSUPPORTED)
                    fail_if(word == 0, Status.BAD_SHAPE)
            for x in "abc":
                for what in ("addr", "stride"):
                    register = f"{x}_low" if what == "addr" else f"{x}_stride"
                    with m.Case(PLACES[register]):
                        address(job[f"{x}_{what}"])
            with m.Case(PLACES["bias_low"]):
                address(job.bias_addr, job.bias)
            with m.Case(PLACES["scale"]):
                exponent = word[23:31]
                m.d.sync += job.scale.eq(word)
                fail_if(narrow & ~job.column_scale
                        & (word[31] | (exponent == 0) | exponent.all()),
                        Status.BAD_SCALE)  # fmt: skip
                fail_if(scaled & word[low + addr_bits :].any(), Status.BAD_SHAPE)
                fail_if(scaled & word[:low].any(), Status.MISALIGNED)
            with m.Case(PLACES["clamp"]):
                values = {name: value.as_signed() for name, value in part("clamp").items()}
                broken = values["high"] < values["low"]
                for name, value in values.items():
                    m.d.sync += job[name].eq(value)
                    high = value[7:]
                    outside = Mux(job.format == 1, high.any() & ~high.all(), high[1:].any())
                    broken |= outside
                fail_if(narrow & broken, Status.UNSUPPORTED)
            with m.Case(PLACES["batch"]):
                fail_if(word[1:].any(), Status.UNSUPPORTED)
            with m.Case(*(PLACES[f"{x}_high"] for x in "abc")):
                fail_if(word != 0, Status.UNSUPPORTED)
            with m.Case(PLACES["bias_high"]):
                fail_if(job.bias & (word != 0), Status.UNSUPPORTED)
            with m.Case(PLACES["scale_high"]):
                fail_if(scaled & (word != 0), Status.UNSUPPORTED)
            with m.Case(
                *(PLACES[name] for name in ("zeros", "m_block", "n_block", "k_block",
                                            "bank_first")),
                *range(PLACES["reserved"], WORDS),
            ):  # fmt: skip
                fail_if(word != 0, Status.UNSUPPORTED)
