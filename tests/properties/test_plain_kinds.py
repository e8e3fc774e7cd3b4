"""What a kind says of any history is what the plainest reading of its description says of it.

Each kind stands here once more, as a function of all readings so far that keeps nothing and knows no arrays. Readings
come uneven, doubled, as a storm of values that are none, around 1e9, and in batches of any size.
"""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import fmean, median

import numpy as np
import pytest
from batches import START, batch, panel
from hypothesis import given, settings
from hypothesis import strategies as st

from alertd.detect import KINDS
from alertd.model import BAD, BAND, DAY, GOOD, HOUR, MINUTE
from alertd.undo import Undo

History = list[tuple[int, float]]
"""(time, value) of a series up to now, the reading that is judged last."""
Opinion = tuple[int, float] | None
"""(state, by how much it is over the limit: what is near nobody can tell apart); None: nothing can be said for sure."""


def verdict(score: float, above: float) -> Opinion:
    return (BAD if score > above else GOOD), abs(score - above)


def rate(history: History, window: int, above: float) -> Opinion:
    """The change since the reading nearest to `window` ago, at least half and at most twice as long ago."""
    now, value = history[-1]
    near = [
        (abs(now - time - window), time, then) for time, then in history[:-1] if window / 2 <= now - time <= 2 * window
    ]
    if not near:
        return BAND, math.inf
    _, time, then = min(near)
    return verdict((value - then) * HOUR / (now - time), above)


def flatline(history: History, span: int) -> Opinion:
    """All readings of the last `span`, three at least, are alike."""
    now, value = history[-1]
    run = len(history)
    while run and history[run - 1][1] == value:
        run -= 1
    alike = history[run:]
    return (BAD if now - alike[0][0] >= span and len(alike) >= 3 else GOOD), math.inf


def spikes(history: History, jump: float, within: int) -> Opinion:
    """The last two readings that went out and came back lie within `within`."""
    values: list[float] = []
    found: list[int] = []
    for number, (_, value) in enumerate(history):
        if len(values) >= 2:
            before, last = values[-2:]
            if (last - before > jump and last - value > jump) or (before - last > jump and value - last > jump):
                found.append(history[number - 1][0])
                values[-2:] = [before]
        values.append(value)
    if len(found) >= 2 and history[-1][0] - found[-2] <= within:
        return BAD, math.inf
    return (GOOD if len(history) >= 3 else BAND), math.inf


