"""Tests of what all machines share."""
