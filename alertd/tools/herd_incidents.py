"""What happens on a made-up farm: to animals, barns and sensors, drawn by natural rates or packed into minutes.

Rates and sizes: oestrus every 21 ± 1.6 d for 11 ± 3 h with activity about 2.4 times (Lovendahl &
Chagunda 2010), 12 % of cows silent, 35 % pregnant; rumination before calving, fever of
0.9 to 1.8 K (Adams et al. 2013). Disturbances are no reason to call anybody: they are what
false alarms are made of.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR

ANIMAL: Final = ("oestrus", "calving", "fever", "lameness")
BARN: Final = ("leak", "cooler", "fence", "hot_barn")
FAULTS: Final = ("dropout", "stuck", "spikes", "drift", "battery", "clock_skew")
DISTURBANCES: Final = ("heat_wave", "pen_move", "milking_shift", "summer_time", "collar_swap", "gateway_outage")
METRIC: Final = {
    "oestrus": "activity",
    "silent_oestrus": "activity",
    "calving": "rumination_minutes",
    "fever": "body_temperature",
    "lameness": "activity",
    "leak": "water_flow",
    "cooler": "milk_temperature",
    "fence": "fence_voltage",
    "hot_barn": "temperature",
}
"""The metric that shows it best."""
PLACE: Final = {"leak": "tap-1", "cooler": "tank-1", "fence": "fence-1"}
CALF: Final = 36 * HOUR
"""From the first sign of calving to the calf."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that really happens to a device (`*`: to the herd), in seconds since the herd's start.

    `size` is how strong: a factor for oestrus, kelvin for fever, a share for lameness.
    `other` is the device a collar was swapped with.
    """

    kind: str
    device: str
    metric: str
    start: float
    end: float
    size: float = 1.0
    other: str = ""


def natural(cows: list[str], seed: int, days: float, *, faults: bool = True) -> list[Incident]:
    """Draw what happens to a herd in so many days, at the rates of section 7 of the evaluation's specification."""
    dice = np.random.default_rng([seed, 1])
    end = days * DAY
    found: list[Incident] = []
    for cow in cows:
        found += _cycles(cow, dice, end)
        found += _once(cow, "calving", dice, end, 0.10, CALF + 8 * HOUR)
        found += _once(cow, "fever", dice, end, 0.12, dice.uniform(1, 3) * DAY, dice.uniform(0.9, 1.8))
        found += _once(cow, "lameness", dice, end, 0.08, dice.uniform(7, 14) * DAY, dice.uniform(0.3, 0.5))
    found = _apart(found)
    for kind, length, size in (("leak", 2 * DAY, 4.0), ("cooler", 10 * HOUR, 0.8), ("fence", 6 * HOUR, 4500.0)):
        found += _once(PLACE[kind], kind, dice, end, 1.0, length, size)
    return found + (_disturbances(cows, dice, end) + _faults(cows, dice, end) if faults else [])


