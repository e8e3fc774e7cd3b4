"""Whatever can go wrong on a made-up farm shows in what is published, where and when the ground truth says, and only there."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from alertd.tools.herd import SD, Herd, cow_names
from alertd.tools.herd_incidents import DAY, DISTURBANCES, FAULTS, HOUR, Incident, natural
from alertd.tools.simulate import messages, true

EVERY = 1800.0
START, END = 2 * DAY, 4 * DAY
COW = "cow-0002"
Stream = dict[str, list[tuple[float, float, dict[str, float]]]]


def published(*incidents: Incident, animals: int = 8, days: float = 5, transport: bool = False) -> Stream:
    """What each device publishes: (when it arrives, when it was measured, values)."""
    found: Stream = defaultdict(list)
    for arrives, topic, measured, values in messages(
        Herd(animals, 1, incidents, transport=transport), EVERY, days * DAY
    ):
        found[topic.rpartition("/")[2]].append((arrives, measured, values))
    return found


def inside(told: list[tuple[float, float, dict[str, float]]], metric: str) -> np.ndarray:
    """The values of one metric that were measured while it lasts."""
    return np.array([values[metric] for _, measured, values in told if START <= measured < END and metric in values])


CALM = published()


def silent(struck: Stream) -> bool:
    return len(inside(struck[COW], "activity")) == 0


def fading(struck: Stream) -> bool:
    when = np.array([measured for _, measured, _ in struck[COW] if START <= measured < END])
    first, second = (when < (START + END) / 2).sum(), (when >= (START + END) / 2).sum()
    return 0 < second < first < 48


def stuck(struck: Stream) -> bool:
    return len(set(inside(struck[COW], "activity"))) == 1 < len(set(inside(CALM[COW], "activity")))


def spiking(struck: Stream) -> bool:
    away = inside(struck[COW], "activity") - inside(CALM[COW], "activity")
    return set(np.round(away, 1)) == {0.0, 8 * SD["activity"]} and 1 <= (away > 0).sum() <= 10


def drifting(struck: Stream) -> bool:
    away = inside(struck[COW], "activity") - inside(CALM[COW], "activity")
    return bool((np.diff(away) > -0.2).all()) and abs(away[0]) < 1 and abs(away[-1] - 4 * SD["activity"]) < 2


def skewed(struck: Stream) -> bool:
    ahead = {round(measured - arrives) for arrives, measured, _ in struck[COW] if START <= arrives < END}
    return ahead == {2 * HOUR} and {one[1] - one[0] for one in struck["cow-0001"]} == {0.0}


def hot(struck: Stream) -> bool:
    cows = [inside(struck[cow], "body_temperature") - inside(CALM[cow], "body_temperature") for cow in cow_names(8)]
    barn = inside(struck["barn-1"], "temperature") - inside(CALM["barn-1"], "temperature")
    return bool(np.allclose(cows, 0.35, atol=0.02) and np.allclose(barn, 8, atol=0.11))


def restless(struck: Stream) -> bool:
    return 1.4 < inside(struck[COW], "activity").mean() / inside(CALM[COW], "activity").mean() < 1.8


def an_hour_earlier(struck: Stream) -> bool:
    """The herd's busiest time of the morning, as the centre of what it does from 3 to 10 o'clock."""

    def morning(told: Stream) -> float:
        mean = np.mean([inside(told[cow], "activity") for cow in cow_names(8)], axis=0).reshape(2, 48).mean(axis=0)
        return float(np.average(np.arange(6, 20) / 2, weights=(mean[6:20] - mean[6:20].min()) ** 2))

    return 0.4 < morning(CALM) - morning(struck) < 1.4


def swapped(struck: Stream) -> bool:
    return all(
        np.array_equal(inside(struck[here], metric), inside(CALM[there], metric))
        for here, there in ((COW, "cow-0005"), ("cow-0005", COW))
        for metric in ("activity", "body_temperature", "rumination_minutes")
    )


def cut_off(struck: Stream) -> bool:
    told = [one for device in struck.values() for one in device]
    backlog = [measured for arrives, measured, _ in told if START <= measured < END and arrives >= END]
    return not any(START <= arrives < END for arrives, _, _ in told) and len(backlog) == 13 * 96


SHOWS = {
    "dropout": (silent, COW, ""),
    "battery": (fading, COW, ""),
    "stuck": (stuck, COW, ""),
    "spikes": (spiking, COW, ""),
    "drift": (drifting, COW, ""),
    "clock_skew": (skewed, COW, ""),
    "heat_wave": (hot, "*", ""),
    "pen_move": (restless, COW, ""),
    "milking_shift": (an_hour_earlier, "*", ""),
    "summer_time": (an_hour_earlier, "*", ""),
    "collar_swap": (swapped, COW, "cow-0005"),
    "gateway_outage": (cut_off, "*", ""),
}


def test_nothing_that_can_go_wrong_is_left_out() -> None:
    assert SHOWS.keys() == {*FAULTS, *DISTURBANCES}


@pytest.mark.parametrize("kind", SHOWS)
def test_it_shows_where_and_when_the_ground_truth_says(kind: str) -> None:
    shows, device, other = SHOWS[kind]
    size = {"pen_move": 1.6}.get(kind, 1.0)
    incident = Incident(kind, device, "activity" if kind in FAULTS else "", START, END, size, other)
    struck = published(incident)
    assert shows(struck)
    assert not shows(CALM)
    line = true(incident, 1_767_571_200)
    assert (line["kind"], line["device"], line.get("other")) == (kind, device, other or None)
    assert (line["start"], line["end"]) == ("2026-01-07T00:00:00Z", "2026-01-09T00:00:00Z")
    touched = {COW, other} if device == COW else set(struck)
    for name, told in struck.items():
        before = [one for one in told if one[0] < START]
        assert before == [one for one in CALM[name] if one[0] < START]
        if name not in touched and kind != "pen_move":  # what is counted draws other noise for all who come after her
            assert told == CALM[name], name


def test_a_radio_loses_doubles_and_delays() -> None:
    struck = published(transport=True)
    told = [(device, measured, arrives) for device, some in struck.items() for arrives, measured, _ in some]
    each = Counter((device, measured) for device, measured, _ in told)
    sent = 13 * 48 * 5
    assert 0.96 * sent < len(each) < sent  # lost
    assert 0 < sum(count - 1 for count in each.values()) < 0.03 * sent  # twice
    assert 0 < sum(arrives - measured > 300 for _, measured, arrives in told) < 0.04 * sent  # late


def test_a_herd_left_to_itself_meets_all_of_it_and_the_ground_truth_names_it() -> None:
    lines = [true(one, 0) for seed in (1, 2) for one in natural(cow_names(40), seed, 30)]
    assert {*FAULTS, *DISTURBANCES} <= {line["kind"] for line in lines}
    assert all(line["other"] for line in lines if line["kind"] == "collar_swap")
