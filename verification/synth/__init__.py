"""Tests of synthesis, netlists and power."""
