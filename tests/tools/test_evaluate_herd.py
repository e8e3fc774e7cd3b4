"""The evaluation counts what is found and what is told for nothing; a short version of `make evaluate`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alertd.model import DAY, HOUR, MINUTE
from alertd.tools import evaluate
from alertd.tools.evaluate_herd import START, WARM, Raised, devices, record, score
from alertd.tools.herd import Herd
from alertd.tools.herd_incidents import DAY as DAY_SECONDS
from alertd.tools.herd_incidents import Incident

CONFIG = Path(__file__).parents[2] / "config" / "evaluation.yaml"
DAYS = 30
SENSORS = {"silent", "drifts"}


def happens(kind: str, device: str, day: float, hours: float, metric: str = "activity") -> Incident:
    return Incident(kind, device, metric, day * DAY_SECONDS, day * DAY_SECONDS + hours * 3600)


def alert(rule: str, device: str | None, day: float, metric: str = "activity") -> Raised:
    return Raised(rule, device, metric, START + round(day * DAY))


def judged(raised: list[Raised], incidents: list[Incident]):
    return score(raised, incidents, SENSORS, animals=2, days=DAYS, seed=1)


@pytest.mark.parametrize(
    ("raised", "incident", "found", "false"),
    [
        (alert("heat", "cow-0001", 15.1), happens("oestrus", "cow-0001", 15, 10), 1, 0),
        (alert("heat", "cow-0002", 15.1), happens("oestrus", "cow-0001", 15, 10), 0, 1),
        (alert("heat", "cow-0001", 17.0), happens("oestrus", "cow-0001", 15, 10), 0, 1),
        (alert("heat", "cow-0001", 15.1), happens("pen_move", "cow-0001", 15, 6), 0, 1),
        (alert("heat", None, 15.1), happens("pen_move", "cow-0001", 15, 6), 0, 0),
        (alert("silent", "cow-0001", 15.1), happens("dropout", "cow-0001", 15, 6), 0, 0),
        (alert("heat", "cow-0001", 15.1), happens("stuck", "cow-0001", 15, 6), 0, 1),
        (alert("heat", "cow-0001", 15.1), happens("silent_oestrus", "cow-0001", 15, 6), 1, 0),
        (alert("drifts", "cow-0001", 15.1), happens("fever", "cow-0001", 15, 6), 0, 1),
        (alert("drifts", "cow-0001", 15.1), happens("collar_swap", "cow-0001", 15, 6), 0, 0),
        (alert("heat", "cow-0001", 29.95), happens("oestrus", "cow-0001", 29.9, 10), 0, 0),
        (alert("heat", "cow-0001", WARM - 0.5), happens("oestrus", "cow-0001", WARM - 1, 10), 0, 0),
    ],
)
def test_an_alert_is_right_if_something_was_wrong_with_its_own_animal(raised, incident, found, false) -> None:
    result = judged([raised], [incident])
    assert (sum(result.found.values()), sum(result.false.values())) == (found, false)


def test_what_was_missed_and_what_was_false_is_named_with_what_happened_near():
    result = judged([alert("heat", "cow-0002", 15.1)], [happens("oestrus", "cow-0001", 15, 10)])
    missed, false = result.why
    assert missed.startswith("seed 1: missed oestrus cow-0001 activity day 15.00 for 10 h")
    assert false == "seed 1: false heat cow-0002 day 15.10; near: nothing"


def test_chance_is_what_the_same_alerts_reach_at_random_times() -> None:
    incidents = [happens("oestrus", "cow-0001", 12 + 6 * n, 10) for n in range(3)]
    rare = judged([alert("heat", "cow-0001", 12.1)], incidents)
    often = judged([alert("heat", "cow-0001", 11 + n / 4) for n in range(76)], incidents)
    assert often.share("oestrus") == pytest.approx((1.0, 1.0))
    assert rare.share("oestrus")[1] < rare.share("oestrus")[0] < 0.5
    assert often.false_rate > 100


def test_a_herd_becomes_a_recording_as_it_arrives_with_its_devices_listed() -> None:
    herd = Herd(3, 1, [happens("gateway_outage", "*", 1, 3, "")], transport=True)
    recording = record(herd, 1800, 2)
    assert (np.diff(recording.batch.received) >= 0).all()
    assert {one.metric for one in recording.series} >= {"activity", "milk_temperature", "fence_voltage"}
    assert {one.unit for one in recording.series if one.metric == "body_temperature"} == {"degC"}
    assert (recording.batch.received - recording.batch.time).max() > HOUR
    assert (recording.batch.quality > 0).any()
    listed = {one.id: one for one in devices(herd)}
    assert set(listed) == set(herd.devices)
    assert recording.batch.time.min() >= START - MINUTE


def test_one_small_herd_through_the_shipped_rules(tmp_path: Path) -> None:
    """The whole of `make evaluate` in small; its floors are held by the full run."""
    page = tmp_path / "page.md"
    small = ["--seeds", "1", "--animals", "6", "--days", "16", "--tuning", "--data", str(tmp_path)]
    evaluate.main(["--config", str(CONFIG), "--page", str(page), *small])
    text = page.read_text(encoding="utf-8")
    assert "| oestrus |" in text
    assert "by chance" in text
    assert text.count("Not measured") == 2  # recorded data is not part of the repository
    assert "fence-low" in text  # the configuration used
    row = next(line for line in text.splitlines() if line.startswith("| barn |"))
    found, whole, share, chance = (float(cell) for cell in row.split("|")[2:6])
    assert found == share * whole >= chance * whole
