"""Tests of systolic arrays."""
