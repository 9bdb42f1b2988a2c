"""Tests of how the project is built: folders, imports, the package."""
