"""Reusable bench classes: drivers, monitors, checkers, and RTL-side sources and sinks."""
