"""The analog sibling of the compute-in-memory tile: noisy cells and columns, coarse converters.

A bit of a weight is a cell that conducts 1 if it is on and ``1 / on_off`` if it is off, each with
an error of its own that stays. A bit plane of activations opens the cells' rows; what the open
cells of a column conduct adds up, with an error that is new each time, and a converter reads it:
clipped, rounded to its step. The digital tile's converter does the same without errors.
"""

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from insitu.hdl.config import CimConfig, UserError

__all__ = ["Analog", "Noise"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Noise:
    """Errors of cells and columns.

    Parameters
    ----------
    sigma_cell : float
        Standard deviation of a cell's conductance, of that of a cell that is on; 0 or more.
    sigma_out : float
        The same of what a converter sees, in cells that are on; 0 or more.
    on_off : float
        How many times a cell conducts when on of what it does when off; above 1.
    seed : int

    Raises
    ------
    UserError
        For a value out of range.
    """

    sigma_cell: float = 0.0
    sigma_out: float = 0.0
    on_off: float = inf
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("sigma_cell", "sigma_out"):
            if not 0 <= getattr(self, name) < inf:
                raise UserError(f"{name}: must be 0 or more, not {getattr(self, name)}")
        if not self.on_off > 1:
            raise UserError(f"on_off: must be above 1, not {self.on_off}")


class Analog:
    """A matrix B in the cells of as many tiles as it needs.

    Parameters
    ----------
    tile : CimConfig
        With ``adc_bits``; its rows, groups of rows per converter, clip and step.
    b : integers, K×N
    noise : Noise

    Raises
    ------
    UserError
        If the tile has no converter.
    ValueError
        If B is not in the tile's format.
    """

    def __init__(self, tile: CimConfig, b: Ints, noise: Noise) -> None:
        values = tile.weight.values
        if b.min() < values.lo or b.max() > values.hi:
            raise ValueError(f"B must be {tile.weight_format}")
        if not tile.adc_bits:
            raise UserError("cim.adc_bits: must be 1 to 16 for the analog model, not 0")
        self._tile, self._noise = tile, noise
        self._rng = np.random.default_rng(noise.seed)
        bits = (b[None] >> np.arange(tile.weight.bits)[:, None, None]) & 1
        off = 1 / noise.on_off
        errors = noise.sigma_cell * self._rng.standard_normal(bits.shape)
        # By slice: what each cell conducts.
        self._cells: Floats = np.where(bits == 1, 1.0, off) + errors
        starts = [
            tile_start + start
            for tile_start in range(0, len(b), tile.rows)
            for start in np.cumsum([0, *tile.groups[:-1]])
        ]
        self._groups = [
            slice(start, min(start + size, len(b), (start // tile.rows + 1) * tile.rows))
            for start, size in zip(starts, tile.groups * -(-len(b) // tile.rows), strict=True)
            if start < len(b)
        ]

    def _read(self, seen: Floats) -> Floats:
        """What converters make of ``seen``, in cells that are on; halves up."""
        step = 1 << self._tile.adc_shift
        if self._noise.sigma_out:
            seen = seen + self._noise.sigma_out * self._rng.standard_normal(seen.shape)
        clipped = np.clip(seen, 0, self._tile.clip)
        return np.floor(clipped / step + 0.5) * step

    def gemm(self, a: Ints, planes: int, signed: bool) -> Ints:
        """A · B as the cells give it.

        Parameters
        ----------
        a : integers, M×K
        planes : int
            Bits of A that count, 1 to 16; the highest is the sign if ``signed``.

        Returns
        -------
        M×N int64: codes of the converters, weighed and added up.

        Raises
        ------
        ValueError
            If ``planes`` is out of range.
        """
        if not 1 <= planes <= 16:
            raise ValueError(f"planes must be from 1 to 16, not {planes}")
        tile = self._tile
        total = np.zeros((len(a), self._cells.shape[2]))
        for plane in range(planes):
            gates = (a >> plane & 1).astype(np.float64)
            sign = -1 if signed and plane == planes - 1 else 1
            for n, cells in enumerate(self._cells):
                weight = sign * (-1 if tile.subtracts(n) else 1) * (1 << plane + n)
                for rows in self._groups:
                    total += weight * self._read(gates[:, rows] @ cells[rows])
        return total.astype(np.int64)
