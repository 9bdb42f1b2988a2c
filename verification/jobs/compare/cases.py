"""What `make compare` runs: GEMMs in RTL, networks and sizes of machines by the models."""

__all__ = ["CASES", "NETWORKS", "PEAKS"]

CASES = {
    "cube-16": "16 × 16 × 16",
    "cube-32": "32 × 32 × 32",
    "cube-64": "64 × 64 × 64",
    "gemv": "1 × 256 × 256",
    "vectors": "16 vectors, one after the other, by the same 32 × 32 weights",
    "digits": "the digits network",
    "bert-layer": "a layer of BERT-base, every size an eighth",
}

NETWORKS = {
    "resnet50": "ResNet-50",
    "bert-base": "BERT-base",
    "gpt2-small": "GPT-2 small",
    "palm-540b-layer": "a layer of PaLM 540B",
}
PEAKS = tuple(4**n for n in range(3, 9))
"""Products per cycle: of arrays from 8 × 8 to 256 × 256."""
