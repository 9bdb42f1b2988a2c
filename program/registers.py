"""Register addresses and fields. Written from hdl/shell/registers.rdl, by `make docs`."""

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple


class Field(NamedTuple):
    """Bits ``low`` up, ``bits`` of them."""

    low: int
    bits: int


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


@dataclass(frozen=True)
class Counters:
    """Of one descriptor, see ``counter_names``; 0 is what a machine does not count."""

    cycles: int = 0
    a_elements: int = 0
    a_words: int = 0
    b_elements: int = 0
    b_words: int = 0
    d_elements: int = 0
    d_words: int = 0
    column_elements: int = 0
    column_words: int = 0
    c_elements: int = 0
    c_words: int = 0
    sums_begun: int = 0
    sums_written: int = 0
    sums_read: int = 0
    sums_stored: int = 0
    busy: int = 0
    wait_a: int = 0
    wait_b: int = 0
    wait_sums: int = 0
    macs: int = 0
    nonzero_macs: int = 0
    a_written: int = 0
    a_read: int = 0
    b_written: int = 0
    b_read: int = 0
    weight_rows: int = 0
    planes: int = 0
    planes_skipped: int = 0
    weights_read: int = 0
    weights_written: int = 0
    a_hops: int = 0
    sum_hops: int = 0
    weight_hops: int = 0
    a_broadcast: int = 0


def counter_names(engine: int) -> tuple[str, ...]:
    """Counters of an engine in the order of the words ``COUNTERS``."""
    common = (
        "cycles",
        "a_elements",
        "a_words",
        "b_elements",
        "b_words",
        "d_elements",
        "d_words",
        "column_elements",
        "column_words",
        "c_elements",
        "c_words",
        "sums_begun",
        "sums_written",
        "sums_read",
        "sums_stored",
        "busy",
        "wait_a",
        "wait_b",
        "wait_sums",
        "macs",
        "nonzero_macs",
        "a_written",
        "a_read",
        "b_written",
        "b_read",
        "weight_rows",
    )
    own: dict[int, tuple[str, ...]] = {
        2: (
            "planes",
            "planes_skipped",
        ),
        6: (
            "weights_read",
            "weights_written",
            "a_hops",
            "sum_hops",
            "weight_hops",
        ),
        7: (
            "weights_read",
            "weights_written",
            "a_broadcast",
        ),
    }
    return (*common, *own.get(engine, ()))


