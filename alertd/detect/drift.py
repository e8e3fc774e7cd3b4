"""`drift`: a slow shift that no single reading shows (CUSUM)."""

from __future__ import annotations

import math
from struct import Struct
from typing import TYPE_CHECKING, Annotated, Final, Literal

import numpy as np
from pydantic import Field, model_validator

from alertd.detect.common import LARGE, Detector, Samples, Window, bounded, show
from alertd.detect.rolling import RELEARN
from alertd.model import BAD, BAND, GOOD, Verdicts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alertd.detect.history import Reading
    from alertd.model import Micros
    from alertd.seams import History

BLOCKS: Final = 24
"""Parts of the window whose means are compared: readings side by side say the same thing, their means less so.
The reference remembers two windows: learned from one, it would follow the drift it should show."""
WARM: Final = 12
"""Blocks seen before anything is judged: half a window."""
SLACK: Final = 0.75
"""What a block may deviate without counting, in deviations. Half the shift to be found (Page 1954) would be 0.5, but
with a reference learned from 24 blocks that is a false alarm a month and series."""
MOST: Final = 3.0
"""What one block counts at most, in deviations: one wild hour is not a drift."""
MEAN, VARIANCE, ALIKE, BEFORE, SEEN, UP, DOWN, SINCE, BLOCK, FIRST, SUM, COUNT, LAST, STEP = range(14)
"""The learned columns: of blocks mean, variance, covariance with the one before, that one's deviation, their
number; the two sums and since when they are suspicious; of the block under way its number, first value, sum
of differences from it and readings; last value, smallest step."""
CLOSEST: Final = 0.9
"""The largest correlation of neighbouring blocks that is believed."""


LINE: Final = Struct("=14d")
COLUMN: Final = Struct("=d")
BLOCK_LINE: Final = Struct("=6d")
"""From `BLOCK` on."""
FRESH: Final = tuple(math.nan if at == SINCE else math.inf if at == STEP else 0.0 for at in range(14))
"""The columns of a series that nothing was heard of, but for `LAST`."""


