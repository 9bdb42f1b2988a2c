"""By element: operands of each k are fetched for it anew; rows begin anywhere in bus words."""

from collections.abc import Callable
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data

from ...operands.unpack import Unpack
from ..choose import choose
from .base import Addressing
from .element_fit import ElementFit
from .loads import Loads, loads_layout

__all__ = ["ElementAddressing"]


class ElementAddressing(Addressing):
    """Offsets and lengths along a stored row are in elements."""

    quick = True
    ends = ("a_last", "b_last")
    ends_with = {"b": ("a",)}  # together

    def fetcher(self) -> Loads:
        return Loads(self._config)

    def asked_layout(self) -> data.StructLayout:
        return loads_layout(self._config)

    def feed(self, m: Module, loader, fetcher, engine) -> None:
        m.d.comb += [
            loader.a_last.eq(fetcher.a_last),
            loader.b_last.eq(fetcher.b_last),
            fetcher.frees.eq(engine.frees),
        ]

    def ended(self, m: Module, loader, job) -> dict[str, Signal]:
        ends = {}
        for x, last in (("a", loader.a_last), ("b", loader.b_last), ("d", loader.b_last)):
            ends[x] = Signal(self._config.addr_bits, name=f"{x}_rows_end", reset_less=True)
            m.d.sync += ends[x].eq(last + job[f"{x}_stride"])
        return ends

    def lengths(self, m: Module, job, size) -> dict[str, Value]:
        a_along = Mux(job.a_transposed, size["m"], size["k"])
        b_along = Mux(job.b_transposed, size["k"], size["n"])
        return {"a": a_along, "b": b_along, "d": size["n"]}

    def words(self, offset: Signal, bits: int) -> tuple[Value, Value]:
        inside = (self._config.bus_bits // bits).bit_length() - 1
        word = Const(0, self._config.bus_bytes.bit_length() - 1)
        return Cat(word, offset[inside:]), offset[:inside]

    def vector_words(self, offset: Signal) -> tuple[Value, Value]:
        outside, skip = self.words(offset, 8)
        return outside, skip[2:]

    def reach(self, length: Value, skip: Value) -> Value:
        return length + skip

    def needs(self, m: Module, job, size, a_along: Value) -> dict[str, Value]:
        return {}

    def amounts(self, m: Module, rows, job, size, kinds, skips, need) -> list[Any]:
        """Rows of an access each, or a row's elements of an access each."""
        is_a, is_b, is_d, is_vector = kinds
        a_flip, b_flip = job.a_transposed, job.b_transposed
        a_rows, b_rows = Mux(a_flip, 1, size["m"]), Mux(b_flip, size["n"], 1)
        wanted = ((is_a, skips["a"]), (is_b, skips["b"]), (is_d | is_vector, skips["vector"]))
        return [
            rows.along.eq((is_a & ~a_flip) | (is_b & b_flip)),
            rows.rows.eq(choose(zip(kinds, (a_rows, b_rows, 1, 1), strict=True))),
            rows.count.eq(choose(zip(kinds, (size["k"], size["k"], size["m"], 1), strict=True))),
            rows.tag.skip.eq(choose(wanted)),
        ]

    def fit(self, m: Module, job, steps: Value) -> ElementFit:
        return ElementFit(m, self._config, job, steps)

    # --- Words that come ---

    def unpacker(self, lanes: int) -> Unpack:
        return Unpack(32, self._config.bus_bits // 32, lanes, skips=True)

    def unpack_from(self, m: Module, unpack: Unpack, tag) -> None:
        m.d.comb += unpack.i.payload.skip.eq(tag.skip)

    def counts(self, m: Module, takes: Signal, word) -> Callable[[Value], Value]:
        row_begins = Signal(init=1)
        with m.If(takes):
            m.d.sync += row_begins.eq(word.last)
        return lambda elements: elements - Mux(row_begins, word.tag.skip, 0)

    # --- C ---

    def marks(self) -> dict[str, Any]:
        return {"first": 1, "skip": range(self._config.bus_bytes)}

    def mark(self, m: Module, flags, step: Signal, row_ends: Signal, skip: Value | int) -> None:
        row_begins = Signal(init=1)
        m.d.sync += [flags.first.eq(row_begins), flags.skip.eq(skip)]
        with m.If(step):
            m.d.sync += row_begins.eq(row_ends)

    def pass_marks(self, m: Module, given, flags) -> None:
        m.d.comb += [given.first.eq(flags.first), given.skip.eq(flags.skip)]

    def c_words(self, offset: Signal, bus: int) -> tuple[Value, Value | int]:
        return Cat(Const(0, bus), offset[bus:]), offset[:bus]

    def c_length(self, length: Value, skip: Value | int) -> Value:
        return length + skip

    def pack_place(self, m: Module, payload, after: Signal, places: int) -> Signal:
        place = Signal(range(places), name="place_now")
        m.d.comb += place.eq(Mux(payload.first, payload.skip, after))
        return place
