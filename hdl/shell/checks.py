"""The words of a descriptor into the fields of a job, and what is wrong with them."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from ..config.machine import MachineConfig
from ..config.widths import BLOCK_BITS
from ..contract.job import Status
from .control import USED_WORDS, WINDOW
from .finishing import finishing
from .registers import registers
from .residency import residency

__all__ = ["NAMES", "WordChecks", "reserved", "word_order"]

NAMES: dict[int, str] = {
    (r.address - WINDOW) // 4: r.name.removeprefix("descriptor_")
    for r in registers().values()
    if r.name.startswith("descriptor_")
}
"""Words of the descriptor by their place."""
PLACES = {name: place for place, name in NAMES.items()}
# Sizes of blocks and the batch come early: what depends on them is worked out while the others
# come. The last words need only be zero, which is found out at once.
FIRST = ("flags", "m", "n", "k", "m_block", "n_block", "k_block", "batch")


def word_order(config: MachineConfig) -> list[int]:
    """Places of the descriptor's words in the order in which they are read."""
    early = [PLACES[name] for name in (*FIRST, *residency(config).early)]
    return [*early, *(place for place in range(USED_WORDS) if place not in early)]


def reserved(config: MachineConfig) -> int:
    """Words at the end that must be zero."""
    return residency(config).zeros


