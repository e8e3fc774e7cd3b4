"""A chart is drawn from the store by a child that cannot hurt the daemon."""

from __future__ import annotations

import math
import struct
import subprocess
import sys

import numpy as np
import pytest

from alertd.audience.person import Person
from alertd.charts import curve
from alertd.charts.draw import TOO_LITTLE, broken, labelled, value_range
from alertd.charts.drawing import Drawing, available
from alertd.charts.figure import Chart, chart_of
from alertd.ingest.settings import Device
from alertd.model import DAY, HOUR, MINUTE, SECOND, Alert, Batch, Series, Severity, State
from alertd.seams import Flush
from alertd.store.sqlite import SqliteStore
from alertd.wording import Words

NOW = 1_795_312_200 * SECOND  # 02:50 in Berlin
BERTA = Series("cow-0421", "body_temperature", "degC", group="dairy")
ANNA = Person("anna", "Anna", "de", "Europe/Berlin", None, ())
WORDS = Words([], [Device(id="cow-0421", name="Berta", tag="DE 09 12300421")])


def chart(path, **changed) -> Chart:
    alert = Alert(
        "x",
        217,
        "fever",
        "cow-0421",
        "body_temperature",
        None,
        Severity.WARNING,
        State.FIRING,
        40.1,
        "degC",
        None,
        NOW - 2 * HOUR,
    )
    return chart_of((changed.pop("series", BERTA), 40.1, NOW - MINUTE), [alert], [], WORDS, ANNA, NOW, str(path))


def test_the_words_of_a_chart_are_the_person_s() -> None:
    made = chart("a.db")
    assert (made.title, made.subtitle) == ("Berta (DE 09 12300421)", "Körpertemperatur 40,1 °C, 02:49")
    assert (made.decimal, made.usual) == (",", "üblich")
    assert made.spans == [(-2.0, 0.0, "A-217")]
    assert [text for _, text in made.hours] == ["04:00", "08:00", "12:00", "16:00", "20:00", "00:00"]
    assert all(-24 <= at <= 0 for at, _ in made.hours)


@pytest.fixture
async def store(tmp_path):
    """Eight days of a cow's temperature, a reading each ten minutes."""
    kept = SqliteStore(tmp_path / "a.db")
    await kept.open()
    start = NOW - 8 * DAY
    time = start + np.arange(8 * 144, dtype=np.int64) * 10 * MINUTE
    value = 38.5 + 0.2 * np.sin(np.arange(len(time)) / 23)
    readings = Batch(np.full(len(time), 1, np.int32), time, time, value, np.zeros(len(time), np.int8))
    await kept.commit(Flush(NOW, batch=readings, new_series=[(1, BERTA)]))
    yield kept
    await kept.close()


@pytest.mark.skipif(not available(), reason="the extra charts is not installed")
async def test_a_picture_comes_while_the_store_is_open(store, tmp_path) -> None:
    picture = await Drawing(tmp_path / "cache", patience=120).png(chart(store.path))
    assert picture is not None
    assert struct.unpack(">II", picture[16:24]) == (1080, 810)


async def test_a_series_that_was_hardly_heard_has_no_picture_and_that_is_no_fault(store, caplog) -> None:
    assert await Drawing().png(chart(store.path, series=Series("cow-9", "body_temperature", "degC"))) is None
    assert not caplog.records


async def test_a_store_that_cannot_be_read_costs_the_picture_only(tmp_path, capsys) -> None:
    (tmp_path / "broken.db").write_bytes(b"no store at all" * 100)
    assert await Drawing().png(chart(tmp_path / "broken.db")) is None


def test_the_child_may_not_have_all_memory(tmp_path) -> None:
    code = "import alertd.charts.draw as d; d.MEMORY = 1 << 28; d.main()"
    child = subprocess.run(
        [sys.executable, "-c", code + "; bytes(1 << 29)"], input=b"{}", capture_output=True, check=False
    )
    assert child.returncode != 0


async def test_the_curve_is_what_was_measured_in_its_order(store) -> None:
    time, value = curve.read(str(store.path), "cow-0421", "body_temperature", NOW - DAY, NOW)
    assert len(time) == 144
    assert (np.diff(time) == 10 * MINUTE).all()
    assert 38 < value.min() < value.max() < 39


def test_the_band_is_what_was_usual_at_that_hour() -> None:
    time = NOW - DAY - np.arange(1, 7 * 144) * 10 * MINUTE
    value = np.where((time - NOW) // HOUR % 24 < 12, 10.0, 20.0)
    found = {hour: (low, high) for hour, low, high in curve.band(time, value, NOW)}
    assert found[-23.5] == (10.0, 10.0)
    assert found[-0.5] == (20.0, 20.0)
    assert curve.band(time[:5], value[:5], NOW) == []


def test_many_points_keep_their_peaks() -> None:
    time, value = np.arange(86_400.0), np.zeros(86_400)
    value[12_345] = 40.0
    times, values = curve.thinned(time, value)
    assert len(times) <= curve.POINTS + 1
    assert values.max() == 40.0
    assert times[-1] == time[-1]


def test_what_was_not_measured_is_not_drawn() -> None:
    points = [(-5.0, 1.0), (-4.9, 1.0), (-4.8, 1.0), (-2.0, 2.0), (-1.9, 2.0)]
    assert [math.isnan(value) for _, value in broken(points)] == [False, False, False, True, False, False]


def test_a_limit_far_away_does_not_flatten_the_curve() -> None:
    far = Chart("", "", "", 0, "", "", [(1000.0, "1000"), (41.0, "41")], [], [], "", ".")
    low, high = value_range(far, [(-1.0, 38.0), (0.0, 40.0)], [])
    assert low < 38
    assert 41 < high < 45


def test_too_little_is_its_own_answer() -> None:
    assert TOO_LITTLE not in (0, 1, 2)


@pytest.mark.parametrize(
    ("spans", "labels"),
    [
        ([(-10.0, -2.0, "A-217")], [(-9.85, "left", "A-217")]),
        ([(-3.2, -1.5, "A-217")], [(-3.35, "right", "A-217")]),
        ([(-0.4, 0.0, "A-217")], [(-0.55, "right", "A-217")]),
        ([(-24.0, -23.0, "A-217")], [(-22.85, "left", "A-217")]),
        ([(-3.0, -2.0, "A-217"), (-1.0, 0.0, "A-217")], [(-3.15, "right", "A-217")]),
        ([(-20.0, -12.0, "A-3"), (-1.0, 0.0, "A-4")], [(-19.85, "left", "A-3"), (-1.15, "right", "A-4")]),
    ],
)
def test_the_number_of_an_alert_stands_in_its_span_or_beside_it_and_never_sticks_out(spans, labels) -> None:
    found = labelled(spans)
    assert [(round(at, 2), side, label) for at, side, label in found] == labels
