"""A rule that is edited or new knows at once what the kept readings have to tell."""

from __future__ import annotations

import math

import numpy as np
import pytest
from batches import batch, feed, panel, windows_of

from alertd.detect import KINDS
from alertd.detect.relearning import Relearning
from alertd.undo import Undo

HOT = KINDS["threshold"](above=1e6)
GAP = 30
DAYS = 4
EDITS = {
    "baseline": (
        KINDS["baseline"](window="1h", baseline="2d", ratio_below=0.7),
        KINDS["baseline"](window="2h", baseline="3d", ratio_below=0.7),
    ),
    "robust_zscore": (
        KINDS["robust_zscore"](window={"samples": 20}, above=6),
        KINDS["robust_zscore"](window={"samples": 80}, above=6),
    ),
    "zscore": (KINDS["zscore"](window="5h", above=6), KINDS["zscore"](window="3d", above=6)),
    "seasonal": (KINDS["zscore"](window="5h", above=6), KINDS["seasonal"](above=6)),
    "adaptive": (KINDS["zscore"](window="5h", above=6), KINDS["adaptive"]()),
    "rate": (KINDS["rate"](above=1e5, window="1h"), KINDS["rate"](above=1e5, window="6h")),
    "drift": (KINDS["drift"](window="6h", above=3), KINDS["drift"](window="1d", above=3)),
}


def told(series=3):
    """Four days of three series, the third hears only half of it; some values are wild."""
    rows = [
        (row, GAP * n + row / 10, 20 + row + math.sin(n / 7.6) + (7919 * n % 13) / 20 + (90 if n % 71 == 70 else 0))
        for n in range(DAYS * 24 * 60 // GAP)
        for row in range(series)
        if row < 2 or n % 2
    ]
    return rows, [(row, DAYS * 24 * 60 + row / 10, value) for row in range(series) for value in (21.0 + row,)]


def kept(rows, size=50):
    return [batch(rows[at : at + size], arrived=10_000 + at) for at in range(0, len(rows), size)]


def lived(*detectors, rows):
    """A panel of these detectors that judged these readings."""
    made = panel(*detectors, series=3)
    for one in kept(rows):
        made.judge(one, Undo())
    return made


def relearned(old, *detectors, batches):
    """A panel of these detectors that begins with what another knew, and learns the rest from these batches."""
    made = panel(*detectors, series=3)
    assert made.load(old.dump())
    relearning = Relearning(made)
    for one in batches:
        relearning.take(one)
    relearning.done()
    return made


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_rule_judges_as_if_it_had_always_been_so(edit):
    before, after = EDITS[edit]
    rows, then = told()
    always = lived(HOT, after, rows=rows)
    made = relearned(lived(HOT, before, rows=rows), HOT, after, batches=kept(rows))
    lines = made.learned.get(1, np.arange(3))
    assert lines.tobytes() == always.learned.get(1, np.arange(3)).tobytes()
    ours, theirs = windows_of(made), windows_of(always)
    assert [set(theirs[row][0]) - set(ours[row][0]) for row in range(3)] == [set()] * 3
    assert feed(made, then) == feed(always, then)


def test_what_the_other_rules_learned_stays_as_it_is():
    before, after = EDITS["robust_zscore"]
    other = EDITS["baseline"][0]
    rows, then = told()
    old = lived(other, before, rows=rows)
    # The journal does not reach as far back as they do.
    made = relearned(old, after, other, batches=kept(rows)[40:])
    assert made.learned.get(1, np.arange(3)).tobytes() == old.learned.get(0, np.arange(3)).tobytes()
    assert [one for one in feed(made, then) if one[0] == 1] == [(1, *one[1:]) for one in feed(old, then) if one[0] == 0]


def test_what_is_kept_in_the_windows_already_is_kept_where_the_journal_is_shorter():
    before, after = EDITS["zscore"]
    rows, _ = told()
    old = lived(before, rows=rows)
    made = relearned(old, after, batches=kept(rows)[-2:])
    assert [row[0] for row in windows_of(made)] == [row[0] for row in windows_of(old)]


class Stumbles(KINDS["drift"]):
    """A drift that cannot bear a value."""

    def judge(self, history, learned, time, value, *, slot):
        if (value == 13.0).any():
            raise OverflowError(13)
        return super().judge(history, learned, time, value, slot=slot)

    def judge_one(self, reading, line, *, slot):
        if reading.value == 13.0:
            raise OverflowError(13)
        return super().judge_one(reading, line, slot=slot)


def test_where_a_rule_stumbles_over_a_reading_nothing_of_its_batch_was_taken():
    before, after = KINDS["drift"](window="6h", above=3), Stumbles(window="1d", above=3)
    rows, then = told()
    old = lived(before, rows=rows)
    made = panel(after, series=3)
    assert made.load(old.dump())
    relearning = Relearning(made)
    for size in (2, 100):
        poison = [(n % 3, n - 9_000.0, 13.0 if n == size - 1 else 500.0) for n in range(size)]
        with pytest.raises(OverflowError):
            relearning.take(batch(poison))
    for one in kept(rows):
        relearning.take(one)
    relearning.done()
    assert feed(made, then) == feed(lived(after, rows=rows), then)


def test_where_every_rule_fits_there_is_nothing_to_learn():
    before = EDITS["zscore"][0]
    rows, _ = told()
    made = panel(before, series=3)
    assert made.load(lived(before, rows=rows).dump())
    assert not Relearning(made).needed


def test_a_window_that_is_to_reach_further_is_filled_also_where_nothing_is_learned():
    class Looks(KINDS["peers"]):
        """Compares groups: it has no learned line."""

    rows, _ = told()
    before, after = Looks(window="5h", above=3), Looks(window="3d", above=3)
    made = relearned(lived(before, rows=rows), after, batches=kept(rows))
    always = lived(after, rows=rows)
    assert [
        set(theirs[0]) - set(ours[0]) for theirs, ours in zip(windows_of(always), windows_of(made), strict=True)
    ] == [set()] * 3
