"""Derived metrics say the same as the plainest way to compute them, however readings come and whatever is taken back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_deriving import Plain

from alertd.alerting.rules import matches
from alertd.detect.derived import Derived
from alertd.detect.deriving import Deriving
from alertd.model import SECOND, Batch, Quality, Series
from alertd.undo import Undo

if TYPE_CHECKING:
    from collections.abc import Mapping

START = 1_790_000_000_000_000
TYPES = (np.int32, np.int64, np.int64, np.float64, np.int8)
COW = {"species": "cattle"}
OF_GROUP = {"metric": "activity", "by": "group"}
OF_BARN = {"metric": "activity", "by": "barn"}
DERIVED = [
    Derived.model_validate(one)
    for one in (
        {
            "metric": "share",
            "match": COW,
            "from": {"own": "rumination", "herd": {"metric": "rumination", "by": "group", "least": 2}},
            "formula": "own / herd",
            "max_age": "10m",
        },
        {
            "metric": "restless",
            "match": COW,
            "from": {
                "own": "activity",
                "herd": {**OF_GROUP, "least": 3, "default": 1},
                "share": {"metric": "share", "default": 1},
            },
            "formula": "own / herd * (2 - min(share, 1))",
        },
        {
            "metric": "among",
            "from": {
                "own": "activity",
                "all": {**OF_BARN, "aggregate": "sum"},
                "n": {**OF_BARN, "aggregate": "count"},
                "low": {**OF_BARN, "aggregate": "min"},
                "high": {**OF_BARN, "aggregate": "max", "least": 2, "default": 9},
                "mean": {**OF_BARN, "aggregate": "mean"},
                "middle": OF_BARN,
            },
            "formula": "own + 7 * all + 2e4 * n + 2e5 * low + 2e7 * high + 2e9 * mean + 2e11 * middle",
            "max_age": "2m",
        },
        {
            "metric": "worst",
            "by": "barn",
            "match": COW,
            "from": {
                "r": {"metric": "restless", "aggregate": "max"},
                "a": "activity",
                "out": {"metric": "activity", "device": "weather"},
            },
            "formula": "r + 100 * a + 1e4 * out",
            "max_age": "20m",
        },
        {
            "metric": "climbed",
            "from": {
                "own": "activity",
                "rose": {**OF_GROUP, "rise": "10m", "noise": 2, "default": -1},
                "fell": {**OF_GROUP, "fall": "5m", "aggregate": "max", "default": -1},
                "wrong": {**OF_GROUP, "clock": True, "aggregate": "mean"},
            },
            "formula": "own + 100 * rose + 1e5 * fell + 1e8 * wrong",
        },
        {
            "metric": "beside",
            "from": {
                "own": "restless",
                "herd": {"metric": "restless", "by": "group"},
                "crowd": {"metric": "worst", "by": "barn", "default": 0},
            },
            "formula": "own - herd + 100 * crowd",
            "max_age": "10m",
        },
        {
            "metric": "weathered",
            "device": "farm",
            "from": {"a": {"metric": "activity", "device": "weather"}, "b": {"metric": "worst", "device": "north"}},
            "formula": "a + 100 * b",
        },
    )
]
COWS = ("a", "b", "c", "d", "e", "f")
HERE = ("a", "b", "c")
"""Who is known from the beginning."""
STANDS = {cow: (("one", "two")[n % 3 == 2], ("north", "south")[n % 2]) for n, cow in enumerate(COWS)}


class Life:
    """A daemon's derived metrics and the rows of its store, beside the plain way."""

    def __init__(self) -> None:
        self.series: list[Series] = []
        self.rows: dict[tuple[str, str], int] = {}
        self.stands = dict(STANDS)
        self.deriving, self.plain = Deriving(DERIVED), Plain(DERIVED)
        self.kept: list[tuple] = []
        self.now = START
        self.waiting: list[tuple] = []
        for device in ("weather", *HERE):
            self.join(device)

    def labels(self, series: Series) -> Mapping[str, str]:
        if series.device not in COWS:
            return {**({"group": series.group} if series.group else {}), **series.labels}
        group, barn = self.stands[series.device]
        return {"species": "cattle", "group": group, "barn": barn}

    def join(self, device: str) -> None:
        for metric in ("activity", "rumination"):
            if (device, metric) not in self.rows:
                stands = self.stands.get(device, (None, "yard"))
                self.row(Series(device, metric, "", False, stands[0], {"barn": stands[1]}))

    def row(self, series: Series) -> int:
        key = (series.device, series.metric)
        if key not in self.rows:
            self.rows[key] = len(self.series)
            self.series.append(series)
            self.plain.known.append((*key, self.labels(series)))
            self.relate(self.rows[key])
        return self.rows[key]

    def relate(self, row: int) -> None:
        labels = self.labels(self.series[row])
        for series, result in self.deriving.add(row, self.series[row], labels, lambda match: matches(match, labels)):
            self.deriving.bear(result, self.row(series))

    def hear(self, gap: float, device: str, metric: str, value: float, shift: float, quality: int) -> None:
        """A reading comes; it is taken with the next step."""
        if (device, metric) in self.rows:
            self.now += round(gap * SECOND)
            told = (self.rows[device, metric], self.now + round(shift * SECOND), self.now, float(value), int(quality))
            self.waiting.append(told)
            self.plain.hear(told)

    def step(self) -> None:
        """All readings that wait are one batch."""
        self.take(self.waiting, Undo())
        self.waiting = []

    def take(self, told: list[tuple], undo: Undo) -> None:
        columns = zip(*told, strict=True) if told else [()] * 5
        batch = Batch(*(np.array(column, kind) for column, kind in zip(columns, TYPES, strict=True)))
        made = self.deriving.extended(batch, told[-1][2] if told else self.now, undo)
        assert tuple(getattr(made, name).dtype for name in Batch.__slots__) == TYPES
        self.kept += zip(*(getattr(made, name).tolist() for name in Batch.__slots__), strict=True)

    def undone(self, share: float) -> None:
        """A commit fails: what was taken is taken back, and comes again in two parts."""
        known, undo, kept = self.known(), Undo(), len(self.kept)
        self.take(self.waiting, undo)
        undo.rollback()
        del self.kept[kept:]
        assert self.known() == known
        first = self.waiting[: int(share * len(self.waiting))]
        self.waiting = self.waiting[len(first) :]
        if first:
            self.take(first, Undo())

    def tick(self, seconds: float) -> None:
        self.step()
        self.now += round(seconds * SECOND)
        self.plain.tick(self.now)
        self.step()

    def restart(self, *moved: str) -> None:
        """The daemon starts anew; in between some cows were put into the other group and the other barn."""
        self.step()
        for cow in moved:
            group, barn = self.stands[cow]
            self.stands[cow] = ("two" if group == "one" else "one", "south" if barn == "north" else "north")
        kept, self.deriving = self.deriving.dump(), Deriving(DERIVED)
        self.plain.known = [(one.device, one.metric, self.labels(one)) for one in self.series]
        for row in range(len(self.series)):
            self.relate(row)
        self.plain.restart()
        self.deriving.load(kept)

    def known(self) -> tuple:
        return self.deriving.dump(), self.deriving.next_due()

    def end(self) -> list[tuple]:
        self.tick(100_000)
        assert self.deriving.next_due() is None
        assert not self.plain.waits
        return self.kept


