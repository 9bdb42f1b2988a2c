"""Tests of exported Verilog and of the examples that use it."""
