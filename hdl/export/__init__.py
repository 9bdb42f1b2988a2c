"""Hardware as Verilog and RTLIL, for simulators, synthesis and other people's projects."""

from .verilog import Flat, design_hash, lower, to_rtlil, to_verilog, write_verilog

__all__ = ["Flat", "design_hash", "lower", "to_rtlil", "to_verilog", "write_verilog"]
