"""What `adaptive` remembers of one series, 296 bytes, and how a reading changes it.

Five float64 (start, last time, pivot, last value, beginning of the newest quiet block) and 64
float32: offsets from the pivot, because float32 at 1e9 steps by 64. Everything is computed in
float64 by +, -, * and / alone and rounded when stored: so one reading in plain Python and a
thousand in numpy give the same bits, and batches change no verdict.

Spans are times, and at least as many readings as that is at 5 minutes each: an hourly sensor
needs more hours to show a level than one that speaks each minute.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from alertd.model import DAY, HOUR, SECOND

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alertd.model import Micros

START, LAST, PIVOT, VALUE, BLOCK = range(5)
"""float64: first and last time, what offsets are from, last value, when the newest of the quiet blocks began."""
SMALL: Final = 10
"""Where float32 begin when the line is seen as float32."""
SCALARS: Final = 16
COUNT, INTERVAL, DAYS, VISIT, RESIDUAL, SHORT, LONG, MOVEMENT = range(8)
"""float32: readings, usual gap in seconds, days seen, readings in this hour; smoothed residual, level of 30 and of 90
readings, smoothed residual of movement."""
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

READING: Final = 300.0
"""Seconds: what a span counts a reading for, at least."""
SPANS: Final = {RESIDUAL: 60.0, SHORT: 30.0, LONG: 90.0, MOVEMENT: 40.0}
"""Time constants of the averages, in readings of 5 minutes."""
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


def follow(
    line: NDArray[np.float64], time: NDArray[np.int64], value: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Take one reading each into k lines; return its largest ratio to a record, and that of the hours before."""
    _begin(line, time, value)
    small = line.view(np.float32)[:, SMALL:]
    last = line[:, LAST].astype(np.int64)
    _rebase(line, small, (time // DAY != last // DAY).nonzero()[0])
    each = np.arange(len(time))
    at = np.ascontiguousarray(small[:, :SCALARS].T, np.float64)
    x = value - line[:, PIVOT]
    gap = (time - last) / SECOND
    interval = at[INTERVAL]
    at[INTERVAL] = interval = np.where(interval > 0, interval + (np.minimum(gap, 4 * interval) - interval) * 0.05, gap)
    step = np.minimum(gap, 3 * interval)
    unit = np.maximum(READING, interval)
    hour = time // HOUR
    at[DAYS] += time // DAY != last // DAY
    at[VISIT] = np.where(hour == last // HOUR, at[VISIT], 0.0) + 1
    at[COUNT] = np.minimum(at[COUNT] + 1, 1e6)
    a_day = np.maximum(3600.0 / np.maximum(interval, 1e-3), 1.0)
    weight = np.minimum(at[DAYS] * a_day + at[VISIT], PROFILE_DAYS * a_day)
    hour = hour % 24
    movement = np.abs(value - line[:, VALUE])
    warm = time - line[:, START] >= DAY
    most = np.where(warm & (at[RECORDS] > 0), CAP * at[RECORDS], np.inf)
    usual = small[each, PROFILE + hour].astype(np.float64)
    usual = np.where(np.isnan(usual), x, usual)
    away = x - usual
    counted = np.minimum(np.maximum(away, -most), most)
    small[each, PROFILE + hour] = usual + counted / weight
    moved = small[each, MOVES + hour].astype(np.float64)
    moved = np.where(np.isnan(moved), movement, moved)
    moves = np.minimum(movement - moved, most)
    small[each, MOVES + hour] = moved + moves / weight
    level = usual + counted
    first = 1 / at[COUNT]
    for column, new in ((RESIDUAL, counted), (SHORT, level), (LONG, level), (MOVEMENT, moves)):
        share = np.maximum(step / (step + SPANS[column] * unit), first)
        at[column] += share * (new - at[column])
    fade = FADE * unit / (FADE * unit + step)
    ratio = np.zeros(len(time))
    for number, size in enumerate(
        (np.abs(away), np.abs(at[RESIDUAL]), np.abs(at[SHORT] - at[LONG]), np.abs(at[MOVEMENT]))
    ):
        record = at[RECORDS + number] * fade
        taken = np.where((record > 0) & warm, np.minimum(size, CAP * record), size)
        at[RECORDS + number] = np.maximum(record, taken)
        one = np.where(size > 0, FIRST, 0.0)
        np.divide(size, record, out=one, where=record > 0)
        ratio = np.maximum(ratio, one)
    ratio = np.minimum(ratio, LIMIT)
    before = _quiet(line, at, time, HOLD * unit, ratio)
    line[:, LAST], line[:, VALUE] = time, value
    small[:, :SCALARS] = at.T
    return ratio, before


def _begin(line: NDArray[np.float64], time: NDArray[np.int64], value: NDArray[np.float64]) -> None:
    new = np.isnan(line[:, START]).nonzero()[0]
    if len(new):
        line[new] = 0.0
        line[new, START] = line[new, LAST] = line[new, BLOCK] = time[new]
        line[new, PIVOT] = line[new, VALUE] = value[new]
        line.view(np.float32)[new, SMALL + PROFILE :] = np.nan


def _rebase(line: NDArray[np.float64], small: NDArray[np.float32], days: NDArray[np.intp]) -> None:
    """Move the pivot to the level where that has gone far from it."""
    far = days[np.abs(small[days, LONG]) > FAR * small[days, RECORDS].astype(np.float64)]
    if len(far):
        level = small[far, LONG].astype(np.float64)
        line[far, PIVOT] += level
        for column in (SHORT, LONG):
            small[far, column] = small[far, column].astype(np.float64) - level
        small[far, PROFILE:MOVES] = small[far, PROFILE:MOVES].astype(np.float64) - level[:, None]


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


def follow_one(  # noqa: PLR0915 (`follow` once more: side by side they are compared line by line)
    line: NDArray[np.float64], time: Micros, value: float
) -> tuple[float, float]:
    """Do as `follow` for one line, in Python floats: the same operations in the same order."""
    start, last_time, pivot, last_value, block = line[: SMALL // 2].tolist()
    small = line.view(np.float32)[SMALL:]
    if start != start:  # noqa: PLR0124 (NaN: nothing was learned yet)
        small[PROFILE:] = np.nan
        small[:PROFILE] = 0.0
        line[START] = start = last_time = block = float(time)
        pivot = last_value = value
    at: list[float] = small[:SCALARS].tolist()
    last = int(last_time)
    new_day = time // DAY != last // DAY
    if new_day and abs(at[LONG]) > FAR * at[RECORDS]:
        only = line[None, :]
        _rebase(only, small[None, :], np.zeros(1, np.intp))
        pivot = float(line[PIVOT])
        at = small[:SCALARS].tolist()
    x = value - pivot
    gap = (time - last) / SECOND
    interval = at[INTERVAL]
    interval = interval + (min(gap, 4 * interval) - interval) * 0.05 if interval > 0 else gap
    at[INTERVAL] = interval
    step = min(gap, 3 * interval)
    unit = max(READING, interval)
    hour = time // HOUR
    at[DAYS] += new_day
    at[VISIT] = (at[VISIT] if hour == last // HOUR else 0.0) + 1
    at[COUNT] = min(at[COUNT] + 1, 1e6)
    a_day = max(3600.0 / max(interval, 1e-3), 1.0)
    weight = min(at[DAYS] * a_day + at[VISIT], PROFILE_DAYS * a_day)
    hour %= 24
    warm = time - start >= DAY
    most = CAP * at[RECORDS] if warm and at[RECORDS] > 0 else math.inf
    usual, moved, movement = float(small[PROFILE + hour]), float(small[MOVES + hour]), abs(value - last_value)
    usual = x if math.isnan(usual) else usual
    moved = movement if math.isnan(moved) else moved
    away = x - usual
    counted = min(max(away, -most), most)
    small[PROFILE + hour] = usual + counted / weight
    moves = min(movement - moved, most)
    small[MOVES + hour] = moved + moves / weight
    level = usual + counted
    first = 1 / at[COUNT]
    for column, new in ((RESIDUAL, counted), (SHORT, level), (LONG, level), (MOVEMENT, moves)):
        share = max(step / (step + SPANS[column] * unit), first)
        at[column] += share * (new - at[column])
    fade = FADE * unit / (FADE * unit + step)
    ratio = 0.0
    number = RECORDS
    for size in (abs(away), abs(at[RESIDUAL]), abs(at[SHORT] - at[LONG]), abs(at[MOVEMENT])):
        record = at[number] * fade
        at[number] = max(record, min(size, CAP * record) if warm and record > 0 else size)
        ratio = max(ratio, size / record if record > 0 else FIRST if size > 0 else 0.0)
        number += 1
    ratio = min(ratio, LIMIT)
    width = HOLD * unit
    passed = math.floor((time - block) / SECOND / width)
    if passed >= 1:
        block = float(time) if passed >= BLOCKS else block + passed * width * SECOND
        fresh = int(min(passed, BLOCKS))
        at[QUIET:] = [0.0] * fresh + at[QUIET : SCALARS - fresh]
    before = max(at[QUIET:])
    at[QUIET] = max(at[QUIET], ratio)
    line[1:5] = time, pivot, value, block
    small[:SCALARS] = at
    return ratio, before
