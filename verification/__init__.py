"""Verification: simulators, reusable bench classes, cocotb tests and their pytest launchers."""
