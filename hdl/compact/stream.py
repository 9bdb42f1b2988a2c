"""Loads rows of A and streams all of B past them, set of rows by set of rows."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config.compact import CompactConfig
from .job import job_layout
from .memory import MemoryPort

__all__ = ["Stream"]


class Stream(wiring.Component):
    """Reads a word per cycle in the order in which they are needed.

    For each set of rows of A: the rows, word by word; then all columns of B, each stored as a row.
    The last word of a column waits until the sums before it are taken.

    Parameters
    ----------
    config : CompactConfig

    Members
    -------
    job : In(job_layout)
    start, stop : In(1)
        A job begins. Ends it early, until ``done``.
    done : Out(1)
        For a cycle: nothing is under way, nor with those who finish sums.
    memory : ``Out(MemoryPort(config))``
        Never writes.
    place : Out(range(k_words))
        Of the word that is asked for in its row or column.
    a_row : Out(rows)
        In the cycle after its access: the word is of that row of A.
    a_place : Out(range(k_words))
        Its place.
    a_last, b_last : Out(1)
        In the cycle after the access: it is the last word of its row, or column.
    b_valid : Out(1)
        In the cycle after its access: the word is of B.
    rows : Out(range(rows))
        Rows of the set (less one) whose last word of B came last.
    taken : In(1)
        The sums of a column are finished.
    loads, streams, products : Out
        A word of A, or of B, was accepted; products that it brings.
    """

    def __init__(self, config: CompactConfig):
        self._config = config
        rows = config.array.rows
        places = range(config.k_words)
        super().__init__(
            {
                "job": In(job_layout(config)),
                "start": In(1),
                "stop": In(1),
                "done": Out(1),
                "memory": Out(MemoryPort(config)),
                "place": Out(places),
                "a_row": Out(rows),
                "a_place": Out(places),
                "a_last": Out(1),
                "b_last": Out(1),
                "b_valid": Out(1),
                "rows": Out(range(max(2, rows))),
                "taken": In(1),
                "loads": Out(1),
                "streams": Out(1),
                "products": Out(range(rows * config.array.dot + 1)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, job, memory = self._config, self.job, self.memory
        rows, low = config.array.rows, config.word_log2
        pointer = Signal(config.addr_bits)
        # Where the next row of A, and column of B, begins.
        next_a, next_b = Signal(config.addr_bits), Signal(config.addr_bits)
        place, row = self.place, Signal(range(max(2, rows)))
        rows_left, columns_left = Signal(config.size_bits), Signal(config.size_bits)
        waits = Signal()  # the sums of a column are on their way
        here = Signal(range(max(2, rows)))  # rows of this set, less one
        last_place, last_column = Signal(), Signal()
        m.d.comb += [
            here.eq(Mux(rows_left < rows, rows_left, rows - 1)),
            last_place.eq(place == job.k[low:]),
            last_column.eq(columns_left == 0),
            memory.addr.eq(pointer),
        ]
        accepted = Signal()
        m.d.comb += accepted.eq(memory.valid & memory.ready)
        m.d.sync += [
            self.a_row.eq(Mux(self.loads, 1 << row, 0)),
            self.a_place.eq(place),
            self.a_last.eq(last_place),
            self.b_valid.eq(self.streams),
            self.b_last.eq(last_place),
        ]
        counted = Mux(last_place, job.k[:low], config.array.dot - 1) + 1
        m.d.comb += self.products.eq(counted * (here + 1))
        with m.If(self.taken):
            m.d.sync += waits.eq(0)
        with m.If(accepted):
            m.d.sync += [pointer.eq(pointer + 1), place.eq(place + 1)]
            with m.If(last_place):
                m.d.sync += place.eq(0)
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [
                    next_a.eq(job.a_addr),
                    rows_left.eq(job.m),
                    place.eq(0),
                    waits.eq(0),
                ]
                with m.If(self.start):
                    m.next = "SET"
            with m.State("SET"):
                m.d.sync += [pointer.eq(next_a), next_a.eq(next_a + job.a_stride), row.eq(0)]
                m.next = "LOAD"
            with m.State("LOAD"):
                m.d.comb += [memory.valid.eq(1), self.loads.eq(accepted)]
                m.d.sync += [columns_left.eq(job.n), next_b.eq(job.b_addr + job.b_stride)]
                with m.If(accepted & last_place):
                    m.d.sync += row.eq(row + 1)
                    with m.If(row == here):
                        m.d.sync += pointer.eq(job.b_addr)
                        m.next = "STREAM"
                    with m.Else():
                        m.d.sync += [pointer.eq(next_a), next_a.eq(next_a + job.a_stride)]
                with m.If(self.stop):
                    m.next = "END"
            with m.State("STREAM"):
                # A word is not read in the cycle in which it is written.
                m.d.comb += memory.valid.eq(~self.a_row.any() & ~(last_place & waits) & ~self.stop)
                m.d.comb += self.streams.eq(accepted)
                with m.If(accepted & last_place):
                    m.d.sync += [waits.eq(1), self.rows.eq(here)]
                    m.d.sync += [pointer.eq(next_b), next_b.eq(next_b + job.b_stride)]
                    m.d.sync += columns_left.eq(columns_left - 1)
                    with m.If(last_column):
                        m.d.sync += rows_left.eq(rows_left - rows)
                        m.next = "SET"
                        with m.If(rows_left < rows):
                            m.next = "END"
                with m.If(self.stop):
                    m.next = "END"
            with m.State("END"):
                with m.If(~waits):
                    m.d.comb += self.done.eq(1)
                    m.next = "IDLE"
        return m
