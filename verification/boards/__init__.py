"""Tests of boards and their links."""
