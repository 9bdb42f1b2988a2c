"""Tests of meshes and of memory banks that compute."""
