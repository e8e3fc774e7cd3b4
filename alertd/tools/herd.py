"""A herd and its barns, made up: what they send at a second, and what is really wrong with them. Pure.

Body temperature 38.6 ± 0.12 °C between cows and activity with two peaks a day follow
the generator's specification in the evaluation of detectors (literature: normal rectal
temperature 38.0-39.3 °C); a "day" may be shortened so that a demo shows one.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

SITE: Final = "demo"
BARNS: Final = 2
PEAKS: Final = (6.5 / 24, 17.5 / 24)
"""When cows are busiest, as shares of the day: around the two milkings."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that is really wrong: `kind` fever, restless, silent or hot_barn; seconds since the start."""

    kind: str
    device: str
    metric: str
    start: float
    end: float


@dataclass(slots=True)
class _Cow:
    device: str
    temperature: float
    activity: float


class Herd:
    """Deterministic: the same animals, seed and calls give the same values.

    `day` is the length of a day in seconds.
    """

    def __init__(self, animals: int, seed: int, incidents: Sequence[Incident] = (), *, day: float = 86_400.0) -> None:
        self._dice = random.Random(seed)  # noqa: S311 (a simulation)
        self._day = day
        self._incidents = tuple(incidents)
        self._cows = [
            _Cow(f"cow-{number:04}", self._dice.gauss(38.6, 0.12), self._dice.lognormvariate(math.log(40), 0.25))
            for number in range(1, animals + 1)
        ]

    @property
    def devices(self) -> list[str]:
        """Return every device that sends, cows first."""
        return [cow.device for cow in self._cows] + [f"barn-{number}" for number in range(1, BARNS + 1)]

    def message(self, number: int, second: float) -> tuple[str, dict[str, float]] | None:
        """Return topic and values of what device `number` sends at `second`; None while it is silent."""
        if number >= len(self._cows):
            barn = f"barn-{number - len(self._cows) + 1}"
            heat = 12 * self._share("hot_barn", barn, second)
            value = 21 + 2 * math.sin(2 * math.pi * second / self._day) + heat + self._dice.gauss(0, 0.1)
            return f"alertd/v1/{SITE}/climate/{barn}", {"temperature": round(value, 2)}
        cow = self._cows[number]
        if self._share("silent", cow.device, second):
            return None
        warm = cow.temperature + 1.5 * self._share("fever", cow.device, second) + self._dice.gauss(0, 0.05)
        busy = cow.activity * self._curve(second) * max(0.1, self._dice.gauss(1, 0.1))
        busy *= 4 if self._share("restless", cow.device, second) else 1
        values = {"body_temperature": round(warm, 2), "activity": round(busy, 1)}
        return f"alertd/v1/{SITE}/collar/{cow.device}", values

    def _curve(self, second: float) -> float:
        """Return how busy cows are at this time of day: 0.5 at night, about 1.5 at the peaks."""
        share = second / self._day % 1
        return 0.5 + sum(math.exp(-(((share - peak) / 0.06) ** 2) / 2) for peak in PEAKS)

    def _share(self, kind: str, device: str, second: float) -> float:
        """Return how far an incident has come: 0 none, rising to 1 within its first 5 s."""
        for one in self._incidents:
            if one.kind == kind and one.device == device and one.start <= second < one.end:
                return min(1.0, (second - one.start) / 5 + 0.2)
        return 0.0


def drawn(animals: int, seed: int, seconds: float) -> list[Incident]:
    """Draw incidents for a run: about one cow in ten, and one hot barn, none overlapping on a device."""
    dice = random.Random(seed ^ 0x5EED)  # noqa: S311 (a simulation)
    metrics = {"fever": "body_temperature", "restless": "activity", "silent": "activity"}
    found = []
    for number in dice.sample(range(1, animals + 1), max(1, animals // 10)):
        kind = dice.choice(list(metrics))
        start = dice.uniform(0.1, 0.6) * seconds
        found.append(Incident(kind, f"cow-{number:04}", metrics[kind], start, start + 0.3 * seconds))
    start = dice.uniform(0.1, 0.6) * seconds
    found.append(Incident("hot_barn", "barn-1", "temperature", start, start + 0.3 * seconds))
    return sorted(found, key=lambda one: one.start)
