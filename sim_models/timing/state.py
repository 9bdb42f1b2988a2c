"""Registers of the timing model, as records that compiled code can share.

One record per kind of component. A FIFO is an array whose entry 0 is the oldest, so that equal
states are equal bytes; times are counted from the last look at the state, see
:mod:`insitu.sim_models.timing.replay`.
"""

from math import gcd

import numpy as np

from insitu.hdl.config import MachineConfig, UserError
from insitu.hdl.config.fields import ceil_div, ceil_log2
from insitu.hdl.config.numbers import number_of
from insitu.program.blocks import Blocks, blocks_of
from insitu.program.descriptor import Descriptor

__all__ = ["CORE", "FLIGHT", "JOB", "OPERAND", "PARAMS", "SUMS", "WALK", "A", "B", "job", "params"]

A, B, SUMS = 0, 1, 2  # of walks; A and B of operands
(STEPS_OUT, SEGMENTS, WORDS, TAKERS, PLACES_IN, PLACES, WRITTEN, CUT, RESULT, PACKED, LEAVING,
 STEPS, ROWS, DRAINED) = (
    0, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14, 15, 19, 20
)  # fmt: skip
"""Register slices of the core; takers of words are four: A, B, D, columns; those of steps walks,
and with banks what finds out where blocks are."""
VECTORS = 4  # biases and scales, after A, B, D and C
FLIGHT = 1024  # cycles ahead for which rows of sums on their way are kept
PAGE = 4096
SUMS_READ = 4  # cycles from the address of a word of sums to the word
VECTORS_AT_ONCE = 512  # in a tile and its queue
COUNTERS, PLANE_COUNTERS = 26, 2  # see docs/registers.md; those of a core that works by planes


def _fields(**groups: str) -> list[tuple]:
    """``type="name name[count] …"``."""
    found: list[tuple] = []
    for kind, names in groups.items():
        for name in names.split():
            base, _, count = name.partition("[")
            shape = (int(count[:-1]),) if count else ()
            found.append((base, kind, shape) if shape else (base, kind))
    return found


PARAMS = np.dtype(
    _fields(
        i8="""is_os rows cols dot k_per_tile credits uncounted wave lanes results a_word b_word
        b_turned_word depth[2] apart[2] in_units[6] out_units[6] unit[6] per_beat[3]
        bus_bytes longest write_queue outstanding latency memory_bursts counters banks by_planes
        skip act_bits simd kept read_pipe[2] wide_stages narrow_stages at_once[5]"""
    ),
    align=True,
)
"""Sizes. ``in_units``, ``out_units``, ``unit``: of unpackers, two for A, two for B, D, columns.

``kept``: completions that may wait for software.
``by_planes``: with banks: vectors take a cycle per bit plane, not one.
``apart``: an operand that is stored transposed has an unpacker of its own.
``read_pipe``: cycles from a read of an operand's buffer to the queue after it.
``at_once``: results that are packed in a cycle, by their bytes.
``results``: that are finished or wait for it; ``wide_stages``, ``narrow_stages``: cycles from the
address of a sum to a result of it.
"""

JOB = np.dtype(
    _fields(
        i8="""m n k m_block n_block k_block batch order a_kept b_kept a_transposed b_transposed
        bias addend scale c_bytes addr[4] stride[4] step[4] bias_addr scale_addr along[5] page[5]
        load_b ring"""
    ),
    align=True,
)
"""A descriptor. ``addr``, ``stride`` and ``step`` (of the batch) of A, B, D, C, modulo a page.

``along``: bytes of an element along the rows of A, B, D, C, and biases, in eighths; 0 where no row
of a block can cross a page, so that addresses make no difference. ``page``: where operands are
fetched by element, these make a difference in a bus word at least, so they are kept modulo that.
"""

WALK = np.dtype(
    _fields(
        i8="""taken is_taken is_prepared may_start p_less[4] p_off[4] p_place[4] p_limit p_level
        p_far p_last_far p_whole p_step less[4] off[4] place[4] at[4] now_off now_place lasts
        limit level far last_far whole step valid goes begun worked inner out words[10] count ahead
        was_taken"""
    ),
    align=True,
)

OPERAND = np.dtype(
    _fields(
        i8="""units[2] ending[2] space freed here back greatest is_now is_here looks now now_note
        room credit has_credit was_shown pipe inner out firsts lasts marks under_way"""
    ),
    align=True,
)

