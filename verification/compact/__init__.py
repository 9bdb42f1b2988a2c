"""Tests of the compact machine."""
