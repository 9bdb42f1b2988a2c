"""Whether a job's blocks fit the register tile, where operands are fetched by element."""

from amaranth.hdl import Cat, Signal, Value

from ..fit import Fit

__all__ = ["ElementFit"]


class ElementFit(Fit):
    """Nothing is kept, and a block begins anywhere."""

    def _judge(self, steps: Value) -> None:
        m, job, core = self._m, self._job, self._config.array
        m.d.sync += [job[f"{x}_whole"].eq(job[x] == job[f"{x}_block"]) for x in "mnk"]
        wide = Signal(2)
        m.d.sync += wide.eq(Cat(job.m_block > core.rm, job.n_block > core.tile_cols))
        m.d.sync += self.misfit.eq(steps[4] & wide.any())
        m.d.sync += [job.a_kept.eq(0), job.b_kept.eq(0)]