def packed(cows: list[str], seed: int, seconds: float) -> list[Incident]:
    """Draw incidents for a short run: about one cow in ten, a few faults and one barn, none overlapping on a device.

    A herd of 90 and more meets every fault, and every disturbance with it.
    """
    dice = np.random.default_rng([seed, 2])
    kinds = ("fever", "oestrus", "calving", *FAULTS)
    struck = dice.choice(cows, max(1, len(cows) // 10), replace=False)
    found = []
    for number, cow in enumerate(struck):
        kind = kinds[number % len(kinds)] if number < len(kinds) else str(dice.choice(kinds))
        found.append(_short(kind, str(cow), dice, seconds))
    found.append(_short("hot_barn", "barn-1", dice, seconds))
    found.append(_short("leak", "tap-1", dice, seconds))
    if len(struck) >= len(kinds):
        found += _passing([cow for cow in cows if cow not in struck], dice, seconds)
    return sorted(found, key=lambda one: (one.start, one.device))


def _short(kind: str, device: str, dice: np.random.Generator, seconds: float) -> Incident:
    start = dice.uniform(0.1, 0.6) * seconds
    size = {"fever": 1.6, "oestrus": 4.0, "leak": 4.0, "hot_barn": 12.0}.get(kind, 1.0)
    return Incident(kind, device, METRIC.get(kind, "activity"), start, start + 0.3 * seconds, size)


def _passing(cows: list[str], dice: np.random.Generator, seconds: float) -> list[Incident]:
    """Draw one disturbance of each kind, in the second half of a short run."""
    one, two, *moved = (str(cow) for cow in dice.choice(cows, 2 + len(cows) // 4, replace=False))
    whom: dict[str, tuple[tuple[str, str], ...]] = {
        "pen_move": tuple((cow, "") for cow in moved),
        "collar_swap": ((one, two),),
    }
    size = {"pen_move": 1.6}
    found = []
    for kind in DISTURBANCES:
        start = dice.uniform(0.5, 0.9) * seconds
        end = start + (0.02 if kind == "gateway_outage" else 0.1) * seconds
        for device, other in whom.get(kind, (("*", ""),)):
            found.append(Incident(kind, device, "", start, end, size.get(kind, 1.0), other))
    return found


def _cycles(cow: str, dice: np.random.Generator, end: float) -> list[Incident]:
    if dice.random() < 0.35:  # noqa: PLR2004 (pregnant)
        return []
    kind = "silent_oestrus" if dice.random() < 0.12 else "oestrus"  # noqa: PLR2004 (share of silent cows)
    at, found = dice.uniform(0, 21) * DAY, []
    while at < end:
        length = float(np.clip(dice.normal(11, 3), 5, 18)) * HOUR
        size = 1.15 if kind == "silent_oestrus" else float(dice.lognormal(math.log(2.4), 0.25))
        found.append(Incident(kind, cow, "activity", at, at + length, size))
        at += dice.normal(21, 1.6) * DAY
    return found


def _once(
    device: str, kind: str, dice: np.random.Generator, end: float, share: float, length: float, size: float = 1.0
) -> list[Incident]:
    struck, at = dice.random() < share, dice.uniform(0, 1)
    if not struck or length >= end:
        return []
    start = at * (end - length)
    return [Incident(kind, device, METRIC[kind], start, start + length, size)]


def _apart(found: list[Incident]) -> list[Incident]:
    """Leave out what would begin within two days of something else of the same cow: nobody could score it."""
    kept: list[Incident] = []
    rank = {kind: at for at, kind in enumerate(("calving", "fever", "lameness", "oestrus", "silent_oestrus"))}
    for one in sorted(found, key=lambda one: (one.device, rank[one.kind], one.start)):
        near = 2 * DAY
        if all(k.device != one.device or one.start > k.end + near or one.end + near < k.start for k in kept):
            kept.append(one)
    return kept


def _disturbances(cows: list[str], dice: np.random.Generator, end: float) -> list[Incident]:
    def some(kind: str, length: float, device: str = "*", size: float = 1.0, other: str = "") -> Incident:
        start = dice.uniform(0.3, 0.9) * (end - length)
        return Incident(kind, device, "", start, start + length, size, other)

    one, two = (str(cow) for cow in dice.choice(cows, 2, replace=False))
    moved = [str(cow) for cow in dice.choice(cows, max(1, len(cows) // 4), replace=False)]
    move = some("pen_move", 6 * HOUR)
    shift = dice.uniform(0.4, 0.6) * end
    return [
        some("heat_wave", 3 * DAY),
        *(Incident("pen_move", cow, "", move.start, move.end, 1.6) for cow in moved),
        some("milking_shift", 2 * DAY, size=float(dice.choice([-1.0, 1.0]))),
        Incident("summer_time", "*", "", shift, end, 1.0),
        some("collar_swap", 4 * DAY, one, other=two),
        *(some("gateway_outage", dice.uniform(1, 6) * HOUR) for _ in range(2)),
    ]


def _faults(cows: list[str], dice: np.random.Generator, end: float) -> list[Incident]:
    """Strike a quarter of the collars' series with one fault each."""
    lengths = {"dropout": (0.25, 2.0), "stuck": (1, 3), "spikes": (1, 2), "drift": (5, 8), "battery": (3, 4)}
    found = []
    for cow in cows:
        for metric in ("activity", "rumination_minutes", "body_temperature"):
            if dice.random() < 0.25:  # noqa: PLR2004 (share of series)
                kind = str(dice.choice(FAULTS))
                length = min(dice.uniform(*lengths.get(kind, (0.5, 1.5))) * DAY, end / 4)
                start = dice.uniform(0.1, 1) * (end - length)
                found.append(Incident(kind, cow, metric, start, start + length))
    return found
