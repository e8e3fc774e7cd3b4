"""How one reading changes the line of `adaptive`: `adaptive_line.follow` for one, in Python floats.

The same operations in the same order, so that every bit is the same; what cannot change one is left
out where it costs less to know that than to do it. A reading in a thousand needs the rare branches.

Written for speed: comparisons instead of `min` and `max`, names instead of lists, because a call or
a list costs as much as five operations; and floats alone, because one with a whole number costs twice.
"""

from __future__ import annotations

import math
from struct import Struct
from typing import TYPE_CHECKING, Final

import numpy as np

from alertd.detect.adaptive_line import (
    BLOCKS,
    CAP,
    FADE,
    FAR,
    FIRST,
    HOLD,
    LIMIT,
    LONG,
    OF_LONG,
    OF_MOVEMENT,
    OF_RESIDUAL,
    OF_SHORT,
    PIVOT,
    PROFILE,
    PROFILE_DAYS,
    QUIET,
    READING,
    SCALARS,
    SHORT,
    SMALL,
    WIDTH,
    rebase,
)
from alertd.model import DAY, HOUR, SECOND

if TYPE_CHECKING:
    from alertd.model import Micros

HEAD: Final = Struct("5d16f")
"""All of a line but the two profiles, which stand behind it. Native: read as standard, a float32 costs three times as
much."""
LIVING: Final = Struct("4d13f")
"""Of these what every reading changes, behind the start: all but it and the older quiet blocks."""
LIVING_AT: Final = 8
OLDER: Final = Struct("3f")
OLDER_AT: Final = 4 * (SMALL + QUIET + 1)
"""The older quiet blocks, and the byte at which they begin."""
CELLS_AT: Final = SMALL + PROFILE
"""The float32 of a line at which the profiles begin."""
NONE: Final = (0.0,) * SCALARS
UNKNOWN: Final = np.full(WIDTH - CELLS_AT, np.nan, np.float32).tobytes()
A_SECOND, AN_HOUR, A_DAY = float(SECOND), float(HOUR), float(DAY)

Blocks = tuple[float, float, float, float]


