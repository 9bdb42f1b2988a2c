"""B stays in an engine's banks for as long as descriptors say so."""

from typing import Any

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from ...contract.job import Kind, Status
from .fetched import Fetched
from .residents import Residents

__all__ = ["Banked"]


class Banked(Fetched):
    """A matrix B is loaded into banks once, and found there by the jobs that follow."""

    early = ("b_batch", "bank_first")
    zeros = 4

    def registers(self) -> dict[str, int]:
        return {"banks": self._config.array.banks}

    def parse_ports(self) -> dict[str, Any]:
        return {"completes": 1, "completes_slot": 1, "failed": 1}

    def columns_ports(self) -> dict[str, Any]:
        return {"asks": In(1), "asks_set": In(1), "here": Out(2)}

    def store_ports(self) -> dict[str, Any]:
        return {"columns_here": In(2)}

    def flags(self, m: Module, job, checks, comes: Value, loads: Value) -> Value:
        with m.If(comes):
            m.d.sync += job.load_b.eq(loads)
        checks.banks(self._config.array.banks)
        return Const(1)

    def used(self, job) -> dict[str, Value]:
        return {"b": job.load_b}

    def fetched(self, job, b: Value) -> Value:
        return b & job.load_b

    def judge(
        self, m: Module, parse, job, starts, slot, misfit
    ) -> tuple[Value | None, Value | None, Value | Status]:
        """What the banks hold is judged with the job, and changes with it."""
        m.submodules.residents = residents = Residents(self._config)
        m.d.comb += [
            residents.job.eq(job),
            residents.starts.eq(starts),
            residents.slot.eq(slot),
            residents.ended.eq(parse.completes),
            residents.ended_slot.eq(parse.completes_slot),
            residents.failed.eq(parse.failed),
        ]
        self._tell(m, parse, residents)
        m.d.sync += [
            job.resident.eq(residents.resident),
            job.b_depth.eq(residents.depth),
            job.b_end.eq(residents.end),
        ]
        shape = Mux(misfit, Status.BAD_SHAPE, Status.NOT_RESIDENT)
        return ~residents.waits & residents.absent, ~residents.waits, shape

    def _tell(self, m: Module, parse, residents: Residents) -> None:
        """What else happens to banks."""

    def first_matrix(self, m: Module, position, begins, next_batch) -> None:
        position.matrix_first = Signal(name="matrix_first")
        with m.If(begins):
            m.d.sync += position.matrix_first.eq(1)
        with m.Elif(next_batch):
            m.d.sync += position.matrix_first.eq(0)

    def b_of(self, m: Module, steps, job, at) -> tuple[Value, Value, Value | int]:
        """Kept in the banks rather than in the buffer."""
        first = at.first
        is_first = Signal()
        m.d.comb += [
            is_first.eq(first["m"] & at.matrix_first & job.load_b),
            steps.load.eq(~job.resident | is_first),
            steps.begins.eq(at.matrix_first & first["m"] & first["n"] & first["k"]),
            steps.m_first.eq(first["m"]),
            steps.n_first.eq(first["n"]),
        ]
        return job.resident, is_first, 0

    def columns_account(self, m: Module, columns, ends: Value) -> None:
        columns.account(m, ends)

    def may_store(self, store, checked: Value, columns: Value) -> Value:
        """Where B is resident and A kept, nothing but columns need come for a block."""
        return checked & store.columns_here.bit_select(columns, 1)

    def connect_columns(self, m: Module, loader, columns, store) -> None:
        asked = loader.rows.payload.tag
        is_vector = (asked.kind == Kind.BIAS) | (asked.kind == Kind.SCALE)
        m.d.comb += [
            columns.asks.eq(loader.rows.valid & loader.rows.ready & is_vector),
            columns.asks_set.eq(asked.columns),
            store.columns_here.eq(columns.here),
        ]

    def connect_ends(self, m: Module, store, parse) -> None:
        # A completion appears in the cycle after the end of its job.
        m.d.sync += [parse.completes.eq(store.done), parse.completes_slot.eq(store.slot)]

    def connect_outcome(self, m: Module, outcome, parse) -> None:
        m.d.comb += parse.failed.eq(outcome.done.payload.status != Status.OK)
