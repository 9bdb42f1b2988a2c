"""Proofs: contracts of the stream blocks, checked by SymbiYosys."""