GAPS = st.sampled_from([0.0, 0.0, 0.3, 0.3, 1.0, 1.0, 1.0, 20.0, 60.0, 119.0, 120.0, 599.0, 600.0, 3600.0])
VALUES = st.integers(1, 40) | st.sampled_from([1, 1, 5, 0, math.nan, math.inf])
READINGS = st.tuples(
    GAPS,
    st.sampled_from([*COWS, *HERE, *HERE, "weather"]),
    st.sampled_from(["activity", "activity", "rumination"]),
    VALUES,
    st.sampled_from([0.0] * 6 + [-0.3, -1.0, -120.0, -600.0, -3600.0, 30.0]),
    st.sampled_from([Quality.LIVE] * 6 + [Quality.LATE, Quality.UNKNOWN_TIME, Quality.RETAINED]),
)
LATELY = st.tuples(st.just(0.3), st.sampled_from(COWS), st.just("activity"), VALUES, st.just(0.0), st.just(0))
HAPPENINGS = st.one_of(
    st.just(("step",)),
    st.tuples(st.just("undone"), st.floats(0, 1)),
    st.tuples(st.just("tick"), st.sampled_from([0.0, 0.7, 1.0, 600.0, 3600.0])),
    st.tuples(st.just("join"), st.sampled_from(COWS)),
    st.builds(lambda cows: ("restart", *cows), st.sets(st.sampled_from(COWS)).map(sorted)),
)
STORIES = st.lists(
    st.one_of(
        *[READINGS.map(lambda one: ("hear", *one))] * 4, *[LATELY.map(lambda one: ("hear", *one))] * 2, HAPPENINGS
    ),
    min_size=20,
    max_size=60,
)
MANY = st.lists(READINGS.map(lambda one: ("hear", *one)), min_size=40, max_size=80)
"""More than a batch that is put together from lists."""


def lived(story) -> Life:
    life = Life()
    for what, *how in story:
        if what == "join":
            life.step()
        getattr(life, what)(*how)
    return life


def check(story) -> None:
    life = lived(story)
    made, expected = life.end(), life.plain.out
    assert [one[:3] for one in made] == [one[:3] for one in expected]
    assert repr(made) == repr(expected)  # NaN is NaN


@settings(max_examples=60, deadline=None)
@given(STORIES)
def test_a_result_is_its_formula_over_the_newest_of_each_input(story):
    check(story)


@settings(max_examples=10, deadline=None)
@given(MANY)
def test_however_many_come_at_once(story):
    check(story)