def follow_one(  # noqa: C901, PLR0912, PLR0915 (`follow` unrolled: side by side they are compared line by line)
    line: memoryview, time: Micros, value: float
) -> tuple[float, Blocks, float, bool]:
    """Take a reading into a line of bytes; return its largest ratio to a record, those of the hours before, and so on.

    As `Followed`, with `before` left as the four blocks whose largest it is: it is seldom asked for.
    """
    (
        start, last, pivot, last_value, block, count, interval, days, visit, residual, short, long, movement,
        away_most, residual_most, shift_most, movement_most, newest, second, third, fourth,
    ) = HEAD.unpack_from(line)  # fmt: skip
    if start != start:  # noqa: PLR0124 (NaN: nothing was learned yet)
        _begin_one(line, float(time), value)
        return follow_one(line, time, value)
    now, hour, cells = float(time), time // HOUR, line.cast("f")
    if last < hour * AN_HOUR:
        visit = 0.0
        if last < hour // 24 * A_DAY:
            days += 1.0
            if abs(long) > FAR * away_most:
                pivot, short, long = _rebase_one(line)
    visit += 1.0
    count = count + 1.0 if count < 1e6 else 1e6  # noqa: PLR2004 (as in `follow`)
    step = (now - last) / A_SECOND
    if step <= 3.0 * interval:
        interval = (step - interval) * 0.05 + interval
    elif interval > 0.0:
        most = 4.0 * interval
        interval = ((step if step < most else most) - interval) * 0.05 + interval
        most = 3.0 * interval
        step = step if step < most else most
    else:
        interval = step
    unit = interval if interval > READING else READING
    a_day = 3600.0 / (interval if interval > 1e-3 else 1e-3) if interval < 3600.0 else 1.0  # noqa: PLR2004
    weight = PROFILE_DAYS * a_day
    if days < PROFILE_DAYS:
        young = days * a_day + visit
        weight = young if young < weight else weight
    cell = CELLS_AT + hour % 24
    cell_of_moves = cell + 24
    usual, moved = cells[cell], cells[cell_of_moves]
    x, move = value - pivot, value - last_value if value > last_value else last_value - value
    if usual != usual:  # noqa: PLR0124 (NaN: this hour was never seen)
        usual = x
    if moved != moved:  # noqa: PLR0124
        moved = move
    counted = away = x - usual
    moves = move - moved
    size = away if away > 0.0 else 0.0 - away
    seen = now - start >= A_DAY
    if (size > away_most or moves > away_most) and seen and away_most > 0.0:
        most = CAP * away_most
        counted = most if away > most else -most if away < -most else away
        moves = most if moves > most else moves
    cells[cell], cells[cell_of_moves] = usual + counted / weight, moved + moves / weight
    level, first = usual + counted, 1.0 / count
    share = step / (step + OF_LONG * unit)
    if share > first:  # then the others are, too
        long += share * (level - long)
        residual += step / (step + OF_RESIDUAL * unit) * (counted - residual)
        short += step / (step + OF_SHORT * unit) * (level - short)
        movement += step / (step + OF_MOVEMENT * unit) * (moves - movement)
    else:
        long += first * (level - long)
        share = step / (step + OF_RESIDUAL * unit)
        residual += (share if share > first else first) * (counted - residual)
        share = step / (step + OF_SHORT * unit)
        short += (share if share > first else first) * (level - short)
        share = step / (step + OF_MOVEMENT * unit)
        movement += (share if share > first else first) * (moves - movement)
    fade = FADE * unit
    fade = fade / (fade + step)
    away_most *= fade
    if size < away_most:
        ratio = size / away_most
    else:
        ratio, away_most = _broken(away_most, size, seen)
    size, residual_most = residual if residual > 0.0 else 0.0 - residual, residual_most * fade
    if size < residual_most:
        one = size / residual_most
    else:
        one, residual_most = _broken(residual_most, size, seen)
    if one > ratio:  # noqa: PLR1730 (as above: a call costs as much as five operations)
        ratio = one
    size, shift_most = short - long if short > long else long - short, shift_most * fade
    if size < shift_most:
        one = size / shift_most
    else:
        one, shift_most = _broken(shift_most, size, seen)
    if one > ratio:  # noqa: PLR1730
        ratio = one
    size, movement_most = movement if movement > 0.0 else 0.0 - movement, movement_most * fade
    if size < movement_most:
        one = size / movement_most
    else:
        one, movement_most = _broken(movement_most, size, seen)
    if one > ratio:  # noqa: PLR1730
        ratio = one
    if ratio > LIMIT:  # noqa: PLR1730
        ratio = LIMIT
    width, since = HOLD * unit, (now - block) / A_SECOND
    if since >= width:
        gone = math.floor(since / width)
        block = now if gone >= BLOCKS else block + gone * width * SECOND
        newest, second, third, fourth = ([0.0] * min(gone, BLOCKS) + [newest, second, third, fourth])[:BLOCKS]
        OLDER.pack_into(line, OLDER_AT, second, third, fourth)
    LIVING.pack_into(
        line, LIVING_AT, now, pivot, value, block, count, interval, days, visit, residual, short, long, movement,
        away_most, residual_most, shift_most, movement_most, ratio if ratio > newest else newest,
    )  # fmt: skip
    return ratio, (newest, second, third, fourth), pivot + cells[cell], seen


def _begin_one(line: memoryview, now: float, value: float) -> None:
    """Begin a line with its first reading."""
    HEAD.pack_into(line, 0, now, now, value, value, now, *NONE)
    line[4 * CELLS_AT :] = UNKNOWN


def _broken(record: float, size: float, seen: bool) -> tuple[float, float]:  # noqa: FBT001 (the hot path)
    """Return the ratio to a record and the record from now on, where it was broken or there was none."""
    if not record > 0:
        return FIRST if size > 0 else 0.0, size
    if size > record:
        most = CAP * record
        return size / record, most if seen and size > most else size
    return size / record, record


def _rebase_one(line: memoryview) -> tuple[float, float, float]:
    """Move the pivot of a line; return it and the two levels."""
    only = np.frombuffer(line)[None, :]
    cells = only.view(np.float32)
    rebase(only, cells, np.zeros(1, np.intp))
    return float(only[0, PIVOT]), float(cells[0, SMALL + SHORT]), float(cells[0, SMALL + LONG])
