"""What the parts of a machine tell each other: a job, its steps, its blocks of C."""

from enum import IntEnum

from amaranth.hdl import Mux, signed, unsigned
from amaranth.lib import data

from ..config.machine import MachineConfig
from ..config.numbers import number_of
from ..config.widths import BLOCK_BITS

__all__ = [
    "TIME_BITS",
    "Kind",
    "Status",
    "block_layout",
    "job_layout",
    "of_job",
    "step_layout",
    "tag_layout",
    "word_layout",
]

TIME_BITS = 48
"""Of a count of cycles."""


class Status(IntEnum):
    """How a descriptor ended."""

    OK = 0
    BAD_SHAPE = 1
    MISALIGNED = 2
    UNSUPPORTED = 3
    BAD_SCALE = 4
    BUS_ERROR = 5
    NOT_RESIDENT = 6
    ABORTED = 7


class Kind(IntEnum):
    """What a word from memory is."""

    A = 0
    B = 1
    D = 2
    BIAS = 3
    SCALE = 4


def tag_layout(config: MachineConfig) -> data.StructLayout:
    """What comes back with each word from memory.

    ``kind``, the job's ``slot``, ``tail``: how many elements of the row's last word count.
    ``columns``: set of biases and scales. ``end``: it is the block's last row. Where operands are
    fetched by element: of the row's first word the first ``skip`` elements do not count; ``end``:
    nothing follows for this k.
    """
    most = config.bus_bits // min(config.array.a.bits, config.array.b.bits)
    fields: dict = {"kind": Kind, "slot": 1, "columns": 1, "tail": range(most + 1), "end": 1}
    if config.array.addressing.by_element:
        fields["skip"] = range(most)
    return data.StructLayout(fields)


def word_layout(config: MachineConfig) -> data.StructLayout:
    """A word of a row from memory; ``last``: no word of the row follows."""
    return data.StructLayout({"data": config.bus_bits, "last": 1, "tag": tag_layout(config)})


MATRICES = ("a", "b", "c", "d")


def job_layout(config: MachineConfig) -> data.StructLayout:
    """A descriptor, checked: constant from its start to its completion.

    ``posted``: cycle of its doorbell. Sizes in elements, addresses, strides and batch strides in
    bytes, ``*_block`` sizes of a block as they are used, ``*_whole`` if that is all of it.
    ``a_kept``: the rows of A of a block row fit their buffer, and ``b_kept`` the columns of B; the
    one that the loops need is loaded once.
    ``format`` as in the register map; of floating-point numbers with ``format_high`` as its third
    bit, and ``saturates``. With banks: ``resident``: B needs no bank twice, otherwise it
    is streamed through them; ``b_depth``: banks along K, ``b_end``: after the last one.
    """
    address = unsigned(config.addr_bits)
    fields: dict = {"tag": 16, "posted": TIME_BITS}
    for size in "mnk":
        fields |= {size: unsigned(32), f"{size}_block": unsigned(BLOCK_BITS), f"{size}_whole": 1}
    for x in MATRICES:
        fields |= {f"{x}_addr": address, f"{x}_stride": unsigned(32), f"{x}_batch": unsigned(32)}
    fields |= {
        "batch": unsigned(32),
        "bias_addr": address,
        "scale_addr": address,
        "scale": unsigned(32),
        "a_transposed": 1,
        "b_transposed": 1,
        "a_signed": 1,
        "b_signed": 1,
        "bias": 1,
        "addend": 1,
        "format": number_of(config.array).format_bits,
        "column_scale": 1,
        "binary32": 1,
        "order": 1,
        "a_kept": 1,
        "b_kept": 1,
        "a_zero": unsigned(config.array.a.bits),
        "b_zero": unsigned(config.array.b.bits),
        "zero": signed(9),
        "low": signed(9),
        "high": signed(9),
    }
    fields |= dict.fromkeys(number_of(config.array).job_flags, 1)
    if banks := config.array.banks:
        fields |= {
            "load_b": 1,
            "resident": 1,
            "bank_first": range(banks),
            "b_depth": range(banks + 1),
            "b_end": range(banks + 1),
        }
    return data.StructLayout(fields)


def of_job(jobs, slot, name: str):
    """Field ``name`` of the job in ``slot``."""
    return Mux(slot, jobs[1][name], jobs[0][name])


def step_layout(config: MachineConfig) -> data.StructLayout:
    """One step of the block loops, for the engine: block sizes in elements, from 1.

    ``slot``: whose job. ``first``, ``last``: of the steps along K. ``a_keep``, ``b_keep``: the
    operand's block is needed again, by the next row of steps along K; otherwise it is given up.
    ``flush``: the job ends with this step, and all that was kept for it is given up.
    ``addend``: sums begin at D rather than at 0. With banks: ``load``: its block of B comes;
    ``begins``: the job's first step; ``m_first``, ``n_first``: no block came before along M, or N.
    """
    size = unsigned(BLOCK_BITS)
    fields: dict = {"slot": 1, "m": size, "n": size, "k": size}
    flags = ["first", "last", "a_keep", "b_keep", "flush", "addend"]
    if config.array.banks:
        flags += ["load", "begins", "m_first", "n_first"]
    return data.StructLayout(fields | dict.fromkeys(flags, 1))


def block_layout() -> data.StructLayout:
    """One block of C, for what stores it: sizes in elements, from 1.

    ``columns``: set of biases and scales. ``frees``: this is the last block that needs that set.
    ``last_m``, ``last_n``: no block follows along that dimension. ``final``: the job's last one.
    """
    size = unsigned(BLOCK_BITS)
    return data.StructLayout(
        {
            "slot": 1,
            "m": size,
            "n": size,
            "columns": 1,
            "frees": 1,
            "last_m": 1,
            "last_n": 1,
            "final": 1,
        }
    )
