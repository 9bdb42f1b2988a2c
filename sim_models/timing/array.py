"""Cycles of the array in closed form, equal to the hardware's without stalls."""

from collections.abc import Sequence

from insitu.hdl.config import ArrayConfig

__all__ = ["array_cycles", "array_latency", "weight_load"]


def array_latency(config: ArrayConfig) -> int:
    """L of the cycle formulas: cycles from an accepted beat to the last row it completes, less one.

    WS: register slice, launch register, wavefront, output queue. OS: the same, and the ``rows - 1``
    rows after the first one.
    """
    rest = config.rows - 1 if config.flow == "os" else 0
    return config.SLICE_LATENCY + config.wave_latency + config.QUEUE_LATENCY + rest


def weight_load(config: ArrayConfig) -> int:
    """WS: cycles by which the first vector waits for the first weight set, both offered at once."""
    return config.rows if config.flow == "ws" else 0


def array_cycles(config: ArrayConfig, tiles: Sequence[int]) -> int:
    """Cycles from first accepted input beat to last accepted ``o`` beat, tiles back to back.

    Without stalls on either side.

    Parameters
    ----------
    config : ArrayConfig
    tiles : sequence of int
        Input beats of each tile, at least 1: OS ⌈K/dot⌉; WS vectors per weight set.

    Returns
    -------
    int
        For T equal tiles of n beats: (T - 1)·max(n, rows) + n + L, and ``rows`` more for the first
        weight set of WS; see ``docs/array.md``.
    """
    if not tiles or min(tiles) < 1:
        raise ValueError(f"tiles must be one or more positive beat counts, not {list(tiles)}")
    # OS: tile ends are at least `rows` apart. WS: tile starts are, as a weight set takes `rows`.
    starts = tiles[1:] if config.flow == "os" else tiles[:-1]
    apart = sum(max(beats, config.rows) for beats in starts)
    alone = tiles[0] if config.flow == "os" else tiles[-1]
    return apart + alone + array_latency(config) + weight_load(config)
