"""What `adaptive` remembers of one series, 296 bytes, and how a reading changes it.

Five float64 (start, last time, pivot, last value, beginning of the newest quiet block) and 64
float32: offsets from the pivot, because float32 at 1e9 steps by 64. Everything is computed in
float64 by +, -, * and / alone and rounded when stored: so one reading in plain Python
(`adaptive_singly`) and a thousand in numpy give the same bits, and batches change no verdict.

Spans are times, and at least as many readings as that is at 5 minutes each: an hourly sensor
needs more hours to show a level than one that speaks each minute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from alertd.model import DAY, HOUR, SECOND

if TYPE_CHECKING:
    from numpy.typing import NDArray

START, LAST, PIVOT, VALUE, BLOCK = range(5)
"""float64: first and last time, what offsets are from, last value, when the newest of the quiet blocks began."""
SMALL: Final = 10
"""Where float32 begin when the line is seen as float32."""
SCALARS: Final = 16
COUNT, INTERVAL, DAYS, VISIT, RESIDUAL, SHORT, LONG, MOVEMENT = range(8)
"""float32: readings, usual gap in seconds, days seen, readings in this hour; smoothed residual, level of 30 and of 90
readings, smoothed residual of movement."""
AVERAGES: Final = slice(RESIDUAL, MOVEMENT + 1)
RECORDS: Final = 8
"""The largest residual, smoothed residual, shift of level and residual of movement so far, fading."""
QUIET: Final = 12
"""The largest ratio in each of the last four blocks of 150 minutes, a ring."""
PROFILE: Final = 16
"""The usual offset in each hour of the day (UTC)."""
MOVES: Final = 40
"""The usual movement from reading to reading in each hour of the day."""
COLUMNS: Final = 37
BLOCKS: Final = 4
WIDTH: Final = 2 * COLUMNS
"""float32 of a line."""

READING: Final = 300.0
"""Seconds: what a span counts a reading for, at least."""
OF_RESIDUAL, OF_SHORT, OF_LONG, OF_MOVEMENT = 60.0, 30.0, 90.0, 40.0
"""Time constants of the four averages, in readings of 5 minutes."""
SPANS: Final = np.array([[OF_RESIDUAL], [OF_SHORT], [OF_LONG], [OF_MOVEMENT]])
FADE: Final = 11520.0
"""Of the records: 40 days of such readings."""
HOLD: Final = 120.0 / BLOCKS
"""Of a quiet block: ten hours of such readings in all."""
PROFILE_DAYS: Final = 20.0
"""What a day weighs in the profile, at least: one in 20."""
FIRST: Final = 2.0
"""The ratio of the first deviation of a series that never had one."""
CAP: Final = 4.0
"""A reading raises a record at most so many times: one garbled value must not hide a year of faults."""
LIMIT: Final = 1e6
"""The largest ratio: float32 must hold it."""
FAR: Final = 1000.0
"""The level is so many records from the pivot that float32 begins to blur it: the pivot follows, once a day."""


class Followed(NamedTuple):
    """What k readings, one of each line, came to: `seen` is whether a day was seen before them."""

    ratio: NDArray[np.float64]
    before: NDArray[np.float64]
    usual: NDArray[np.float64]
    seen: NDArray[np.bool_]


def follow(  # noqa: PLR0915 (one formula; its steps share most of what they know)
    line: NDArray[np.float64], time: NDArray[np.int64], value: NDArray[np.float64]
) -> Followed:
    """Take one reading each into k lines; return its largest ratio to a record, and that of the hours before.

    As few numpy calls as it takes, four averages or records in one: of a thousand readings each call costs as
    much as the numbers in it.
    """
    new = np.isnan(line[:, START]).nonzero()[0]
    if len(new):
        _begin(line, new, time, value)
    cells = line.view(np.float32)
    small = cells[:, SMALL : SMALL + SCALARS]
    last = line[:, LAST].astype(np.int64)
    hour, last_hour = time // HOUR, last // HOUR
    later = hour != last_hour
    new_day = later.nonzero()[0]
    new_day = new_day[hour[new_day] // 24 != last_hour[new_day] // 24]
    if len(new_day):
        rebase(line, cells, new_day)
    at = np.empty((SCALARS, len(time)))
    at[:] = small.T
    pivot = line[:, PIVOT]
    gap = (time - last) / SECOND
    interval = np.minimum(gap, 4 * at[INTERVAL])
    interval -= at[INTERVAL]
    interval *= 0.05
    interval += at[INTERVAL]
    first = (at[INTERVAL] <= 0).nonzero()[0]
    interval[first] = gap[first]
    at[INTERVAL] = interval
    step = np.minimum(gap, 3 * interval)
    unit = np.maximum(READING, interval)
    at[DAYS, new_day] += 1
    at[VISIT, later.nonzero()[0]] = 0.0
    at[VISIT] += 1
    count = np.minimum(at[COUNT] + 1, 1e6, out=at[COUNT])
    a_day = np.maximum(3600.0 / np.maximum(interval, 1e-3), 1.0)
    weight = np.minimum(at[DAYS] * a_day + at[VISIT], PROFILE_DAYS * a_day)
    seen = time - line[:, START] >= DAY
    most = CAP * at[RECORDS]
    most[~(seen & (at[RECORDS] > 0))] = np.inf
    flat = cells.reshape(-1)
    cell = np.arange(SMALL + PROFILE, SMALL + PROFILE + WIDTH * len(time), WIDTH) + hour % 24
    x = value - pivot
    usual = flat.take(cell).astype(np.float64)
    unknown = np.isnan(usual).nonzero()[0]
    usual[unknown] = x[unknown]
    away = x - usual
    counted = np.minimum(np.maximum(away, -most), most)
    flat[cell] = usual + counted / weight
    movement = np.abs(value - line[:, VALUE])
    moved = flat.take(cell + 24).astype(np.float64)
    unknown = np.isnan(moved).nonzero()[0]
    moved[unknown] = movement[unknown]
    moves = np.minimum(movement - moved, most)
    flat[cell + 24] = moved + moves / weight
    level = usual + counted
    averages = at[AVERAGES]
    share = np.maximum(step / (step + SPANS * unit), 1 / count)
    towards = np.empty(averages.shape)
    towards[0], towards[1:3], towards[3] = counted, level, moves
    towards -= averages
    averages += share * towards
    sizes = np.abs(averages, out=towards)
    np.abs(away, out=sizes[0])
    np.abs(averages[0], out=sizes[1])
    np.abs(averages[1] - averages[2], out=sizes[2])
    fade = FADE * unit
    ratio = _against(at[RECORDS:QUIET], sizes, fade / (fade + step), seen)
    before = _quiet(line, at, time, HOLD * unit, ratio)
    line[:, LAST], line[:, VALUE] = time, value
    small[:] = at.T
    return Followed(ratio, before, pivot + flat.take(cell), seen)


def _begin(
    line: NDArray[np.float64], new: NDArray[np.intp], time: NDArray[np.int64], value: NDArray[np.float64]
) -> None:
    line[new] = 0.0
    line[new, START] = line[new, LAST] = line[new, BLOCK] = time[new]
    line[new, PIVOT] = line[new, VALUE] = value[new]
    line.view(np.float32)[new, SMALL + PROFILE :] = np.nan


def rebase(line: NDArray[np.float64], cells: NDArray[np.float32], days: NDArray[np.intp]) -> None:
    """Move the pivot to the level where that has gone far from it."""
    far = days[np.abs(cells[days, SMALL + LONG]) > FAR * cells[days, SMALL + RECORDS].astype(np.float64)]
    if len(far):
        level = cells[far, SMALL + LONG].astype(np.float64)
        line[far, PIVOT] += level
        profile = slice(SMALL + PROFILE, SMALL + MOVES)
        for column in (SMALL + SHORT, SMALL + LONG):
            cells[far, column] = cells[far, column].astype(np.float64) - level
        cells[far, profile] = cells[far, profile].astype(np.float64) - level[:, None]


def _against(
    records: NDArray[np.float64], sizes: NDArray[np.float64], fade: NDArray[np.float64], seen: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Raise the records (4, k) by what is larger; return the largest ratio to what they were."""
    records *= fade
    known = records > 0
    taken = np.minimum(sizes, CAP * records)
    if known.all() and seen.all():
        ratio = sizes / records
    else:
        ratio = np.where(sizes > 0, FIRST, 0.0)
        np.divide(sizes, records, out=ratio, where=known)
        taken = np.where(known & seen, taken, sizes)
    np.maximum(records, taken, out=records)
    largest: NDArray[np.float64] = np.minimum(ratio.max(axis=0), LIMIT)
    return largest


def _quiet(
    line: NDArray[np.float64],
    at: NDArray[np.float64],
    time: NDArray[np.int64],
    width: NDArray[np.float64],
    ratio: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the largest ratio of the blocks before; begin new blocks whose time has come; note this one."""
    passed = np.floor((time - line[:, BLOCK]) / SECOND / width)
    blocks = at[QUIET:SCALARS]
    moving = (passed >= 1).nonzero()[0]
    if len(moving):
        gone = passed[moving]
        line[moving, BLOCK] = np.where(
            gone >= BLOCKS, time[moving], line[moving, BLOCK] + gone * width[moving] * SECOND
        )
        old = blocks[:, moving]
        for number in range(BLOCKS):  # the newest is block 0
            source = number - gone
            there = np.where(source >= 0, source, 0).astype(np.intp)
            blocks[number, moving] = np.where(source >= 0, old[there, np.arange(len(moving))], 0.0)
    before: NDArray[np.float64] = blocks.max(axis=0)
    blocks[0] = np.maximum(blocks[0], ratio)
    return before
