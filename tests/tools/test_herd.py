"""The made-up herd: the same seed is the same herd, incidents show where the truth says, and nowhere else."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from alertd.tools.herd import Herd, cow_names
from alertd.tools.herd_incidents import DAY, DISTURBANCES, FAULTS, HOUR, Incident, natural, packed
from alertd.tools.simulate import messages

HALF_HOUR = 1800.0


def series(herd: Herd, metric: str, device: str, days: int, every: float = HALF_HOUR) -> np.ndarray:
    """All values of one series, also those never sent."""
    row = (herd.cows if device in herd.cows else herd.places).index(device)
    blocks = herd.blocks(every, days * DAY)
    return np.concatenate([(one.cows if device in herd.cows else one.places)[metric][row] for one in blocks])


def test_the_same_seed_is_the_same_herd_in_whatever_order_it_is_asked_for() -> None:
    incidents = natural(cow_names(8), 3, 20)
    assert incidents == natural(cow_names(8), 3, 20)
    one, other = Herd(8, 3, incidents, transport=True), Herd(8, 3, incidents, transport=True)
    late = other.block(9, HALF_HOUR)
    early = [one.block(number, HALF_HOUR) for number in range(10)]
    for name in ("arrives", "time", "device", "step"):
        np.testing.assert_array_equal(getattr(early[9], name), getattr(late, name))
    np.testing.assert_array_equal(early[9].cows["activity"], late.cows["activity"])
    assert natural(cow_names(8), 4, 20) != incidents


def test_a_cow_ruminates_460_minutes_a_day_and_walks_at_milking_time() -> None:
    herd = Herd(40, 1)
    blocks = list(herd.blocks(HALF_HOUR, 10 * DAY))
    ruminating = np.concatenate([one.cows["rumination_minutes"] for one in blocks], axis=1)
    assert 430 < ruminating.mean() * 48 < 490
    active = np.concatenate([one.cows["activity"] for one in blocks], axis=1).mean(axis=0).reshape(10, 48).mean(axis=0)
    assert active[13] > 1.8 * active[4]  # half past six, two at night
    warm = np.concatenate([one.cows["body_temperature"] for one in blocks], axis=1)
    assert 38.4 < warm.mean() < 38.8


@pytest.mark.parametrize(
    ("kind", "metric", "size", "low", "high"),
    [
        ("oestrus", "activity", 2.4, 1.8, 3.0),
        ("fever", "body_temperature", 1.5, 1.03, 1.05),
        ("fever", "rumination_minutes", 1.5, 0.5, 0.8),
        ("lameness", "activity", 0.4, 0.7, 0.9),
        ("calving", "rumination_minutes", 1.0, 0.5, 0.9),
    ],
)
def test_what_happens_to_a_cow_shows_in_her_values(kind, metric, size, low, high) -> None:
    start, end = 3 * DAY, 3 * DAY + 44 * HOUR
    inside = slice(int(start / HALF_HOUR) + 12, int(end / HALF_HOUR))
    calm = series(Herd(4, 1), metric, "cow-0002", 6)
    struck = series(Herd(4, 1, [Incident(kind, "cow-0002", metric, start, end, size)]), metric, "cow-0002", 6)
    assert low < struck[inside].mean() / calm[inside].mean() < high
    np.testing.assert_array_equal(struck[: int(start / HALF_HOUR)], calm[: int(start / HALF_HOUR)])


@pytest.mark.parametrize(
    ("kind", "place", "metric", "size", "change"),
    [
        ("leak", "tap-1", "water_flow", 4, 4),
        ("fence", "fence-1", "fence_voltage", 4500, -4500),
        ("hot_barn", "barn-1", "temperature", 12, 12),
    ],
)
def test_what_happens_to_a_place_shows_in_its_values(kind, place, metric, size, change) -> None:
    calm = series(Herd(4, 1), metric, place, 3)
    struck = series(Herd(4, 1, [Incident(kind, place, metric, DAY, 2 * DAY, size)]), metric, place, 3)
    assert abs((struck - calm)[60:90].mean() - change) < 0.01 * abs(change) + 0.1
    assert (struck - calm)[:48].max() == 0


def test_a_swapped_collar_tells_of_the_other_cow() -> None:
    swap = Incident("collar_swap", "cow-0001", "", DAY, 2 * DAY, other="cow-0003")
    plain, swapped = Herd(4, 1), Herd(4, 1, [swap])
    inside = slice(48, 96)
    for here, there in (("cow-0001", "cow-0003"), ("cow-0003", "cow-0001")):
        mixed = series(swapped, "activity", here, 3)
        np.testing.assert_array_equal(mixed[inside], series(plain, "activity", there, 3)[inside])


def test_natural_incidents_hold_every_kind_of_fault_and_disturbance_and_leave_a_cow_time_between_two() -> None:
    found = [one for seed in range(12) for one in natural(cow_names(60), seed, 45)]
    kinds = {one.kind for one in found}
    assert kinds >= {
        *FAULTS,
        *DISTURBANCES,
        "oestrus",
        "silent_oestrus",
        "calving",
        "fever",
        "lameness",
        "leak",
        "cooler",
    }
    cows = natural(cow_names(60), 1, 45, faults=False)
    assert not {one.kind for one in cows} & {*FAULTS, *DISTURBANCES}
    by_cow = sorted((one.device, one.start, one.end) for one in cows if one.device.startswith("cow"))
    for (device, _, end), (other, start, _) in pairwise(by_cow):
        assert device != other or start > end + 2 * DAY - 1


def test_a_radio_loses_doubles_and_delays_and_an_outage_comes_late() -> None:
    outage = Incident("gateway_outage", "*", "", 2 * HOUR, 4 * HOUR)
    block = Herd(50, 2, [outage], transport=True).block(0, 300)
    whole = 72 * 55
    assert 0.97 * whole < len(block.time) < whole
    assert (np.diff(block.arrives) >= 0).all()
    assert not ((block.arrives >= outage.start) & (block.arrives < outage.end)).any()
    late = block.arrives - block.time > 300
    assert 0.3 < late.mean() < 0.5  # a third of these six hours, and a few


def test_packed_incidents_fit_into_the_run_and_strike_each_device_once() -> None:
    found = packed(cow_names(50), 3, 1000)
    assert all(0 <= one.start < one.end <= 1000 for one in found)
    assert len({one.device for one in found}) == len(found) == 7


def test_a_herd_of_ninety_meets_every_fault_and_disturbance_in_a_short_run() -> None:
    found = packed(cow_names(90), 3, 600)
    assert {*FAULTS, *DISTURBANCES} <= {one.kind for one in found}
    assert all(0 <= one.start < one.end <= 600 for one in found)
    struck = {one.device for one in found if one.kind not in DISTURBANCES}
    assert not struck & {name for one in found if one.kind in DISTURBANCES for name in (one.device, one.other)}
    told = list(messages(Herd(90, 3, found), 30, 600))
    assert [one[0] for one in told] == sorted(one[0] for one in told)


def test_messages_come_in_the_order_of_their_arrival_across_blocks() -> None:
    told = list(messages(Herd(6, 1, transport=True), 600, 2 * DAY))
    assert [one[0] for one in told] == sorted(one[0] for one in told)
    assert {len(one[3]) for one in told} == {1, 2, 3}
    assert len(list(messages(Herd(6, 1), 600, DAY))) == 11 * 144