class Drift(Detector):
    """Bad when small deviations in one direction have added up to more than `above`.

    Means of a 24th of the window each are compared with their own slowly learned mean and
    deviation. What exceeds half a deviation adds up, what does not takes away. While the sums
    are suspicious (half of `above`) the reference is not taught the drift, for a day at most:
    then the new level becomes the normal by time alone.
    """

    kind: Literal["drift"] = "drift"
    window: Window = Field(description="how far back its normal reaches: 7d, or {samples: 240}")
    above: Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)] = Field(
        description="standard deviations that are too many when added up"
    )

    @model_validator(mode="after")
    def _window_has_blocks(self) -> Drift:
        if isinstance(self.window, Samples):
            if self.window.samples < BLOCKS:
                raise ValueError(f"window needs at least {BLOCKS} samples")
        elif self.window < BLOCKS:
            raise ValueError("window must be longer than 0s")
        return self

    @property
    def learned(self) -> int:
        """Return 14: see `MEAN` and its neighbours."""
        return 14

    def warmup(self, interval: Micros) -> Micros | None:
        """Return the time of the blocks that must be over."""
        if isinstance(self.window, Samples):
            return WARM * (self.window.samples // BLOCKS) * interval
        return WARM * max(self.window // BLOCKS, interval)

    def judge(
        self,
        history: History | None,  # noqa: ARG002 (blocks are kept in the learned columns)
        learned: NDArray[np.float64],
        time: NDArray[np.int64],
        value: NDArray[np.float64],
        *,
        slot: int,  # noqa: ARG002 (what is suspicious teaches nothing, whatever the flags)
    ) -> Verdicts:
        """Judge k readings by the blocks before theirs; the score is the larger sum with its sign."""
        value = bounded(value)
        new = ~(learned[:, COUNT] >= 0)
        learned[new] = 0.0
        learned[new, SINCE] = np.nan
        learned[new, LAST], learned[new, STEP] = value[new], np.inf
        count = learned[:, COUNT]
        block = np.zeros(len(time)) if isinstance(self.window, Samples) else (time // (self.window // BLOCKS))
        full = (
            count >= self.window.samples // BLOCKS if isinstance(self.window, Samples) else block != learned[:, BLOCK]
        )
        closing = np.flatnonzero(full & (count > 0))
        if len(closing):
            learned[closing] = self._close(learned[closing], time[closing])
        begins = full | (count == 0)
        learned[begins, FIRST], learned[begins, BLOCK] = value[begins], block[begins]
        learned[begins, SUM] = learned[begins, COUNT] = 0.0
        learned[:, SUM] += value - learned[:, FIRST]
        learned[:, COUNT] += 1
        step = np.abs(value - learned[:, LAST])
        learned[:, STEP] = np.where(step > 0, np.fmin(learned[:, STEP], step), learned[:, STEP])
        learned[:, LAST] = value
        rises = learned[:, UP] >= learned[:, DOWN]
        score = np.where(rises, learned[:, UP], -learned[:, DOWN])
        known = learned[:, SEEN] >= WARM
        state = np.where(known, np.where(np.abs(score) > self.above, BAD, GOOD), BAND).astype(np.int8)
        return Verdicts(state, score, np.where(known, learned[:, MEAN], np.nan))

    def judge_one(
        self,
        reading: Reading,
        line: memoryview,
        *,
        slot: int,  # noqa: ARG002
    ) -> tuple[int, float, float]:
        """Judge one reading; arrays only where a block is finished."""
        value = min(max(reading.value, -LARGE), LARGE)
        if not COLUMN.unpack_from(line, COUNT * COLUMN.size)[0] >= 0:  # also where it is NaN
            LINE.pack_into(line, 0, *FRESH[:LAST], value, FRESH[STEP])
        mean, _, _, _, seen, up, down, _, number, first, added, count, last, step = LINE.unpack(line)
        if isinstance(self.window, Samples):
            block, full = 0.0, count >= self.window.samples // BLOCKS
        else:
            block = float(reading.time // (self.window // BLOCKS))
            full = block != number
        if full and count > 0:
            whole = np.frombuffer(line).reshape(1, -1)
            with np.errstate(over="ignore", invalid="ignore"):
                self._close(whole, np.array([reading.time]))
            mean, _, _, _, seen, up, down, *_ = LINE.unpack(line)
        if full or count == 0:
            first, number, added, count = value, block, 0.0, 0.0
        moved = abs(value - last)
        step = min(step, moved) if moved > 0 else step
        BLOCK_LINE.pack_into(line, BLOCK * COLUMN.size, number, first, added + (value - first), count + 1, value, step)
        score = up if up >= down else -down
        if not seen >= WARM:
            return BAND, score, math.nan
        return BAD if abs(score) > self.above else GOOD, score, mean

    def _close(self, line: NDArray[np.float64], time: NDArray[np.int64]) -> NDArray[np.float64]:
        """Add the mean of a finished block to the sums, and to the reference unless it is suspicious."""
        away = line[:, FIRST] - line[:, MEAN] + line[:, SUM] / line[:, COUNT]
        spread = _spread(line)
        warm = (line[:, SEEN] >= WARM) & (spread > 0)
        score = np.zeros(len(line))
        np.divide(away, spread, out=score, where=warm)
        score = np.clip(score, -MOST, MOST)
        for column, sign in ((UP, 1.0), (DOWN, -1.0)):
            line[:, column] = np.where(warm, np.clip(line[:, column] + sign * score - SLACK, 0, 2 * self.above), 0.0)
        suspicious = np.maximum(line[:, UP], line[:, DOWN]) > self.above / 2
        line[:, SINCE] = np.where(suspicious, np.fmin(line[:, SINCE], time), np.nan)
        learns = ~suspicious | (time - line[:, SINCE] >= RELEARN)
        line[:, SEEN] += learns
        weight = np.where(learns, 1 / np.clip(line[:, SEEN], 1, 2 * BLOCKS), 0.0)
        away = np.where(warm, np.clip(away, -MOST * spread, MOST * spread), away)
        line[:, MEAN] += weight * away
        line[:, VARIANCE] = (1 - weight) * (line[:, VARIANCE] + weight * away**2)
        line[:, ALIKE] += weight * (away * line[:, BEFORE] - line[:, ALIKE])
        line[:, BEFORE] = np.where(weight < 1, away, 0.0)  # the first block is the mean itself, it lies nowhere
        return line

    def reason(self, value: float, score: float, normal: float, unit: str) -> str:
        """Say which way it drifts, and from what."""
        way = "up" if score > 0 else "down"
        return (
            f"{show(value, unit)} is part of a slow drift {way} from its normal {show(normal, unit)}:"
            f" {abs(score):.1f} standard deviations added up"
        )


def _spread(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the deviation of blocks, at least half the sensor's step; one percent of a value that never changed.

    A sum of blocks that resemble their neighbours wanders further than one of blocks that do
    not: for a correlation r by the root of (1 + r) / (1 - r), so the deviation is taken as that
    much larger.
    """
    step = line[:, STEP]
    floor = np.where(np.isfinite(step), step / 2, np.abs(line[:, MEAN]) / 100)
    correlation = np.zeros(len(line))
    np.divide(line[:, ALIKE], line[:, VARIANCE], out=correlation, where=line[:, VARIANCE] > 0)
    correlation = np.clip(correlation, 0, CLOSEST)
    return np.maximum(np.sqrt(line[:, VARIANCE] * (1 + correlation) / (1 - correlation)), floor)
