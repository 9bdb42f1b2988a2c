"""B in banks that an AXI slave reads and writes as well."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from ...contract.engine import bank_axi
from .banked import Banked
from .residents import Residents

__all__ = ["Ported"]


class Ported(Banked):
    """What was written through the port belongs to no matrix that was loaded."""

    def machine_ports(self) -> dict[str, Any]:
        return {"s_axi": In(bank_axi(self._config))}

    def capabilities(self) -> dict[str, int]:
        return {"bank_port": 1}

    def parse_ports(self) -> dict[str, Any]:
        return super().parse_ports() | {
            "port_writes": 1,
            "port_bank": range(self._config.array.banks),
        }

    def _tell(self, m: Module, parse, residents: Residents) -> None:
        m.d.comb += [
            residents.port_writes.eq(parse.port_writes),
            residents.port_bank.eq(parse.port_bank),
        ]

    def connect_engine(self, m: Module, machine, engine, control, parse) -> None:
        wiring.connect(m, wiring.flipped(machine.s_axi), engine.s_axi)
        m.d.sync += [
            engine.port_busy.eq(control.waiting | control.busy),
            parse.port_writes.eq(engine.port_writes),
            parse.port_bank.eq(engine.port_bank),
        ]
