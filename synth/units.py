"""Units that can be built alone, and the pins they get on devices that need some."""

from collections.abc import Callable

from amaranth.hdl import Cat, Elaboratable, Module, Signal
from amaranth.lib import data, wiring

from insitu.hdl.arith import Accumulator, AdderTree
from insitu.hdl.arith.numbers import arithmetic
from insitu.hdl.arith.requantise import Requantise
from insitu.hdl.array import SystolicArray, a_layout, i_layout
from insitu.hdl.array.drain import RowSelect
from insitu.hdl.array.launch import LaunchSlice
from insitu.hdl.array.pe import OutputPE, WeightPE
from insitu.hdl.bus import ReadMaster, WriteMaster
from insitu.hdl.cim import CimTile
from insitu.hdl.cim.bank import Banks
from insitu.hdl.cim.column import Column
from insitu.hdl.cim.planes import Planes
from insitu.hdl.config import (
    ArrayConfig,
    CimConfig,
    Config,
    InbankConfig,
    MachineConfig,
    MeshConfig,
    NearConfig,
    SimdConfig,
    UserError,
)
from insitu.hdl.contract.job import tag_layout
from insitu.hdl.engines.near.bank_port import BankPort
from insitu.hdl.engines.registry import kind_of
from insitu.hdl.engines.simd import Gather, Lanes
from insitu.hdl.export import Flat
from insitu.hdl.machines import events, machine
from insitu.hdl.near import NearCore
from insitu.hdl.near.local import Local
from insitu.hdl.near.mesh import Tile
from insitu.hdl.operands.operand import Operand
from insitu.hdl.shell.addressing.loads import Loads
from insitu.hdl.shell.columns import Columns
from insitu.hdl.shell.control import Control
from insitu.hdl.shell.counters import Counters
from insitu.hdl.shell.loader import Loader
from insitu.hdl.shell.parse import Parse
from insitu.hdl.shell.store import Store
from insitu.hdl.shell.sums import Sums
from insitu.hdl.stream import Queue, Skid, Transpose

__all__ = ["UNITS", "Pins", "unit"]


def _word(config: ArrayConfig) -> data.StructLayout:
    return i_layout(config) if config.flow == "os" else a_layout(config)


def _pe(config: ArrayConfig) -> wiring.Component:
    if config.flow == "os":
        return OutputPE(config, config.col_group)
    return WeightPE(config, config.col_group, config.rows - 1)


ARRAY_UNITS: dict[str, Callable[[ArrayConfig], wiring.Component]] = {
    "array": SystolicArray,
    "pe": _pe,
    "dot": lambda c: arithmetic(c).dot(c, c.col_group),
    "tree": lambda c: AdderTree([c.product] * c.dot, c.dot_sum),
    "accumulator": lambda c: Accumulator(
        c.wire(c.dot_sum), c.acc_bits, flags=c.number.flags, target=c.target
    ),
    "drain": lambda c: RowSelect(c.wire(c.out_values), c.rows, 1, target=c.target),
    "launch": lambda c: LaunchSlice(_word(c), ("last",), 1, lambda head, go: ~head.last | go),
    "queue": lambda c: Queue(
        c.wire(c.out_values).width * c.cols + 1, c.queue_depth, target=c.target
    ),
    "skid": lambda c: Skid(_word(c)),
    "transpose": lambda c: Transpose(c.a.bits, c.rows),
}

MACHINE_UNITS: dict[str, Callable[[MachineConfig], wiring.Component]] = {
    "control": lambda c: Control({}, c.queue, target=c.array.target),
    "parse": Parse,
    "loader": Loader,
    "sums": Sums,
    "columns": Columns,
    "store": Store,
    "requantise": lambda c: Requantise(target=c.array.target),
    "engine": lambda c: kind_of(c.array).engine(c),
    "operand": lambda c: Operand(c, "a"),
    "reader": lambda c: ReadMaster(c.addr_bits, c.bus_bits, tag_bits=tag_layout(c).size),
    "writer": lambda c: WriteMaster(c.addr_bits, c.bus_bits, target=c.array.target),
    "counters": lambda c: Counters(events(c), 2 + c.queue, target=c.array.target),
}

CIM_UNITS: dict[str, Callable[[CimConfig], wiring.Component]] = {
    "tile": CimTile,
    "banks": Banks,
    "planes": Planes,
    "column": Column,
}


def _local(near: NearConfig, _: Config) -> wiring.Component:
    return Tile(near, False, False) if isinstance(near, MeshConfig) else Local(near, 1)


NEAR_UNITS: dict[str, Callable[[NearConfig, Config], wiring.Component]] = {
    "core": lambda near, _: NearCore(near),
    "local": _local,  # a tile of a mesh, a memory bank
    "bank_port": lambda _, config: BankPort(config.shell),
}
SIMD_UNITS: dict[str, Callable[[MachineConfig, SimdConfig], wiring.Component]] = {
    "lanes": lambda _, tile: Lanes(tile),
    "gather": lambda c, tile: Gather(c, tile.b.bits, tile.tile_cols),
    "loads": lambda c, _: Loads(c),
}

UNITS = [*ARRAY_UNITS, "machine", *MACHINE_UNITS, *CIM_UNITS, *NEAR_UNITS, *SIMD_UNITS]


def unit(name: str, config: Config) -> Flat:
    """Unit ``name`` sized by ``config``, with flat ports.

    ``UserError`` if there is none, or if it belongs to a machine and ``config`` has none.
    """
    if name not in UNITS:
        raise UserError(f"UNIT: must be one of {', '.join(UNITS)}, not {name!r}")
    if name == "machine":
        return Flat(machine(config))
    if name in CIM_UNITS:
        return Flat(CIM_UNITS[name](config.cim))
    if name in NEAR_UNITS:
        return Flat(NEAR_UNITS[name](config.core_of(MeshConfig, InbankConfig), config))
    if name in SIMD_UNITS:
        return Flat(SIMD_UNITS[name](config.shell, config.core_of(SimdConfig)))
    if name in MACHINE_UNITS:
        return Flat(MACHINE_UNITS[name](config.shell))
    return Flat(ARRAY_UNITS[name](config.array))


class Pins(Elaboratable):
    """Puts a unit with any number of ports on two pins.

    nextpnr gives every port of an iCE40 design a pin. Here all inputs come from one long shift
    register and all outputs are folded into another, so that each port of the unit still begins and
    ends at a register and nothing is optimised away.
    """

    def __init__(self, flat: Flat) -> None:
        self._flat = flat
        self.ports = {
            "serial_in": Signal(name="serial_in"),
            "serial_out": Signal(name="serial_out"),
        }

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.unit = self._flat
        inputs = Cat(*self._flat.input_ports())
        outputs = Cat(*self._flat.output_ports())
        shift = Signal(len(inputs), reset_less=True)
        fold = Signal(len(outputs), reset_less=True)
        m.d.sync += shift.eq(Cat(self.ports["serial_in"], shift))
        m.d.sync += fold.eq(Cat(fold[-1], fold) ^ outputs)
        m.d.comb += [inputs.eq(shift), self.ports["serial_out"].eq(fold[-1])]
        return m
