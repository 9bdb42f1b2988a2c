"""Synthesis: resources, clock and critical path of a unit on a device."""
