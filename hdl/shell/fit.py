"""The blocks of a job: no larger than the matrix, and whether the machine takes them."""

from abc import ABC, abstractmethod

from amaranth.hdl import Module, Signal, Value

from ..arith.product import PRODUCT_LATENCY
from ..config.machine import MachineConfig

__all__ = ["BEFORE", "Fit"]

BEFORE = 4
"""Steps before the first product is begun."""
PRODUCTS = 5


class Fit(ABC):
    """Works on a job's blocks step by step.

    Parameters
    ----------
    m : Module
    config : MachineConfig
    job : View of job_layout
        Sizes and blocks are there from step 0 on; blocks are cut to the matrix, it is found whether
        they are all of it, and ``a_kept`` and ``b_kept`` come with the last steps.
    steps : Value
        ``STEPS`` bits: step n where bit n is high.

    Attributes
    ----------
    misfit : Signal
        High for some cycle if the machine does not take the blocks. A register.
    """

    # Factors, product, a register after the multiplier, which is far away; comparison.
    STEPS = BEFORE + PRODUCTS + PRODUCT_LATENCY + 3

    def __init__(self, m: Module, config: MachineConfig, job, steps: Value):
        self._m, self._config, self._job = m, config, job
        self.misfit = Signal()
        for x in "mnk":
            block = job[f"{x}_block"]
            above = Signal(name=f"{x}_above")
            m.d.sync += above.eq(job[x] < block)
            with m.If(steps[1] & above):
                m.d.sync += block.eq(job[x])
        self._judge(steps)

    @abstractmethod
    def _judge(self, steps: Value) -> None:
        """Find out about ``misfit``, what is all of its dimension, and what is kept."""