class WordChecks:
    """Checks words as they come, one per cycle.

    What a word breaks is found in the cycle after it, whichever word it is, and in the one after
    it is looked at whether the rule was meant for it. So the failure is known two cycles later.

    Parameters
    ----------
    m : Module
    config : MachineConfig
    job : View of job_layout
        Where fields go, a cycle after their word. Blocks that were left open are chosen.
    word : Signal(32)
    is_zero : Signal(1)
        ``word`` is 0.
    comes : function of a name
        Whether ``word`` is that word of the descriptor.

    Attributes
    ----------
    failed : dict
        By status: such a failure was found, for a cycle. A register.
    """

    def __init__(self, m: Module, config: MachineConfig, job, word, is_zero, comes):
        self.m, self._config, self.job = m, config, job
        self._residency = residency(config)
        self.word, self._is_zero, self.comes = word, is_zero, comes
        self._found: dict[Status, list[Value]] = {}
        self._fields()
        self._flags()
        self._shape()
        self._addresses()
        finishing(config).check_scale(self)
        self._zeros()
        finishing(config).check_clamp(self)
        self.failed = {}
        for kind, found in self._found.items():
            self.failed[kind] = Signal(name=f"failed_{kind.name}")
            m.d.sync += self.failed[kind].eq(Cat(found).any())

    def fail(self, name: str, breaks, meant, kind: Status) -> None:
        """A failure if ``breaks``, for the word for which ``meant``."""
        broken, counts = Signal(name=f"breaks_{name}"), Signal(name=f"counts_{name}")
        self.m.d.sync += [broken.eq(breaks), counts.eq(meant)]
        self._found.setdefault(kind, []).append(broken & counts)

    def _any(self, *names: str) -> Value:
        return Cat(self.comes(name) for name in names).any()

    def part(self, register: str) -> dict[str, Value]:
        """Fields of the word, if it is that register."""
        return {
            f.name: self.word[f.low : f.high + 1]
            for f in registers()[f"descriptor_{register}"].fields
        }

    def _fields(self) -> None:
        """Where each word goes."""
        m, config, job, word = self.m, self._config, self.job, self.word
        for name in PLACES:
            with m.If(self.comes(name)):
                if name == "scale":
                    m.d.sync += [job.scale.eq(word), job.scale_addr.eq(word)]
                elif name.endswith("_low"):
                    m.d.sync += job[f"{name.removesuffix('_low')}_addr"].eq(word)
                elif name.endswith("_high"):
                    if config.addr_bits > 32:
                        m.d.sync += job[f"{name.removesuffix('_high')}_addr"][32:].eq(word)
                elif name.endswith("_block"):
                    choice = dict(zip("mnk", config.default_blocks, strict=True))[name[0]]
                    m.d.sync += job[name].eq(Mux(self._is_zero, choice, word))
                elif name == "batch":
                    m.d.sync += job.batch.eq(Cat(word[0] | self._is_zero, word[1:]))
                elif name in ("m", "n", "k") or name.endswith(("_stride", "_batch")):
                    m.d.sync += job[name].eq(word)

    def _flags(self) -> None:
        m, array, job = self.m, self._config.array, self.job
        fields, comes = self.part("flags"), self.comes("flags")
        with m.If(comes):
            for key in ("a_transposed", "b_transposed", "a_signed", "b_signed", "bias",
                        "addend", "format", "column_scale", "binary32", "order"):  # fmt: skip
                m.d.sync += job[key].eq(fields[key])
        self.fail("version", fields["version"] != 1, comes, Status.UNSUPPORTED)
        loads = self._residency.flags(m, job, self, comes, fields["load_b"])
        finish = finishing(self._config)
        finish.set_flags(m, job, comes, fields)
        beyond = (self.word >> finish.flag_bits).any()
        unknown = beyond | ~loads | finish.unknown(fields)
        self.fail("flags", unknown, comes, Status.UNSUPPORTED)
        if not array.zero_points:
            odd: Value = fields["b_signed"] != array.b.signed
            if not array.a_either_sign:
                odd = (fields["a_signed"] != array.a.signed) | odd
            self.fail("signs", odd, comes, Status.UNSUPPORTED)

    def banks(self, banks: int) -> None:
        """Where a resident B begins, in one of so many ``banks``."""
        m, comes = self.m, self.comes("bank_first")
        with m.If(comes):
            m.d.sync += self.job.bank_first.eq(self.word)
        self.fail("bank", self.word >= banks, comes, Status.UNSUPPORTED)

    def _shape(self) -> None:
        word = self.word
        self.fail("size", self._is_zero, self._any("m", "n", "k"), Status.BAD_SHAPE)
        too_long = word > self._config.array.max_k
        self.fail("k", too_long, self.comes("k"), Status.UNSUPPORTED)
        blocks = self._any("m_block", "n_block", "k_block")
        self.fail("block", word[BLOCK_BITS:].any(), blocks, Status.BAD_SHAPE)

    def _addresses(self) -> None:
        m, config, job, word = self.m, self._config, self.job, self.word
        batched = Signal()
        with m.If(self.comes("batch")):
            m.d.sync += batched.eq(word[1:].any())
        used = {"d": job.addend, "bias": job.bias, **self._residency.used(job)}
        aligned, small = [], []
        for name in PLACES:
            x, _, what = name.rpartition("_")
            is_used = used.get(x, Const(1, 1))
            if what == "batch" and x:
                aligned.append(self.comes(name) & is_used & batched)
            elif what in ("low", "stride"):
                aligned.append(self.comes(name) & is_used)
            elif what == "high":
                if x == "scale":
                    is_used = (job.format != 0) & job.column_scale
                small.append(self.comes(name) & is_used)
        aligned.append(self.comes("scale") & (job.format != 0) & job.column_scale)
        align = config.bus_bytes.bit_length() - 1
        self.fail("align", word[:align].any(), Cat(aligned).any(), Status.MISALIGNED)
        beyond = word[max(0, config.addr_bits - 32) :].any()
        self.fail("high", beyond, Cat(small).any(), Status.UNSUPPORTED)

    def _zeros(self) -> None:
        m, array, job, comes = self.m, self._config.array, self.job, self.comes("zeros")
        for x, fmt, low in (("a", array.a, 0), ("b", array.b, 16)):
            value = self.word[low : low + 16]
            kept = value[: fmt.bits]
            # Beyond the format only copies of the sign, or zeros if elements are unsigned.
            sign = kept[-1] & job[f"{x}_signed"]
            odd = (value[fmt.bits :] ^ sign.replicate(16 - fmt.bits)).any()
            self.fail(f"{x}_zero", odd, comes, Status.UNSUPPORTED)
            if not array.zero_points:
                self.fail(f"{x}_no_zero", value.any(), comes, Status.UNSUPPORTED)
            with m.If(comes):
                m.d.sync += job[f"{x}_zero"].eq(kept)
