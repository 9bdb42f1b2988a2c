"""Tests of whole machines."""
