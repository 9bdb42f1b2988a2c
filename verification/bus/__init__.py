"""Tests of bus masters."""