def baseline(history: History, hours: int, days: int, limit: float, usual: str) -> Opinion:
    """The mean of the hours of a window over that of the same hours of each of the days before."""
    by_hour: dict[int, list[float]] = {}
    for time, value in history:
        by_hour.setdefault(time // HOUR, []).append(value)
    means = {hour: fmean(values) for hour, values in by_hour.items()}
    this = history[-1][0] // HOUR
    window = [this - ago for ago in range(hours)]
    before = [[means.get(hour - 24 * day) for hour in window] for day in range(1, days + 1)]
    both = [n for n, hour in enumerate(window) if hour in means and any(day[n] is not None for day in before)]
    most = max(sum(one is not None for one in day) for day in before)
    there = [[day[n] for n in both if day[n] is not None] for day in before]
    full = [day for day in there if day and 2 * len(day) >= len(both)]
    if len(full) < min(3, days) or 2 * len(both) < most:
        return BAND, math.inf
    each = [fmean(day) for day in full]
    middle = fmean(each) if usual == "mean" else median(each)
    return verdict(fmean(means[window[n]] for n in both) - middle, limit)


def seasonal(history: History, days: int, above: float) -> Opinion:
    """The distance from the median of the same hours of the days before, in deviations of these and within an hour."""
    by_hour: dict[int, list[float]] = {}
    inside = 0.0
    for number, (time, value) in enumerate(history):
        hour = by_hour.setdefault(time // HOUR, [])
        hour.append(value)
        if len(hour) > 1 and number < len(history) - 1:
            inside += 0.02 * (abs(value - fmean(hour)) - inside)
    now, value = history[-1]
    same = [fmean(by_hour[hour]) for day in range(1, days + 1) if (hour := now // HOUR - 24 * day) in by_hour]
    if len(same) < 3:
        return BAND, math.inf
    middle = median(same)
    away = [abs(one - middle) for one in same]
    ordered = sorted(same)
    steps = [b - a for a, b in pairwise(ordered) if b - a > 1e-6 * (ordered[-1] - ordered[0])]
    spread = max(1.4826 * median(away) or 1.2533 * fmean(away), min(steps) if steps else abs(middle) / 100)
    whole = math.hypot(spread, 1.2533 * inside)
    return verdict(abs(value - middle) / whole, above) if whole else (BAND, math.inf)


def rolling(history: History, window: int, above: float, *, robust: bool) -> Opinion:
    """The distance from the middle of the window, learned anew when an eighth of it is new; what was bad stays out a day."""
    bad: set[int] = set()
    middle = spread = 0.0
    at, taken, used = -math.inf, 0, 0
    score = 0.0
    for number, (now, value) in enumerate(history):
        if number - taken >= max(used / 8, 1) or now - at >= window / 8:
            past = [(n, time, one) for n, (time, one) in enumerate(history[:number]) if time >= now - window]
            kept = [one for n, time, one in past if not (n in bad and now - time < DAY)]
            at, taken, used = now, number, len(kept)
            if used >= 12:
                middle = median(kept) if robust else fmean(kept)
                away = [abs(one - middle) for one in kept]
                ordered = sorted(kept)
                width = ordered[-1] - ordered[0]
                steps = [b - a for a, b in pairwise(ordered) if b - a > 1e-6 * width]
                step = min(steps) if steps else abs(middle) / 100
                if robust:
                    mad = 1.4826 * median(away)
                    spread = max(mad if mad > 1e-6 * max(width, 1e-9) else 1.2533 * fmean(away), step)
                else:
                    spread = max(math.sqrt(sum(one * one for one in away) / (used - 1)), step)
        score = abs(value - middle) / spread if used >= 12 and spread else 0.0
        if abs(score - above) < 2e-3:
            return None  # what follows depends on it
        if score > above:
            bad.add(number)
    return verdict(score, above) if used >= 12 and spread else (BAND, math.inf)


KIND = {
    "threshold": (KINDS["threshold"](above=3.0), lambda past, level: verdict(past[-1][1], 3.0)),
    "rate": (KINDS["rate"](window="1h", above=2), lambda past, level: rate(past, HOUR, 2)),
    "flatline": (KINDS["flatline"](**{"for": "2h"}), lambda past, level: flatline(past, 2 * HOUR)),
    "spikes": (KINDS["spikes"](jump=1.5), lambda past, level: spikes(past, 1.5, DAY)),
    "baseline": (
        KINDS["baseline"](window="6h", baseline="4d", delta_above=0.7),
        lambda past, level: baseline(past, 6, 4, 0.7, "mean"),
    ),
    "baseline, median": (
        KINDS["baseline"](window="4h", baseline="5d", delta_above=0.7, usual="median"),
        lambda past, level: baseline(past, 4, 5, 0.7, "median"),
    ),
    "robust_zscore": (
        KINDS["robust_zscore"](window="9h", above=4),
        lambda past, level: rolling(past, 9 * HOUR, 4, robust=True),
    ),
    "zscore": (KINDS["zscore"](window="9h", above=4), lambda past, level: rolling(past, 9 * HOUR, 4, robust=False)),
    "seasonal": (KINDS["seasonal"](baseline="6d", above=3), lambda past, level: seasonal(past, 6, 3)),
}
"""A detector, and its description as a function of history and level."""


def lived(seed: int, every: float, level: float, count: int) -> list[tuple[float, float]]:
    """Minutes and values: uneven, with gaps and outages, runs that hang, wild values and values that are none."""
    dice = np.random.default_rng(seed)
    minutes = np.cumsum(dice.choice([every, every, every, 1.5 * every, 3 * every, 20 * every], count))
    hour = (START // MINUTE + minutes) / 60 % 24
    values = level + np.round(np.sin(hour * np.pi / 12) + dice.normal(0, 0.5, count), 1)
    for start in dice.integers(0, count, 3):
        values[start : start + 8] = values[start]
    wild = dice.random(count)
    values[wild < 0.04] += 4
    values[wild > 0.97] = np.nan
    return list(zip(minutes.round(2).tolist(), values.tolist(), strict=True))


@pytest.mark.parametrize("kind", KIND)
@given(
    seed=st.integers(0, 2**32 - 1),
    every=st.sampled_from([7.0, 20.0, 47.0]),
    level=st.sampled_from([0.0, 38.0, 1e9]),
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=30),
    twice=st.lists(st.integers(1, 399), max_size=5),
)
@settings(max_examples=4, deadline=None)
def test_a_kind_says_what_its_description_says(kind, seed, every, level, sizes, twice):
    detector, plain = KIND[kind]
    told = lived(seed, every, level, 400)
    for place in sorted(twice, reverse=True):
        told.insert(place, told[place - 1])
    made = panel(detector)
    made.active[:] = True
    past: History = []
    done = 0
    while done < len(told):
        some = batch([(0, *one) for one in told[done : done + sizes[done % len(sizes)]]])
        done += len(some)
        judged = made.judge(some, Undo())
        said = dict(zip(judged.index.tolist(), judged.state.tolist(), strict=True))
        for n, (time, value) in enumerate(zip(some.time.tolist(), some.value.tolist(), strict=True)):
            if math.isnan(value) or (past and time == past[-1][0]):
                assert n not in said
                continue
            past.append((time, value))
            opinion = plain(past, level) if len(past) % 11 in (0, 1) else None  # it looks at all of them again
            if opinion is not None and opinion[1] > 2e-3:
                assert said[n] == opinion[0], (len(past), past[-1])
