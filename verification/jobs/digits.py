"""How ``make sim`` ends, on a bare array and on a machine."""

from collections.abc import Callable
from typing import Any

import numpy as np

from insitu.hdl.config import Config
from insitu.sim_models import digits

from . import report

__all__ = ["found", "show"]


def found(
    layers: list[dict[str, Any]],
    logits: digits.Ints,
    *,
    signed: bool,
    peak: float,
    speed: dict[str, Any],
) -> dict[str, Any]:
    """The report but for its header: a comparison with the golden network.

    Parameters
    ----------
    layers : list of dict
        What was found of each layer.
    logits : array [images][classes]
        What the hardware gave for the first images.
    signed : bool
        Which of the networks it was, see :func:`insitu.sim_models.digits.load`.
    peak : float
        Products per cycle.
    speed : dict
        ``wall_s`` and ``cycles_per_s``.
    """
    network, weights = digits.load(signed=signed)
    _, _, x, y = digits.images()
    x, y = x[: len(logits)], y[: len(logits)]
    status = report.verdict(layers)
    if not np.array_equal(logits, network.run(x, digits.golden_gemm)):
        status = "not_bit_exact"
    total = {key: sum(f[key] for f in layers) for key in ("macs", "cycles", "model_cycles")}
    counters, model_counters = (
        {name: sum(f[key][name] for f in layers) for name in layers[0][key]}
        for key in ("counters", "model_counters")
    )
    return {
        "status": status,
        "bit_exact": all(f["bit_exact"] for f in layers) and status != "not_bit_exact",
        "images": len(x),
        "accuracy": digits.accuracy(logits, y),
        "float_accuracy": digits.accuracy(digits.float_logits(weights, x)["classes"], y),
        **total,
        "utilisation": total["macs"] / (peak * total["cycles"]),
        "counters": counters,
        "model_counters": model_counters,
        "layers": layers,
        **speed,
    }


def show(
    config: Config, sim_name: str, full: dict[str, Any], told: Callable[[dict[str, int]], str]
) -> None:
    """Print a report as a table; ``told`` of the counters in all gives lines about them."""
    keys = ["layer", "m", "n", "k", "cycles", "model_cycles", "utilisation", "bit_exact"]
    report.table(
        f"Digits network on {config.name} ({sim_name})",
        keys,
        [[f[key] for key in keys] for f in full["layers"]],
    )
    report.console.print(
        f"{full['images']} images, accuracy {full['accuracy']:.4f} "
        f"(float {full['float_accuracy']:.4f}), {full['cycles']:,} cycles, "
        f"utilisation {full['utilisation']:.4f}\n"
        f"{told(full['counters'])}"
        f"{full['cycles_per_s']:,} simulated cycles per second"
    )
