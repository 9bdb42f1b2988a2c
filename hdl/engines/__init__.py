"""Engines: what does a machine's arithmetic, one per rung of the ladder."""
