"""By rows of blocks: each row is a segment of memory, into a buffer that has room for it."""

from collections.abc import Callable
from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data

from ...arith.divide import ceil_div_by
from ...contract.job import Kind, tag_layout
from ...operands.unpack import Unpack
from ..choose import choose
from ..rows import Rows, rows_layout
from .base import Addressing, settled
from .row_fit import RowFit

__all__ = ["RowAddressing"]


class RowAddressing(Addressing):
    """Blocks, and their rows, begin at whole bus words; offsets and lengths are in bytes."""

    quick = False
    ends = ("rows_end",)
    ends_with = {}

    def fetcher(self) -> Rows:
        # The engine finds out a cycle later whether there is room.
        return Rows(self._config.addr_bits, tag_layout(self._config), late=1)

    def asked_layout(self) -> data.StructLayout:
        return rows_layout(self._config.addr_bits, tag_layout(self._config))

    def feed(self, m: Module, loader, fetcher, engine) -> None:
        fetches_a, fetches_b = Signal(), Signal()
        m.d.sync += [
            fetches_a.eq(fetcher.tag.kind == Kind.A),
            fetches_b.eq(fetcher.tag.kind == Kind.B),
            engine.reserve_a.eq(fetcher.reserve & fetches_a),
            engine.reserve_b.eq(fetcher.reserve & fetches_b),
        ]
        m.d.comb += [
            loader.rows_end.eq(fetcher.end),
            engine.need.eq(fetcher.need),
            fetcher.room.eq(Mux(fetches_a, engine.room_a, Mux(fetches_b, engine.room_b, 1))),
        ]

    def ended(self, m: Module, loader, job) -> dict[str, Signal]:
        rows_end = Signal.like(loader.rows_end, reset_less=True)
        m.d.sync += rows_end.eq(loader.rows_end)
        return dict.fromkeys("abd", rows_end)

    def lengths(self, m: Module, job, size) -> dict[str, Value]:
        array = self._config.array
        a_along = Mux(job.a_transposed, size["m"], size["k"])
        b_along = Mux(job.b_transposed, size["k"], size["n"])
        return {
            "a": settled(m, "a_length", (a_along * array.a.bits) >> 3),
            "b": settled(m, "b_length", (b_along * array.b.bits) >> 3),
            "d": settled(m, "d_length", size["n"] << 2),
        }

    def words(self, offset: Signal, bits: int) -> tuple[Value, Value]:
        return offset, offset[:0]

    def vector_words(self, offset: Signal) -> tuple[Value, Value]:
        return offset, offset[:0]

    def reach(self, length: Value, skip: Value) -> Value:
        return length

    def needs(self, m: Module, job, size, a_along: Value) -> dict[str, Value]:
        config = self._config
        b_need = Mux(
            job.b_transposed,
            ceil_div_by(size["k"], config.b_turned_word),
            ceil_div_by(size["n"], config.b_word),
        )
        return {
            "a": settled(m, "a_need", ceil_div_by(a_along, config.a_word)),
            "b": settled(m, "b_need", b_need),
        }

    def amounts(self, m: Module, rows, job, size, kinds, skips, need) -> list[Any]:
        is_a, is_b, is_d, is_vector = kinds
        counts = (
            settled(m, "a_rows", Mux(job.a_transposed, size["k"], size["m"])),
            settled(m, "b_rows", Mux(job.b_transposed, size["n"], size["k"])),
        )
        return [
            rows.rows.eq(choose(zip(kinds, (*counts, size["m"], 1), strict=True))),
            rows.need.eq(choose(((is_a, need["a"]), (is_b, need["b"])))),
        ]

    def fit(self, m: Module, job, steps: Value) -> RowFit:
        return RowFit(m, self._config, job, steps)

    # --- Words that come: all rows begin with their first word ---

    def unpacker(self, lanes: int) -> Unpack:
        return Unpack(32, self._config.bus_bits // 32, lanes)

    def unpack_from(self, m: Module, unpack: Unpack, tag) -> None:
        pass

    def counts(self, m: Module, takes: Signal, word) -> Callable[[Value], Value]:
        return lambda elements: elements

    # --- C: the same ---

    def marks(self) -> dict[str, Any]:
        return {}

    def mark(self, m: Module, flags, step: Signal, row_ends: Signal, skip: Value | int) -> None:
        pass

    def pass_marks(self, m: Module, given, flags) -> None:
        pass

    def c_words(self, offset: Signal, bus: int) -> tuple[Value, Value | int]:
        return offset, 0

    def c_length(self, length: Value, skip: Value | int) -> Value:
        return length

    def pack_place(self, m: Module, payload, after: Signal, places: int) -> Signal:
        return after
