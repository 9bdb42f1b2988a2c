"""Tests of what feeds a core."""
