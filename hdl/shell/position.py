"""Where the loader is in a job: sizes of the block, what is left, where operands are in memory."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from ..config.machine import MachineConfig
from ..config.widths import BLOCK_BITS
from .addressing import addressing
from .addressing.base import settled
from .choose import choose
from .residency import residency

__all__ = ["Position"]


class Position:
    """The step along K, of a block of C, that the loader has come to.

    What the next step will be is worked out while the operands of this one are fetched. A register
    moves on when a flag of its own says so, which is set in the cycle before.

    Parameters
    ----------
    m : Module
    config : MachineConfig
    job : View of job_layout
    rows_end : dict
        By operand: where the rows that were fetched last have ended, a cycle late.

    Attributes
    ----------
    size, first, last, next_first : dict
        By dimension: size of the block; it is the first or last one; it will be the first in the
        next cycle.
    start, length, n_start : dict, dict, Signal
        By operand: where its block begins in memory, and bytes of it along a row; the same for
        biases and scales, from the beginning of these. Two cycles after the step. Where operands
        are fetched by element, whole bus words, with elements along a row.
    skip, n_skip : dict, Value
        Where operands are fetched by element: elements of the first bus word before the block.
    goes_on, another : Signal
        A step of this matrix follows; another matrix does.
    batch_last, matrix_first : Signal
        This is the last matrix; the first one (with banks).
    ended : dict
        By operand: set in the cycle after its rows have ended.
    """

    def __init__(self, m: Module, config: MachineConfig, job, rows_end):
        self._m, self._job, self._addressing = m, job, addressing(config)
        self.size = {x: Signal(BLOCK_BITS, name=f"{x}_size", reset_less=True) for x in "mnk"}
        self.first = {x: Signal(name=f"{x}_first", reset_less=True) for x in "mnk"}
        self.last = {x: Signal(name=f"{x}_last", reset_less=True) for x in "mnk"}
        self.next_first: dict[str, Value] = {}
        # A dimension starts over or moves on.
        self._starts, self._moves = self._flags("mnk", "starts"), self._flags("mnk", "moves")
        # A block begins at row + offset: `row` moves down the rows of the matrix as it is stored,
        # `offset` along them. Rows tells where a block's rows end; no product is ever needed.
        self._begins, self._to_base = self._flags("abd", "begins"), self._flags("abd", "to_base")
        self._to_end, self._to_side = self._flags("abd", "to_end"), self._flags("abdn", "to_side")
        self._along = self._flags("abdn", "along")
        self._batch = self._flags("abd", "batch")
        self.ended = self._flags("abd", "ended")

        self.batch_last = Signal()
        left = Signal(32, name="batch_left", reset_less=True)
        self._next_batch = Signal()
        m.d.sync += [self._next_batch.eq(0), self.batch_last.eq(left == 1)]
        with m.If(self._begins["a"]):
            m.d.sync += left.eq(job.batch)
        with m.If(self._next_batch):
            m.d.sync += left.eq(left - 1)

        self.matrix_first: Value = Const(1, 1)
        residency(config).first_matrix(m, self, self._begins["a"], self._next_batch)

        for x in "mnk":
            self._dimension(x)
        self.length = self._addressing.lengths(m, job, self.size)
        self.skip: dict[str, Value] = {}
        self.start = {x: self._place(x, config, rows_end[x]) for x in "abd"}
        n_offset = Signal(32, name="n_offset", reset_less=True)
        self._side("n", n_offset, self.size["n"] << 2)
        self.n_start, self.n_skip = self._addressing.vector_words(n_offset)
        self._find_next()

    def _flags(self, names: str, what: str) -> dict[str, Signal]:
        found = {x: Signal(name=f"{x}_{what}") for x in names}
        self._m.d.sync += [flag.eq(0) for flag in found.values()]
        return found

    # --- What the states of the loader do, for the next cycle ---

    def begin(self) -> None:
        """A job begins."""
        for flags in (self._starts, self._begins, self._to_side):
            self._m.d.sync += [flag.eq(1) for flag in flags.values()]

    def next_matrix(self) -> None:
        """Another matrix of the batch, whose bases are known."""
        for flags in (self._starts, self._to_base, self._to_side):
            self._m.d.sync += [flag.eq(1) for flag in flags.values()]

    def advance(self) -> None:
        """The next step of this matrix, or the next matrix's bases."""
        for flags, values in self._after.values():
            self._m.d.sync += [flag.eq(values[x]) for x, flag in flags.items()]
        self._m.d.sync += self._next_batch.eq(self.another)

    # --- Registers ---

    def _dimension(self, x: str) -> None:
        m, job = self._m, self._job
        block, left = job[f"{x}_block"], Signal(32, name=f"{x}_left", reset_less=True)
        # Only a block that is not the last one is followed by another, and all of those are whole.
        next_left = settled(m, f"{x}_next_left", (left - block)[:32])
        next_more = settled(m, f"{x}_next_more", (block << 1) < left)
        self.next_first[x] = self._starts[x] | (self.first[x] & ~self._moves[x])
        m.d.sync += self.first[x].eq(self.next_first[x])
        with m.If(self._starts[x]):
            m.d.sync += [left.eq(job[x]), self.last[x].eq(job[f"{x}_whole"])]
        with m.Elif(self._moves[x]):
            m.d.sync += [left.eq(next_left), self.last[x].eq(~next_more)]
        with m.If(self._starts[x] | self._moves[x]):
            m.d.sync += self.size[x].eq(Mux(self._starts[x] | next_more, block, next_left))

    def _place(self, x: str, config: MachineConfig, rows_end) -> Signal:
        """Where the operand's block begins, a cycle late."""
        m, job, bits = self._m, self._job, config.addr_bits
        base, row, end = (
            Signal(bits, name=f"{x}_{what}", reset_less=True) for what in ("base", "row", "end")
        )
        offset = Signal(32, name=f"{x}_offset", reset_less=True)
        address = job[f"{x}_addr"]
        with m.If(self._begins[x]):
            m.d.sync += base.eq(address)
        with m.Elif(self._batch[x]):
            m.d.sync += base.eq(base + job[f"{x}_batch"])
        flags = (self._begins[x], self._to_base[x], self._to_end[x])
        with m.If(Cat(flags).any()):
            m.d.sync += row.eq(choose(zip(flags, (address, base, end), strict=True)))
        self._side(x, offset, self.length[x])
        size = {"a": config.array.a.bits, "b": config.array.b.bits, "d": 32}[x]
        outside, self.skip[x] = self._addressing.words(offset, size)
        with m.If(self.ended[x]):
            m.d.sync += end.eq(rows_end - outside)
        return settled(m, f"{x}_start", (row + outside)[:bits])

    def _side(self, x: str, offset: Signal, length) -> None:
        m = self._m
        with m.If(self._to_side[x]):
            m.d.sync += offset.eq(0)
        with m.Elif(self._along[x]):
            m.d.sync += offset.eq(offset + length)

    def _find_next(self) -> None:
        """The innermost loop that has not ended goes on; those inside it start over."""
        m, job, last = self._m, self._job, self.last
        inner_last, outer_last = (
            Mux(job.order, last[x], last[y]) for x, y in (("n", "m"), ("m", "n"))
        )
        inner_on = settled(m, "inner_on", last["k"] & ~inner_last)
        outer_on = settled(m, "outer_on", last["k"] & inner_last & ~outer_last)
        on = {
            "m": settled(m, "m_on", Mux(job.order, outer_on, inner_on)),
            "n": settled(m, "n_on", Mux(job.order, inner_on, outer_on)),
            "k": settled(m, "k_on", ~last["k"]),
        }
        back = {
            "m": settled(m, "m_back", ~job.order & outer_on),
            "n": settled(m, "n_back", job.order & outer_on),
            "k": settled(m, "k_back", inner_on | outer_on),
        }
        self.goes_on = settled(m, "goes_on", ~last["k"] | inner_on | outer_on)
        self.another = settled(m, "another", last["k"] & ~inner_on & ~outer_on & ~self.batch_last)

        a_flip, b_flip = job.a_transposed, job.b_transposed
        ways = {"a": ("m", "k", a_flip), "b": ("k", "n", b_flip), "d": ("m", "n", None)}

        def turned(name: str, of: dict[str, Signal], down: bool) -> dict[str, Signal]:
            found = {}
            for x, (y, z, flip) in ways.items():
                here, there = (of[y], of[z]) if down else (of[z], of[y])
                found[x] = settled(
                    m, f"{x}_{name}", here if flip is None else Mux(flip, there, here)
                )
            return found

        self._after = {
            "moves": (self._moves, on),
            "starts": (self._starts, back),
            "to_end": (self._to_end, turned("down_on", on, True)),
            "to_base": (self._to_base, turned("down_back", back, True)),
            "along": (self._along, turned("along_on", on, False) | {"n": on["n"]}),
            "to_side": (self._to_side, turned("along_back", back, False) | {"n": back["n"]}),
            "batch": (self._batch, dict.fromkeys("abd", self.another)),
        }
