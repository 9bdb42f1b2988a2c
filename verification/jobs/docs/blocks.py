"""Tables of docs/blocks.md, from what is proved and from the blocks themselves: ``make docs``."""

from insitu.hdl.arith.product import PRODUCT_LATENCY
from insitu.hdl.arith.requantise import Requantise
from insitu.hdl.config import ArrayConfig
from insitu.hdl.support.cli import main
from insitu.synth.docs import update

from ...formal.proofs import BOUNDS
from ...simulators import ROOT

__all__ = ["PAGE", "arith", "streams"]

PAGE = ROOT / "docs" / "blocks.md"
STREAMS = {
    "skid": ("`Skid`", "words of 2 bits"),
    "queue": ("`Queue`", "depth 4"),
    "widen": ("`Widen`", "3 words into one"),
    "narrow": ("`Narrow`", "one word into 3"),
    "transpose-3": ("`Transpose`", "3 × 3"),
}


def streams() -> str:
    """Latency and room of stream blocks."""
    lines = ["| block | as proved | cycles | words inside |", "|---|---|--:|--:|"]
    for proof, cells in STREAMS.items():
        bounds = BOUNDS[proof]
        lines.append(f"| {' | '.join(cells)} | {bounds['latency']} | {bounds['capacity']} |")
    return "\n".join(lines)


def arith() -> str:
    """Latency of what has no handshake."""
    rows: list[tuple[str, str, str | int]] = [
        ("`Requantise`", "an 8-bit element of a sum", Requantise.LATENCY),
        ("`product`", "a product that one DSP is wide enough for", PRODUCT_LATENCY),
        ("`AdderTree`", "the sum of n numbers, a register per level", "⌈log₂ n⌉"),
    ]
    for target, multiplier, what in (
        ("ecp5", "dsp", "products of an activation and a weight per column: MULT18X18D"),
        ("ice40", "dsp", "the same: SB_MAC16"),
        ("generic", "inferred", "the same: a plain `*`"),
        ("generic", "lut", "the same, int8: Booth digits in LUTs"),
    ):
        array = ArrayConfig(
            "os", 2, 2, zero_points=target != "ice40", target=target, multiplier=multiplier
        )
        kind = f"`Multipliers`, {target} {multiplier}"
        rows.append((kind, what, array.multiplier_latency))
    lines = ["| block | result | cycles |", "|---|---|--:|"]
    return "\n".join(lines + [f"| {' | '.join(map(str, row))} |" for row in rows])


def job() -> int:
    update(PAGE, "streams", streams())
    update(PAGE, "arith", arith())
    return 0


if __name__ == "__main__":
    main(job)
