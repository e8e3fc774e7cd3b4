"""`alertd score`: how anomalous each row of a recording is, from 0 to 1, knowing only the rows before it."""

from __future__ import annotations

import csv
import math
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alertd.detect import KINDS
from alertd.detect.adaptive import MOST, Adaptive, squash_one
from alertd.detect.adaptive_singly import follow_one
from alertd.detect.panel import Panel
from alertd.model import DAY, Batch
from alertd.undo import Undo

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from alertd.detect import Detector

DONE, FAILED, REFUSED = 0, 1, 2
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "adaptive": {},
    "zscore": {"window": "24h", "above": 4.0},
    "robust_zscore": {"window": "24h", "above": 5.0},
    "drift": {"window": "7d", "above": 6.0},
}
"""The detectors that count how far a reading is from normal, with the settings they score with."""
LIMIT: Final = 0.5
"""The score of a reading that is as far away as the detector allows."""


def scores(time: NDArray[np.int64], value: NDArray[np.float64], name: str = "adaptive") -> NDArray[np.float64]:
    """Return a score in [0, 1] for each row: from `LIMIT` on it is anomalous.

    What is anomalous for long scores high once: a row that is no worse than one of the ten
    hours before it has half its score. Rows that are not newer than the one before count as a
    microsecond later; without a finite value a row scores 0 and teaches nothing.

    Args:
        time: microseconds since 1970.
        value: as measured; NaN where nothing was.
        name: one of `SETTINGS`.
    """
    detector = KINDS[name](**SETTINGS[name])
    found = np.zeros(len(value))
    some = np.flatnonzero(np.isfinite(value))
    newer = _increasing(time[some])
    if isinstance(detector, Adaptive):
        found[some] = _unusual(detector, newer, value[some])
    else:
        found[some] = _far(detector, newer, value[some], SETTINGS[name]["above"])
    return found


def _increasing(time: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the times, each at least a microsecond after the one before."""
    steps = np.arange(len(time))
    return np.maximum.accumulate(time - steps) + steps


def _unusual(detector: Adaptive, time: NDArray[np.int64], value: NDArray[np.float64]) -> NDArray[np.float64]:
    line = np.full(detector.learned, np.nan).data.cast("B")
    found = np.empty(len(value))
    for at, (when, what) in enumerate(zip(time.tolist(), np.clip(value, -MOST, MOST).tolist(), strict=True)):
        ratio, quiet, _, seen = follow_one(line, when, what)
        score = squash_one(ratio) if seen else 0.0
        found[at] = score if ratio > max(quiet) and seen else score * LIMIT
    return found


def _far(detector: Detector, time: NDArray[np.int64], value: NDArray[np.float64], above: float) -> NDArray[np.float64]:
    """Score by a detector of deviations: `above` of them are a half."""
    panel = Panel([detector])
    row = panel.add([0], state=False)
    panel.active[0, row] = True
    found, best, since = np.zeros(len(value)), 0.0, 0
    for at in range(len(value)):
        one = slice(at, at + 1)
        batch = Batch(np.array([row], np.int32), time[one], time[one], value[one], np.zeros(1, np.int8))
        away = np.abs(panel.judge(batch, Undo()).score)
        score = float(away[0] / (away[0] + above)) if len(away) else 0.0
        if time[at] - since > DAY * 5 // 12:  # ten hours
            best = 0.0
        found[at] = score if score > best else score * LIMIT
        if score > best:
            best, since = score, int(time[at])
    return found


def main(file: Path, name: str) -> int:
    """Read `timestamp,value` rows and print them with their score; return the exit code."""
    if name not in SETTINGS:
        print(f"alertd score: there is no detector {name}; there are: {', '.join(SETTINGS)}", file=sys.stderr)
        return REFUSED
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            rows = list(csv.reader(lines))
    except (OSError, UnicodeError, csv.Error) as error:
        print(f"alertd score: {file}: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
        return FAILED
    try:
        kept, time, value = _columns(file, rows)
    except ValueError as error:
        print(f"alertd score: {error}", file=sys.stderr)
        return FAILED
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["timestamp", "value", "anomaly_score"])
    for (when, what), score in zip(kept, scores(time, value, name).tolist(), strict=True):
        out.writerow([when, what, f"{score:.6f}"])
    return DONE


def _columns(
    file: Path, rows: Sequence[Sequence[str]]
) -> tuple[list[tuple[str, str]], NDArray[np.int64], NDArray[np.float64]]:
    """Return the rows as written, their times and their values.

    Raises:
        ValueError: the header lacks a column, or a time cannot be read; it names file and line.
    """
    header = [name.strip().lower() for name in rows[0]] if rows else []
    if "timestamp" not in header or "value" not in header:
        raise ValueError(f"{file}:1: the first line must be timestamp,value")
    at, of = header.index("timestamp"), header.index("value")
    kept, time, value = [], [], []
    for number, row in enumerate(rows[1:], 2):
        if not any(row):
            continue
        try:
            when, what = row[at], row[of]
        except IndexError:
            raise ValueError(f"{file}:{number}: has {len(row)} columns, not {len(header)}") from None
        try:
            time.append(_micros(when))
        except (ValueError, OverflowError):
            raise ValueError(f"{file}:{number}: {when!r} is no time such as 2026-11-01 06:00:00") from None
        kept.append((when, what))
        value.append(_number(what))
    return kept, np.array(time, np.int64), np.array(value, np.float64)


def _micros(text: str) -> int:
    """Read RFC 3339, without zone UTC, or seconds since 1970, as microseconds."""
    try:
        when = datetime.fromisoformat(text.strip())
    except ValueError:
        return round(float(text) * 1e6)
    when = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return (when - _EPOCH) // timedelta(microseconds=1)


def _number(text: str) -> float:
    """Read a value; what is none is NaN."""
    try:
        return float(text)
    except ValueError:
        return math.nan
