"""Which matrices are resident in the engine's banks, and whether a job's is."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from ...arith.divide import ceil_div_by, times
from ...config.fields import ceil_div, ceil_log2
from ...config.machine import MachineConfig
from ...config.widths import KEPT_BITS
from ...contract.job import job_layout

__all__ = ["Residents", "record_layout"]


def record_layout(config: MachineConfig) -> data.StructLayout:
    """A resident matrix: K, N, and the bank after its last one."""
    return data.StructLayout({"k": KEPT_BITS, "n": KEPT_BITS, "end": range(config.array.banks + 1)})


class Residents(wiring.Component):
    """Keeps account of the matrices B in the engine's banks, by the first bank of each.

    Block (kb, nb) of B is in bank ``bank_first + nb * ceil(K / rows) + kb``. A matrix that does not
    end within the banks, or that changes within a batch, is streamed through those from
    ``bank_first`` on. A job that loads makes every matrix that it overwrites absent as it starts,
    and its own one resident; if it fails all are absent, that of a job after it that has started
    as well. A job that does not load waits until those before it that do have ended.

    With a bank port, banks that were written through it are marked. They belong to no matrix that
    was loaded any more; but a matrix all of whose banks are marked is there, whatever its K and N.
    Loading takes the marks of the banks that it overwrites away, and failure to load all.

    Parameters
    ----------
    config : MachineConfig

    Members
    -------
    job : In(job_layout(config))
        The job to be judged: K, N, batch and bank are steady for seven cycles before what is said
        of it counts.
    resident : Out(1)
        It needs no bank twice; otherwise its B is streamed.
    depth, end : Out
        ``ceil(K / rows)`` if resident; the bank after the last one that it uses.
    waits, absent : Out(1)
        A job before it still loads; its B is not there. Two cycles after ``ended``, or later.
    starts, slot : In(1)
        The job starts, in that slot; the banks are looked through in the cycles after it.
    ended, ended_slot, failed : In(1)
        The job in that slot has ended; it failed.
    port_writes, port_bank : In
        With a bank port: that bank is being written through it; never once a job is judged.
    """

    def __init__(self, config: MachineConfig):
        self._config = config
        size = range(config.array.banks + 1)
        port: dict = {}
        if config.array.bank_port:
            port = {"port_writes": In(1), "port_bank": In(range(config.array.banks))}
        super().__init__(
            {
                "job": In(job_layout(config)),
                "resident": Out(1),
                "depth": Out(size),
                "end": Out(size),
                "waits": Out(1),
                "absent": Out(1),
                "starts": In(1),
                "slot": In(1),
                "ended": In(1),
                "ended_slot": In(1),
                "failed": In(1),
            }
            | port
        )

    def elaborate(self, platform):
        m = Module()
        tile, job = self._config.array, self.job
        banks = tile.banks
        m.submodules.records = records = memory.Memory(
            shape=record_layout(self._config), depth=1 << ceil_log2(max(2, banks)), init=[]
        )
        valid = Signal(banks)
        first = job.bank_first
        behind_it, is_inside = self._extent(m, first)

        # --- The job to be judged ---
        asks = records.read_port(domain="comb")
        found = Signal(record_layout(self._config), reset_less=True)
        is_found, loading = Signal(), Signal(2)
        m.d.comb += asks.addr.eq(first)
        m.d.sync += [found.eq(asks.data), is_found.eq(valid.bit_select(first, 1))]
        alike = Cat(job.k == found.k, job.n == found.n, is_found)
        is_there = alike.all()
        if tile.bank_port:
            # Banks of the matrix, then whether any or all of them are marked.
            marks = Signal(banks)
            its, any_marked, all_marked = Signal(banks), Signal(), Signal()
            m.d.sync += [
                its.eq(Cat((first <= n) & (behind_it > n) for n in range(banks))),
                any_marked.eq((its & marks).any()),
                all_marked.eq((~its | marks).all() & is_inside),
            ]
            is_there = Mux(any_marked, all_marked, is_there)
        loads = Signal()  # as late as what was found out about the matrix
        m.d.sync += [
            loads.eq(loading.any()),
            self.absent.eq(~job.load_b & ~is_there),
            self.waits.eq(~job.load_b & (loads | loading.any())),
        ]

        # --- What starts and ends ---
        for n in range(2):
            with m.If(self.starts & (self.slot == n)):
                m.d.sync += loading[n].eq(job.load_b)
            with m.Elif(self.ended & (self.ended_slot == n)):
                m.d.sync += loading[n].eq(0)
        # Overlapped matrices, one by one; then the new one.
        index = Signal(range(banks + 1), init=banks)
        here = Signal(range(banks), reset_less=True)
        looks, is_last, overlaps = Signal(), Signal(), Signal()
        low, high = Signal(range(banks)), Signal(range(banks + 1))
        shown = records.read_port(domain="comb")
        behind = Signal.like(high, reset_less=True)
        m.d.comb += shown.addr.eq(index)
        m.d.sync += [
            looks.eq(index != banks),
            is_last.eq(index == banks - 1),
            here.eq(index),
            behind.eq(shown.data.end),
        ]
        m.d.comb += overlaps.eq(looks & (here < high) & (behind > low))
        keeps = Signal()  # the matrix will be resident
        with m.If(self.starts & job.load_b):
            m.d.sync += [index.eq(0), low.eq(first), high.eq(self.end), keeps.eq(self.resident)]
        with m.Elif(index != banks):
            m.d.sync += index.eq(index + 1)
        writes = records.write_port()
        new = Signal(record_layout(self._config), reset_less=True)
        with m.If(self.starts):
            m.d.sync += [new.k.eq(job.k), new.n.eq(job.n), new.end.eq(self.end)]
        m.d.comb += [
            writes.en.eq(looks & is_last & keeps),
            writes.addr.eq(low),
            writes.data.eq(new),
        ]
        with m.If(self.ended & self.failed & loading.bit_select(self.ended_slot, 1)):
            m.d.sync += [valid.eq(0), keeps.eq(0)]
        with m.Else():
            for n in range(banks):
                with m.If(writes.en & (low == n)):
                    m.d.sync += valid[n].eq(1)
                with m.Elif(overlaps & (here == n)):
                    m.d.sync += valid[n].eq(0)
        if tile.bank_port:
            loses = looks & (here >= low) & (here < high)
            for n in range(banks):
                with m.If(self.port_writes & (self.port_bank == n)):
                    m.d.sync += marks[n].eq(1)
                with m.Elif(loses & (here == n)):
                    m.d.sync += marks[n].eq(0)
            with m.If(self.ended & self.failed & loading.bit_select(self.ended_slot, 1)):
                m.d.sync += marks.eq(0)
        return m

    def _extent(self, m: Module, first) -> tuple[Value, Value]:
        """Whether the job's B fits, and where it ends; in steps.

        Returns the bank after it and, for that bank, whether it is within the banks.
        """
        tile, job = self._config.array, self.job
        banks = tile.banks
        tiles, large = [], Signal(2)
        for n, (size, per_tile) in enumerate(((job.k, tile.rows), (job.n, tile.cols))):
            count = Signal(KEPT_BITS, name=f"count_{n}", reset_less=True)
            m.d.sync += count.eq(ceil_div_by(size[:KEPT_BITS], per_tile))
            m.d.sync += large[n].eq(size[KEPT_BITS:].any() | (count > banks))
            tiles.append(count[: banks.bit_length()])
        # Their product in two steps: by half of a count's bits each, then together.
        half = ceil_div(len(tiles[1]), 2)
        parts = []
        for n, bits in enumerate((tiles[1][:half], tiles[1][half:])):
            part = Signal(len(tiles[0]) + len(bits), name=f"part_{n}", reset_less=True)
            m.d.sync += part.eq(times(tiles[0], bits))
            parts.append(part)
        used = Signal(2 * banks.bit_length(), reset_less=True)
        behind = Signal(len(used) + 1, reset_less=True)
        fits, changes = Signal(), Signal()
        m.d.sync += [
            used.eq(parts[0] + (parts[1] << half)),
            behind.eq(used + first),
            changes.eq((job.batch != 1) & (job.b_batch != 0)),
            fits.eq((behind <= banks) & ~large.any() & ~changes),
        ]
        m.d.comb += [
            self.resident.eq(fits | ~job.load_b),
            self.depth.eq(tiles[0]),
            self.end.eq(Mux(fits, behind, banks)),
        ]
        return behind, ~large.any() & (behind <= banks)
