"""Tests of the commands, as their users type them."""
