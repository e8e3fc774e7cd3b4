"""A ring of numbers: what happened in an hour, remembered for days, in 16 bits each (`Cells`) or in 32 (`Singles`).

The ring of `Cells` lies in parts of up to 48 cells (two days of hours). A part has a smallest and a largest
value in float32, and of each cell a number from 1 to 65,535 that says where between them it lies;
0 is a cell in which nothing was measured. So a cell costs 2.2 bytes instead of the 4 of a float32, and is off by
half of a 65,534th of what its part spans: a hundredth of what sensors resolve. A wild value
makes coarse the part that it is in, and no other.

A part's bounds are set anew when a value lies beyond them, and when its first cell is written, so
that what a wild value has made wide does not stay so.

Equal hours in two parts are not equal to the last bit then. Who measures how far they are apart from each
other wants them in `Singles`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from struct import Struct, unpack_from
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

LONGEST: Final = 48
"""Cells of a part at most."""
STEPS: Final = 65_534
"""Steps from the smallest to the largest value of a part."""
BOUNDS: Final = Struct("=2f")
CODE: Final = Struct("=H")
SINGLE: Final = Struct("=f")
BYTES: Final = 8
"""Of a float64 column."""
LARGEST: Final = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Cells:
    """How a ring of `count` cells lies in the bytes of float64 columns: `parts` of `length` cells each."""

    count: int

    @cached_property
    def parts(self) -> int:
        """Return how many parts there are."""
        return -(-self.count // LONGEST)

    @cached_property
    def length(self) -> int:
        """Return the cells of a part: all parts are equal, so the last may have cells that nobody uses."""
        return -(-self.count // self.parts)

    @cached_property
    def columns(self) -> int:
        """Return the float64 columns of a ring."""
        size = self.parts * (BOUNDS.size + self.length * CODE.size)
        return -(-size // BYTES)

    def _see(self, ring: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
        """See k rings as the bounds (k, parts, 2) and codes (k, parts, length)."""
        k, parts, length = len(ring), self.parts, self.length
        bounds = ring.view(np.float32)[:, : 2 * parts].reshape(k, parts, 2)
        codes = ring.view(np.uint16)[:, 4 * parts : (4 + length) * parts].reshape(k, parts, length)
        return bounds, codes

    def clear(self, ring: NDArray[np.float64], rows: NDArray[np.intp]) -> None:
        """Forget everything in the rings of these rows."""
        bounds, codes = self._see(ring)
        bounds[rows], codes[rows] = np.nan, 0

    def drop(self, ring: NDArray[np.float64], rows: NDArray[np.intp], gone: NDArray[np.bool_]) -> None:
        """Forget the cells (len(rows), count) that are `gone`."""
        codes = self._see(ring)[1]
        where, cell = gone.nonzero()
        codes[rows[where], cell // self.length, cell % self.length] = 0

    def put(
        self, ring: NDArray[np.float64], rows: NDArray[np.intp], at: NDArray[np.int64], value: NDArray[np.float64]
    ) -> None:
        """Write one cell in each of the rings of these rows; what float32 cannot hold was not measured."""
        bounds, codes = self._see(ring)
        part, place = at // self.length, at % self.length
        kept = value.astype(np.float32)
        low, high = bounds[rows, part, 0], bounds[rows, part, 1]
        there = np.isfinite(kept)
        fits = (low <= kept) & (kept <= high) & (place != 0)
        some = fits.nonzero()[0]
        code = np.zeros(len(rows), np.uint16)
        code[some] = _code(kept[some], low[some], high[some])
        codes[rows, part, place] = code
        wide = (there & ~fits).nonzero()[0]
        if len(wide):
            self._widen(bounds, codes, (rows[wide], part[wide]), place[wide], kept[wide])

    def put_one(self, ring: memoryview, at: int, value: float) -> bool:
        """Write one cell if it lies within the bounds of its part; return whether it does."""
        part, place = divmod(at, self.length)
        if place == 0 or not -LARGEST <= value <= LARGEST:
            return False
        low, high = BOUNDS.unpack_from(ring, BOUNDS.size * part)
        (kept,) = SINGLE.unpack(SINGLE.pack(value))
        if not low <= kept <= high:
            return False
        step = (high - low) / STEPS
        code = round((kept - low) / step) + 1 if step > 0 else 1
        CODE.pack_into(ring, BOUNDS.size * self.parts + CODE.size * at, code)
        return True

    def _widen(
        self,
        bounds: NDArray[np.float32],
        codes: NDArray[np.uint16],
        which: tuple[NDArray[np.intp], NDArray[np.int64]],
        place: NDArray[np.int64],
        kept: NDArray[np.float32],
    ) -> None:
        """Write a value each into parts that have other bounds with it."""
        values = _value(codes[which], bounds[which][:, None, :]).astype(np.float32)
        values[np.arange(len(place)), place] = kept
        low, high = np.fmin.reduce(values, axis=1), np.fmax.reduce(values, axis=1)
        bounds[which] = np.stack([low, high], axis=1)
        there = np.isfinite(values)
        codes[which] = np.where(
            there, _code(np.where(there, values, low[:, None]), low[:, None], high[:, None]), np.uint16(0)
        )

    def runs(self, ring: memoryview, starts: Iterable[int], n: int) -> list[list[float]] | None:
        """Return the `n` cells on end from each start of one ring; None if in one of them nothing was measured."""
        length, count = self.length, self.count
        bounds = unpack_from(self._bounds, ring)
        codes = unpack_from(self._codes, ring, BOUNDS.size * self.parts)
        found: list[list[float]] = []
        for start in starts:
            at = start % count
            values: list[float] = []
            rest = n
            while rest:
                part = at // length
                end = part * length + length  # of the part, of the run, of the ring: whichever comes first
                end = min(end, count) if end < at + rest else min(at + rest, count)
                some = codes[at:end]
                if 0 in some:
                    return None
                low = bounds[2 * part]
                step = (bounds[2 * part + 1] - low) / STEPS
                for code in some:
                    values.append(low + (code - 1.0) * step)  # noqa: PERF401 (a comprehension costs a call)
                rest -= end - at
                at = end if end < count else 0
            found.append(values)
        return found

    @cached_property
    def _bounds(self) -> str:
        return f"={2 * self.parts}f"

    @cached_property
    def _codes(self) -> str:
        return f"={self.count}H"

    def get(self, ring: NDArray[np.float64], cell: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what k rings hold in these cells (k, ...), or in the same of all (1, ...); NaN: not measured."""
        bounds, codes = self._see(ring)
        if len(cell) == 1:
            at = cell.reshape(-1)
            part = at // self.length
            low = bounds[:, :, 0].astype(np.float64)
            step = (bounds[:, :, 1].astype(np.float64) - low) / STEPS
            some = codes.reshape(len(ring), -1).take(at, axis=1)
            found = (some - 1.0) * step.take(part, axis=1)
            found += low.take(part, axis=1)
            found[some == 0] = np.nan
            return found.reshape(len(ring), *cell.shape[1:])
        row = np.arange(len(ring)).reshape(-1, *[1] * (cell.ndim - 1))
        part = cell // self.length
        return _value(codes[row, part, cell - part * self.length], bounds[row, part])

    def all(self, ring: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return all cells (k, count) of k rings."""
        bounds, codes = self._see(ring)
        found: NDArray[Any] = _value(codes, bounds[:, :, None, :]).reshape(len(ring), -1)[:, : self.count]
        return found


@dataclass(frozen=True, slots=True)
class Singles:
    """How a ring of `count` float32 lies in the bytes of float64 columns; the promises are those of `Cells`."""

    count: int

    @property
    def columns(self) -> int:
        """Return the float64 columns of a ring."""
        return (self.count + 1) // 2

    def clear(self, ring: NDArray[np.float64], rows: NDArray[np.intp]) -> None:
        """Forget everything in the rings of these rows."""
        ring.view(np.float32)[rows] = np.nan

    def drop(self, ring: NDArray[np.float64], rows: NDArray[np.intp], gone: NDArray[np.bool_]) -> None:
        """Forget the cells (len(rows), count) that are `gone`."""
        where, cell = gone.nonzero()
        ring.view(np.float32)[rows[where], cell] = np.nan

    def put(
        self, ring: NDArray[np.float64], rows: NDArray[np.intp], at: NDArray[np.int64], value: NDArray[np.float64]
    ) -> None:
        """Write one cell in each of the rings of these rows."""
        ring.view(np.float32)[rows, at] = value

    def put_one(self, ring: memoryview, at: int, value: float) -> bool:
        """Write one cell if float32 can hold the value; return whether it can."""
        if not -LARGEST <= value <= LARGEST:
            return False
        SINGLE.pack_into(ring, SINGLE.size * at, value)
        return True

    def get(self, ring: NDArray[np.float64], cell: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what k rings hold in these cells (k, ...); NaN where nothing was measured."""
        row = np.arange(len(ring)).reshape(-1, *[1] * (cell.ndim - 1))
        found: NDArray[np.float64] = ring.view(np.float32)[row, cell].astype(np.float64)
        return found

    def known(self, ring: memoryview, cells: Iterable[int]) -> list[float]:
        """Return what one ring holds in these cells (counted through all rounds), without those not measured."""
        size, count, read = SINGLE.size, self.count, SINGLE.unpack_from
        values = [read(ring, size * (cell % count))[0] for cell in cells]
        return [one for one in values if one - one == 0.0]

    def all(self, ring: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return all cells (k, count) of k rings."""
        return ring.view(np.float32)[:, : self.count].astype(np.float64)


def _code(kept: NDArray[np.float32], low: NDArray[np.float32], high: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return where values lie between their bounds: 1 the smallest, 65,535 the largest."""
    below = low.astype(np.float64)
    step = (high.astype(np.float64) - below) / STEPS
    away = kept.astype(np.float64) - below
    code = np.rint(np.divide(away, step, out=np.zeros_like(away), where=step > 0)) + 1
    return code.astype(np.uint16)


def _value(code: NDArray[np.uint16], bounds: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return what codes mean (bounds in the last axis); NaN for 0."""
    low = bounds[..., 0].astype(np.float64)
    step = (bounds[..., 1].astype(np.float64) - low) / STEPS
    value: NDArray[np.float64] = low + (code - 1.0) * step
    value[code == 0] = np.nan
    return value