ID = 0x000
ID_VALUE = Field(0, 32)
VERSION = 0x004
VERSION_MINOR = Field(0, 16)
VERSION_MAJOR = Field(16, 16)
CONFIG_HASH = 0x008
CONFIG_HASH_VALUE = Field(0, 32)
CAPABILITIES = 0x00C
CAPABILITIES_ENGINE = Field(0, 4)
CAPABILITIES_ZERO_POINTS = Field(4, 1)
CAPABILITIES_A_TRANSPOSED = Field(5, 1)
CAPABILITIES_B_TRANSPOSED = Field(6, 1)
CAPABILITIES_REQUANTISE = Field(7, 1)
CAPABILITIES_COLUMN_SCALE = Field(8, 1)
CAPABILITIES_ADDEND = Field(9, 1)
CAPABILITIES_A_BITS = Field(11, 5)
CAPABILITIES_B_BITS = Field(16, 5)
CAPABILITIES_QUEUE = Field(21, 4)
CAPABILITIES_WORD_LOG2 = Field(25, 3)
CAPABILITIES_SHORT_COUNTERS = Field(28, 1)
CAPABILITIES_A_EITHER_SIGN = Field(29, 1)
CAPABILITIES_BANK_PORT = Field(30, 1)
CAPABILITIES_BINARY32 = Field(31, 1)
GEOMETRY = 0x010
GEOMETRY_ROWS = Field(0, 10)
GEOMETRY_COLS = Field(10, 10)
GEOMETRY_DOT = Field(20, 8)
MAX_K = 0x014
MAX_K_VALUE = Field(0, 32)
BUFFER_A = 0x018
BUFFER_A_BYTES = Field(0, 32)
BUFFER_B = 0x01C
BUFFER_B_BYTES = Field(0, 32)
BUFFER_C = 0x020
BUFFER_C_BYTES = Field(0, 32)
BANKS = 0x024
BANKS_COUNT = Field(0, 11)
PROFILE = 0x028
PROFILE_B_TRANSPOSED_ONLY = Field(0, 1)
PROFILE_SMALL = Field(1, 1)
PROFILE_A_UNSIGNED = Field(2, 1)
PROFILE_B_UNSIGNED = Field(3, 1)
PROFILE_A_FORMAT = Field(4, 4)
PROFILE_B_FORMAT = Field(8, 4)
SUMS = 0x02C
SUMS_BITS = Field(0, 6)
SUMS_BITS_HIGH = Field(6, 2)
N_MAX = 0x030
N_MAX_VALUE = Field(0, 32)
STATUS = 0x040
STATUS_WAITING = Field(0, 4)
STATUS_COMPLETIONS = Field(4, 4)
STATUS_BUSY = Field(8, 1)
STATUS_DROPPED = Field(9, 1)
CONTROL = 0x044
CONTROL_ABORT = Field(0, 1)
IRQ_STATUS = 0x048
IRQ_STATUS_COMPLETED = Field(0, 1)
IRQ_STATUS_FAILED = Field(1, 1)
IRQ_MASK = 0x04C
IRQ_MASK_COMPLETED = Field(0, 1)
IRQ_MASK_FAILED = Field(1, 1)
DOORBELL = 0x050
DOORBELL_TAG = Field(0, 16)
COMPLETION = 0x054
COMPLETION_TAG = Field(0, 16)
COMPLETION_STATUS = Field(16, 8)
COMPLETION_VALID = Field(31, 1)
COMPLETION_POP = 0x058
COMPLETION_POP_POP = Field(0, 1)
DESCRIPTOR_FLAGS = 0x100
DESCRIPTOR_FLAGS_VERSION = Field(0, 8)
DESCRIPTOR_FLAGS_A_TRANSPOSED = Field(8, 1)
DESCRIPTOR_FLAGS_B_TRANSPOSED = Field(9, 1)
DESCRIPTOR_FLAGS_A_SIGNED = Field(10, 1)
DESCRIPTOR_FLAGS_B_SIGNED = Field(11, 1)
DESCRIPTOR_FLAGS_BIAS = Field(12, 1)
DESCRIPTOR_FLAGS_ADDEND = Field(13, 1)
DESCRIPTOR_FLAGS_FORMAT = Field(14, 2)
DESCRIPTOR_FLAGS_COLUMN_SCALE = Field(16, 1)
DESCRIPTOR_FLAGS_ORDER = Field(17, 1)
DESCRIPTOR_FLAGS_LOAD_B = Field(18, 1)
DESCRIPTOR_FLAGS_BINARY32 = Field(19, 1)
DESCRIPTOR_FLAGS_FORMAT_HIGH = Field(20, 1)
DESCRIPTOR_FLAGS_SATURATES = Field(21, 1)
DESCRIPTOR_M = 0x104
DESCRIPTOR_M_VALUE = Field(0, 32)
DESCRIPTOR_N = 0x108
DESCRIPTOR_N_VALUE = Field(0, 32)
DESCRIPTOR_K = 0x10C
DESCRIPTOR_K_VALUE = Field(0, 32)
DESCRIPTOR_A_LOW = 0x110
DESCRIPTOR_A_LOW_VALUE = Field(0, 32)
DESCRIPTOR_A_HIGH = 0x114
DESCRIPTOR_A_HIGH_VALUE = Field(0, 32)
DESCRIPTOR_A_STRIDE = 0x118
DESCRIPTOR_A_STRIDE_VALUE = Field(0, 32)
DESCRIPTOR_B_LOW = 0x11C
DESCRIPTOR_B_LOW_VALUE = Field(0, 32)
DESCRIPTOR_B_HIGH = 0x120
DESCRIPTOR_B_HIGH_VALUE = Field(0, 32)
DESCRIPTOR_B_STRIDE = 0x124
DESCRIPTOR_B_STRIDE_VALUE = Field(0, 32)
DESCRIPTOR_C_LOW = 0x128
DESCRIPTOR_C_LOW_VALUE = Field(0, 32)
DESCRIPTOR_C_HIGH = 0x12C
DESCRIPTOR_C_HIGH_VALUE = Field(0, 32)
DESCRIPTOR_C_STRIDE = 0x130
DESCRIPTOR_C_STRIDE_VALUE = Field(0, 32)
DESCRIPTOR_D_LOW = 0x134
DESCRIPTOR_D_LOW_VALUE = Field(0, 32)
DESCRIPTOR_D_HIGH = 0x138
DESCRIPTOR_D_HIGH_VALUE = Field(0, 32)
DESCRIPTOR_D_STRIDE = 0x13C
DESCRIPTOR_D_STRIDE_VALUE = Field(0, 32)
DESCRIPTOR_BIAS_LOW = 0x140
DESCRIPTOR_BIAS_LOW_VALUE = Field(0, 32)
DESCRIPTOR_BIAS_HIGH = 0x144
DESCRIPTOR_BIAS_HIGH_VALUE = Field(0, 32)
DESCRIPTOR_SCALE = 0x148
DESCRIPTOR_SCALE_VALUE = Field(0, 32)
DESCRIPTOR_SCALE_HIGH = 0x14C
DESCRIPTOR_SCALE_HIGH_VALUE = Field(0, 32)
DESCRIPTOR_ZEROS = 0x150
DESCRIPTOR_ZEROS_A = Field(0, 16)
DESCRIPTOR_ZEROS_B = Field(16, 16)
DESCRIPTOR_CLAMP = 0x154
DESCRIPTOR_CLAMP_ZERO = Field(0, 10)
DESCRIPTOR_CLAMP_LOW = Field(10, 10)
DESCRIPTOR_CLAMP_HIGH = Field(20, 10)
DESCRIPTOR_M_BLOCK = 0x158
DESCRIPTOR_M_BLOCK_VALUE = Field(0, 16)
DESCRIPTOR_N_BLOCK = 0x15C
DESCRIPTOR_N_BLOCK_VALUE = Field(0, 16)
DESCRIPTOR_K_BLOCK = 0x160
DESCRIPTOR_K_BLOCK_VALUE = Field(0, 16)
DESCRIPTOR_BATCH = 0x164
DESCRIPTOR_BATCH_VALUE = Field(0, 32)
DESCRIPTOR_A_BATCH = 0x168
DESCRIPTOR_A_BATCH_VALUE = Field(0, 32)
DESCRIPTOR_B_BATCH = 0x16C
DESCRIPTOR_B_BATCH_VALUE = Field(0, 32)
DESCRIPTOR_C_BATCH = 0x170
DESCRIPTOR_C_BATCH_VALUE = Field(0, 32)
DESCRIPTOR_D_BATCH = 0x174
DESCRIPTOR_D_BATCH_VALUE = Field(0, 32)
DESCRIPTOR_BANK_FIRST = 0x178
DESCRIPTOR_BANK_FIRST_VALUE = Field(0, 16)
DESCRIPTOR_RESERVED = 0x17C
DESCRIPTOR_RESERVED_COUNT = 4
DESCRIPTOR_RESERVED_VALUE = Field(0, 32)
COUNTERS = 0x200
COUNTERS_COUNT = 128
COUNTERS_VALUE = Field(0, 32)
