"""Machines on boards."""
