"""A listed device is waited for before it says what it is: then its unit, its labels and its rules count."""

from __future__ import annotations

import numpy as np
from farm import START, Farm, hot

from alertd.model import SECOND, Batch, Kind, Series

SILENT = {"name": "silent", "match": {"metric": "temperature"}, "detect": {"kind": "absence", "after": "2h"}}
COW = {"id": "cow-1", "name": "Berta"}


def reading(farm: Farm, second: int, value: float, series: Series) -> list:
    row = farm.book.row(series)
    at = START + second * SECOND
    batch = Batch(
        np.array([row], np.int32),
        np.array([at], np.int64),
        np.array([at], np.int64),
        np.array([value]),
        np.array([0], np.int8),
    )
    return farm.step(second, batch)


def test_its_unit_and_the_labels_of_its_topic_count_from_the_first_reading_on():
    farm = Farm(SILENT, hot(match={"metric": "temperature", "site": "home"}), devices=(COW,))
    assert farm.book.expect_listed() == [0]
    series = Series("cow-1", "temperature", unit="degC", group="dairy", labels={"site": "home"})
    (told,) = reading(farm, 5, 35.0, series)
    assert told.kind is Kind.FIRING
    assert "35.0 °C" in told.text
    assert told.data["group"] == "dairy"
    assert farm.book.described.changed == {0}
    assert farm.book.series[0] == series


def test_a_gateway_that_was_only_expected_keeps_its_state_until_the_next_word():
    rule = {
        "name": "offline",
        "match": {"metric": "online"},
        "detect": {"kind": "state", "equals": 0, "hold": "30m"},
    }
    farm = Farm(SILENT | {"match": {"metric": "online"}}, rule, devices=({"id": "gw-1"},))
    farm.book.expect_listed()
    reading(farm, 5, 0.0, Series("gw-1", "online", unit="bool", state=True))
    assert [message.kind for second in range(60, 1900, 60) for message in farm.tick(second)] == [Kind.FIRING]


def test_what_was_said_already_is_not_taken_back_by_another_source():
    farm = Farm(SILENT, devices=(COW,))
    farm.book.expect_listed()
    first = Series("cow-1", "temperature", unit="degC")
    reading(farm, 5, 20.0, first)
    farm.book.row(Series("cow-1", "temperature", unit="degC", labels={"site": "away"}))
    assert farm.book.series[0] == first
