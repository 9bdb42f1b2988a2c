"""Tests of compute-in-memory tiles."""