CORE = np.dtype(
    _fields(
        i8="""t skid[21] skid_full[21] skid_word[21] skid_spare[21] waiting took parse timer slot
        active finds checked[2] job[2] live[2] starting unsettled pending settling closing
        pause index settled_slot loader idles l_slot opens takes_set new_block step_waits
        l_left[3] l_size[3] l_first[3] l_last[3] batch_left base[3] row[3] offset[3]
        end[3] n_offset found sent f_addr f_stride f_rows f_beats f_need f_kind f_tail
        steps_room blocks[4] blocks_inner blocks_out busy roomy reserve old fetches
        room_known[2] r_addr r_stride r_rows r_beats r_need r_kind r_tail r_slot o_valid
        o_addr o_beats o_kind o_tail o_slot b_held[2] b_limited[2] b_valid[2] b_addr[2]
        b_beats[2] b_last[2] b_chunk[2] b_tag reads may_read read_when[64] read_left[64]
        read_tag[64] word word_word d_units d_ending d_left[2] fills c_units c_ending used
        set_free opened begun completed written filled half_free has_half has_d full begin
        begin_addend given is_given is_came came passed[5] is_head head_word apart head
        spare_full head_flag spare_flag w_head w_spare_full w_head_flag w_spare_flag
        complete room left gap ended may_end queued stored latched shown store s_slot begins
        begins_matrix c_base c_row c_offset s_rows_left s_cols_left slice was_stored
        frees_set idle drained block_shown is_done walking credit has_credit stages q_inner
        q_out results[64] results_head results_count pack_valid part place g_busy g_roomy
        g_reserve g_addr g_stride g_rows g_beats g_valid g_o_addr g_o_beats w_count w_stored
        w_latched w_shown w_ready
        lengths[64] length_count unclaimed answers claim awvalid beat ends completes
        end_slot kept mem_w mem_b mem_b_when[64] wait_a[2] wait_b[2] wait_sums[2]
        fresh loading holds planes is_stage[3] stage_planes[3] wait_out
        wait_inner wait_planes[8] in_room in_left tiles_here tile_comes
        placing columns_due c_lasts begun_tiles ring row_place vectors tiles_open idle_tile
        vector q_given q_addr q_beats q_given_tag q_limit q_tag
        f_skip f_along f_count f_page row_fresh frees k_pair k_turn k_begins k_first k_count
        k_credit k_roomy k_word[2] k_head[2] k_skip[2] k_stride[2] k_rows[2] k_left[2] k_along[2]
        k_beats[2] k_tail[2] k_kind[2] k_page[2] k_last[2] g_pipe[2] g_inner[2] g_out[2]
        e_active e_rest e_at e_size e_left e_slot e_last""",
        u1=f"flight[{FLIGHT}] tile_ends[{VECTORS_AT_ONCE}]",
    ),
    align=True,
)


def params(config: MachineConfig, latency: int, bursts: int) -> np.ndarray:
    """Sizes of ``config`` on a memory of that latency that takes so many bursts at once."""
    array = config.array
    wave, counters = array.wave_latency, COUNTERS + len(array.moves)
    if array.planes:
        counters += PLANE_COUNTERS
    if wave + (0 if array.banks else array.rows) >= FLIGHT:
        raise UserError(f"array.rows: must leave an array {FLIGHT} cycles long at most")
    found = np.zeros(1, PARAMS)
    p = found[0]
    p["is_os"], p["rows"], p["cols"] = array.flow == "os", array.rows, array.cols
    p["k_per_tile"], p["dot"] = array.k_per_tile, array.dot
    p["bus_bytes"], p["longest"] = config.bus_bytes, min(config.burst, PAGE // config.bus_bytes)
    p["write_queue"] = 1 << ceil_log2(2 * config.burst + 3)
    p["outstanding"], p["lanes"] = config.outstanding, config.lanes
    number = number_of(array)
    p["results"] = number.results
    for size in (1, 2, 4):
        p["at_once"][size] = min(config.lanes, config.bus_bytes // size)
    p["wide_stages"], p["narrow_stages"] = (
        SUMS_READ + cycles for cycles in number.finishing(array)
    )
    p["wave"], p["counters"] = wave, counters
    p["banks"], p["by_planes"] = array.banks, array.planes > 0
    if array.planes:
        p["skip"], p["act_bits"] = array.skip, array.planes
    p["simd"], p["kept"] = config.array.addressing.by_element, config.queue
    p["uncounted"] = {1: 2, 2: 1}.get(array.rows, 0) * array.rows
    p["credits"] = array.credits
    p["a_word"], p["b_word"] = config.a_word, config.b_word
    p["b_turned_word"] = config.b_turned_word
    # Wide words are turned in two cycles; see `hdl/operands/skewed.py`.
    lanes = (config.a_word, max(config.b_word, config.b_turned_word))
    p["read_pipe"] = [7 if count > 16 else 6 for count in lanes]
    per_beat = (config.a_per_beat, config.b_per_beat, config.bus_bits // 32)
    p["per_beat"] = per_beat
    p["depth"] = (config.a_words, config.b_words)
    p["latency"], p["memory_bursts"] = latency, bursts
    words = (config.a_word, config.a_word, config.b_word, config.b_turned_word, array.cols,
             config.lanes)  # fmt: skip
    taken = (per_beat[0], per_beat[0], per_beat[1], per_beat[1], per_beat[2], per_beat[2])
    for n, (wide, narrow) in enumerate(zip(taken, words, strict=True)):
        unit = 1 if config.array.addressing.by_element else gcd(wide, narrow)
        p["unit"][n], p["in_units"][n], p["out_units"][n] = unit, wide // unit, narrow // unit
    p["apart"] = [0, config.b_word != config.b_turned_word]
    return found


def job(config: MachineConfig, given: Descriptor) -> tuple:
    """A record of ``JOB``."""
    blocks = blocks_of(config, given)
    found = np.zeros(1, JOB)
    j = found[0]
    for name in ("m", "n", "k", "batch", "order", "a_transposed", "b_transposed", "addend"):
        j[name] = getattr(given, name)
    j["m_block"], j["n_block"], j["k_block"] = blocks.m, blocks.n, blocks.k
    j["a_kept"], j["b_kept"] = blocks.a_kept, blocks.b_kept
    j["bias"], j["c_bytes"] = given.has_bias, given.c_bytes
    j["load_b"], j["ring"] = given.load_b, blocks.ring
    j["scale"] = given.column_scale and not given.wide
    a, b, c = config.array.a.bits, config.array.b.bits, 8 * given.c_bytes
    along = {
        "a": (given.m, blocks.m, a) if given.a_transposed else (given.k, blocks.k, a),
        "b": (given.k, blocks.k, b) if given.b_transposed else (given.n, blocks.n, b),
        "d": (given.n, blocks.n, 32),
        "c": (given.n, blocks.n, c),
    }
    if config.array.addressing.by_element:
        _by_element(config, given, blocks, j)
        return found[0]
    for n, x in enumerate("abdc"):
        steps = getattr(given, x), getattr(given, f"{x}_stride"), getattr(given, f"{x}_batch")
        if (x != "d" or given.addend) and _crosses(steps, *along[x], given.batch):
            j["addr"][n], j["stride"][n], j["step"][n] = (step % PAGE for step in steps)
            j["along"][n] = along[x][2]
    vectors = [given.bias] * given.has_bias + [given.scales] * int(j["scale"])
    if any(_crosses((start, 0, 0), given.n, blocks.n, 32, 1) for start in vectors):
        j["bias_addr"], j["scale_addr"] = given.bias % PAGE, given.scales % PAGE
        j["along"][VECTORS] = 32
    return found[0]


def _by_element(config: MachineConfig, given: Descriptor, blocks: Blocks, j: np.void) -> None:
    """Addresses, where each access is one element, or begins at any."""
    bits = {"a": config.array.a.bits, "b": config.array.b.bits, "d": 32, "c": 8 * given.c_bytes}
    along = {"d": (given.n, blocks.n), "c": (given.n, blocks.n)}
    along["a"] = (given.m, blocks.m) if given.a_transposed else (given.k, 1)
    along["b"] = (given.k, 1) if given.b_transposed else (given.n, blocks.n)
    for n, x in enumerate("abdc"):
        steps = getattr(given, x), getattr(given, f"{x}_stride"), getattr(given, f"{x}_batch")
        j["along"][n] = bits[x]
        crosses = along[x][1] > 1 and _crosses(steps, *along[x], bits[x], given.batch)
        # Blocks of half bytes need not begin at a whole one.
        crosses |= along[x][1] > 1 and along[x][1] * bits[x] % 8 != 0
        page = j["page"][n] = PAGE if crosses else config.bus_bytes
        j["addr"][n], j["stride"][n], j["step"][n] = (step % page for step in steps)
    j["along"][VECTORS] = 32
    vectors = [given.bias] * given.has_bias + [given.scales] * int(j["scale"])
    crosses = any(_crosses((start, 0, 0), given.n, blocks.n, 32, 1) for start in vectors)
    j["page"][VECTORS] = page = PAGE if crosses else config.bus_bytes
    j["bias_addr"], j["scale_addr"] = given.bias % page, given.scales % page


def _crosses(steps: tuple[int, int, int], size: int, block: int, bits: int, batch: int) -> bool:
    """Whether a row of a block can cross a page; where none can, addresses make no difference.

    ``steps``: address, stride, batch stride. ``size`` elements along a row, ``block`` at a time.
    """
    length = ceil_div(block * bits, 8)
    strides = [*steps[:2], steps[2] if batch > 1 else 0, length if block < size else 0]
    return length > gcd(*strides, PAGE)
