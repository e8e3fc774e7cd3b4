"""A herd and the farm around it, made up: what every device measures, and how it reaches the broker. Pure.

Activity is an animal's own level times two peaks a day (06:30, 17:30) times the herd's day times
bouts, counted; rumination (about 460 min a day, each reading the minutes since the one before) runs
against it; temperature is 38.6 ± 0.12 °C with a swing of 0.25 K a day. Deterministic: the same herd,
seed and block give the same values in any order, so a backtest, a demo and a farm of ten thousand
animals are one generator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alertd.tools.herd_incidents import CALF, DAY, FAULTS, HOUR, Incident

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Values = dict[str, NDArray[np.float64]]

PLACES: Final = {
    "barn-1": ("climate", ("temperature", "humidity")),
    "barn-2": ("climate", ("temperature", "humidity")),
    "tap-1": ("water", ("water_flow",)),
    "tank-1": ("tank", ("milk_temperature",)),
    "fence-1": ("fence", ("fence_voltage",)),
}
"""Everything but the cows: its kind, and what it measures."""
PEAKS: Final = (6.5, 17.5)
"""Hours at which cows are busiest: around the two milkings."""
BLOCKS: Final = 4
"""Into how many blocks a day is cut."""
AT_ONCE: Final = 1_000_000
"""Messages of a block at most, about 100 MB."""
BOUT: Final = 25 * 60.0
"""Seconds after which a cow's bout of walking or lying has mostly passed."""
COLLAR: Final = ("body_temperature", "activity", "rumination_minutes")
DIGITS: Final = {
    "body_temperature": 2,
    "rumination_minutes": 2,
    "milk_temperature": 2,
    "temperature": 2,
    "fence_voltage": 0,
}
SD: Final = {"activity": 12.0, "rumination_minutes": 3.0, "body_temperature": 0.2}
"""What a faulty sensor's spikes and drift are measured in."""
LOSS, TWICE, LATE, JITTER = 0.02, 0.01, 0.02, 0.8
"""Shares of messages lost, sent twice and late (by 15 min on average), and seconds of jitter."""


@dataclass(slots=True)
class Sent:
    """Messages in the order in which they reach the broker; seconds since the herd's start.

    `device` and `step` say where in `values` (metric to (devices of its kind, steps)) each stands;
    NaN: it tells nothing of that metric. `end` is where the next block begins.
    """

    arrives: NDArray[np.float64]
    time: NDArray[np.float64]
    device: NDArray[np.int64]
    step: NDArray[np.int64]
    cows: Values
    places: Values
    end: float


class Herd:
    """So many animals and the farm around them. `day` is how long a day lasts, in seconds: a demo shows one in an hour.

    With `transport` messages are lost, doubled and late as on a radio.
    """

    def __init__(
        self,
        animals: int,
        seed: int,
        incidents: Sequence[Incident] = (),
        *,
        day: float = DAY,
        transport: bool = False,
    ) -> None:
        dice = np.random.default_rng([seed, 0])
        self.cows = cow_names(animals)
        self.places = list(PLACES)
        self.incidents = tuple(incidents)
        self.day = day
        self._seed = seed
        self._transport = transport
        self._row = {name: at for at, name in enumerate(self.cows)} | {name: at for at, name in enumerate(self.places)}
        self._level = dice.lognormal(np.log(40), 0.25, animals)
        self._warmth = dice.normal(38.6, 0.12, animals)
        self._habit = dice.normal(0, 0.4, animals)

    @property
    def devices(self) -> list[str]:
        """Return every device that sends, cows first."""
        return self.cows + self.places

    def blocks(self, every: float, seconds: float | None = None) -> Iterator[Sent]:
        """Yield what is sent, a quarter of a day at a time at most, each device every `every` seconds."""
        number, length = 0, self._block(every)
        while seconds is None or number * length < seconds:
            yield self.block(number, every)
            number += 1

    def block(self, number: int, every: float) -> Sent:
        """Return the messages that are measured in block `number`."""
        length = self._block(every)
        steps: NDArray[np.float64] = np.arange(round(length / every), dtype=np.float64) * every + number * length
        cows, places = self._cows(number, steps), self._places_of(number, steps)
        return self._sent(number, steps, every, cows, places)

    def _block(self, every: float) -> float:
        most = max(1, AT_ONCE // len(self.devices))
        return max(1, min(most, round(self.day / BLOCKS / every))) * every

    # --- animals ------------------------------------------------------------------------------

    def _cows(self, number: int, steps: NDArray[np.float64]) -> Values:
        dice = np.random.default_rng([self._seed, 3, number])
        shape = (len(self.cows), len(steps))
        hours = (steps[1] - steps[0] if len(steps) > 1 else self.day / BLOCKS) / self.day * 24
        hour = self._hours(steps) + self._habit[:, None]
        curve = 0.5 + sum(np.exp(-(((hour - peak + 12) % 24 - 12) ** 2) / 4.15) for peak in PEAKS)
        days = (steps // self.day).astype(int)
        busy = np.array(
            [np.random.default_rng([self._seed, 4, int(one)]).normal(0, 0.08) for one in range(days[0], days[-1] + 1)]
        )
        active = self._level[:, None] * curve * np.exp(busy[days - days[0]] + 0.25 * self._bouts(number, steps))
        ruminating = 19.2 * (1.46 - 0.58 * curve)
        warm = self._warmth[:, None] + 0.25 * np.sin((hour - 11) * np.pi / 12) + np.zeros(shape)
        for one in self.incidents:
            if one.end >= steps[0] and one.start <= steps[-1]:
                self._happen(one, steps, active, ruminating, warm)
        values = {
            "body_temperature": warm + dice.normal(0, 0.06, shape),
            "activity": dice.poisson(active).astype(np.float64),
            "rumination_minutes": np.clip(ruminating + dice.normal(0, 4, shape), 0, 60) * hours,
        }
        self._swap(values, steps)
        for one in self.incidents:
            if one.kind in FAULTS and one.device in self._row and one.end >= steps[0] and one.start <= steps[-1]:
                self._fault(one, steps, values)
        return {name: np.round(array, DIGITS.get(name, 1)) for name, array in values.items()}

    def _hours(self, steps: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the hour of the cows' day, which follows the milkings."""
        hours = steps / self.day * 24 % 24
        for one in self.incidents:
            if one.kind in ("milking_shift", "summer_time"):
                hours = hours + one.size * ((steps >= one.start) & (steps < one.end))
        return hours

    def _bouts(self, number: int, steps: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return slow noise of variance 1: a chain that begins a block early, so that blocks join without a seam."""
        every = steps[1] - steps[0] if len(steps) > 1 else self.day
        rho = float(np.exp(-every / BOUT * DAY / self.day))
        warm = min(len(steps), 1 + round(3 * BOUT * self.day / DAY / every))
        rows = len(self.cows)
        before = np.random.default_rng([self._seed, 5, max(0, number - 1)]).standard_normal((len(steps), rows))
        white = np.concatenate(
            [before[-warm:], np.random.default_rng([self._seed, 5, number]).standard_normal((len(steps), rows))]
        )
        chain = white[0]
        found = np.empty((len(steps), rows))
        for at, fresh in enumerate(white[1:], 1 - warm):
            chain = rho * chain + np.sqrt(1 - rho * rho) * fresh
            if at >= 0:
                found[at] = chain
        return found.T

    def _happen(self, one: Incident, steps: NDArray[np.float64], active: Any, ruminating: Any, warm: Any) -> None:
        """Let something happen to an animal, or to all."""
        pace = self.day / DAY
        inside = (steps >= one.start) & (steps < one.end)
        cow = slice(None) if one.device == "*" else self._row.get(one.device, 0)
        # Sizes rise within 2 h, in a demo's short incidents within a tenth of them.
        ramp = np.clip((steps - one.start) / min(2 * HOUR * pace, (one.end - one.start) / 10), 0, 1) * inside
        match one.kind:
            case "oestrus" | "silent_oestrus":
                active[cow] *= 1 + (one.size - 1) * ramp
                ruminating[cow] *= 1 - 0.25 * ramp
                warm[cow] += 0.3 * ramp
            case "calving":
                calf = one.start + CALF * pace if one.end - one.start >= CALF * pace else (one.start + one.end) / 2
                left = (calf - steps) / (HOUR * pace)
                ruminating[cow] *= np.where(inside, np.select([left > 24, left > 8, left > 0], [1, 0.85, 0.5], 0.45), 1)  # noqa: PLR2004 (hours)
                active[cow] *= np.where(inside & (left <= 6) & (left > -2), 1.5, 1)  # noqa: PLR2004 (hours)
                warm[cow] -= 0.4 * (inside & (left > 0))
            case "fever":
                slow = np.clip((steps - one.start) / min(6 * HOUR * pace, (one.end - one.start) / 10), 0, 1) * inside
                warm[cow] += one.size * slow
                ruminating[cow] *= 1 - 0.35 * slow
                active[cow] *= 1 - 0.25 * slow
            case "lameness":
                active[cow] *= 1 - one.size * np.clip((steps - one.start) / (one.end - one.start), 0, 1) * inside
            case "heat_wave":
                warm[cow] += 0.35 * inside
                active[cow] *= np.where(inside, 0.9, 1)
                ruminating[cow] *= np.where(inside, 0.93, 1)
            case "pen_move" if one.device != "*":
                active[cow] *= np.where(inside, one.size, 1)
                ruminating[cow] *= np.where(inside, 0.85, 1)

    def _swap(self, values: Values, steps: NDArray[np.float64]) -> None:
        for one in self.incidents:
            if one.kind == "collar_swap":
                inside = np.flatnonzero((steps >= one.start) & (steps < one.end))
                here, there = self._row[one.device], self._row[one.other]
                for array in values.values():
                    array[here, inside], array[there, inside] = array[there, inside], array[here, inside].copy()

    def _fault(self, one: Incident, steps: NDArray[np.float64], values: Values) -> None:
        """Let a sensor fail. A silent collar and an empty battery tell nothing at all, others lie."""
        inside = (steps >= one.start) & (steps < one.end)
        line = values[one.metric][self._row[one.device]] if one.metric in values else np.empty(0)
        dice = np.random.default_rng([self._seed, 6, int(steps[0]) + self._row[one.device]])
        done = (steps - one.start) / (one.end - one.start)
        match one.kind:
            case "dropout":
                _nothing(values, self._row[one.device], inside)
            case "battery":
                _nothing(values, self._row[one.device], inside & (dice.random(len(steps)) < 0.95 * done))
            case "stuck":
                line[inside] = np.round(self._warmth[self._row[one.device]] if "temp" in one.metric else 20.0, 1)
            case "spikes":
                # Five in all, in whatever steps the fault lasts for.
                share = 5 * (steps[1] - steps[0] if len(steps) > 1 else self.day) / (one.end - one.start)
                line[inside & (dice.random(len(steps)) < share)] += 8 * SD[one.metric]
            case "drift":
                line[inside] += 4 * SD[one.metric] * done[inside]

    # --- places -------------------------------------------------------------------------------

    def _places_of(self, number: int, steps: NDArray[np.float64]) -> Values:
        dice = np.random.default_rng([self._seed, 7, number])
        shape = (len(self.places), len(steps))
        hour = steps / self.day * 24 % 24
        air = 16 + 4 * np.sin((hour - 9) * np.pi / 12) + np.zeros(shape)
        drunk = np.where((hour > 5) & (hour < 21), 0.11, 0.02) * len(self.cows)  # noqa: PLR2004 (by day: 80 % of it)
        flow = drunk * dice.gamma(4, 0.25, shape)
        milk, volts = 3.6 + np.zeros(shape), 6500 + np.zeros(shape)
        for one in self.incidents:
            inside = (steps >= one.start) & (steps < one.end)
            if one.kind == "heat_wave":
                air += 8 * inside
            elif one.device in self.places:
                place, begun = self.places.index(one.device), (steps - one.start) / HOUR
                ramp = np.clip((steps - one.start) / 5 + 0.2, 0, 1) * inside if one.end - one.start < HOUR else inside
                flow[place] += one.size * ramp * (one.kind == "leak")
                air[place] += one.size * ramp * (one.kind == "hot_barn")
                milk[place] += one.size * begun * inside if one.kind == "cooler" else 0
                volts[place] -= one.size * inside * (one.kind == "fence")
        noise = {name: dice.normal(0, 1, shape) for name in ("air", "damp", "milk", "volts")}
        values = {
            "temperature": air + 0.15 * noise["air"],
            "humidity": np.clip(70 - 1.5 * (air - 16) + 2 * noise["damp"], 20, 100),
            "water_flow": np.maximum(flow, 0),
            "milk_temperature": milk + 0.08 * noise["milk"],
            "fence_voltage": volts + 150 * noise["volts"],
        }
        for name, array in values.items():
            array[[name not in metrics for _, metrics in PLACES.values()]] = np.nan
        return {name: np.round(array, DIGITS.get(name, 1)) for name, array in values.items()}

    # --- the way to the broker ----------------------------------------------------------------

    def _sent(self, number: int, steps: NDArray[np.float64], every: float, cows: Values, places: Values) -> Sent:
        count = len(self.cows) + len(self.places)
        step, device = (axis.ravel() for axis in np.meshgrid(np.arange(len(steps)), np.arange(count), indexing="ij"))
        time = steps[step] + device * (every / count)
        arrives = time.copy()
        keep = np.ones(len(time), np.bool_)
        speaks = ~np.isnan(cows["activity"])
        animal = device < len(self.cows)
        keep[animal] = speaks[device[animal], step[animal]]
        if self._transport:
            dice = np.random.default_rng([self._seed, 8, number])
            arrives += dice.exponential(JITTER, len(time))
            keep &= dice.random(len(time)) >= LOSS
            late = dice.random(len(time)) < LATE
            arrives[late] += dice.exponential(900, int(late.sum()))
        index = np.flatnonzero(keep)
        if self._transport:
            index = np.concatenate([index, index[dice.random(len(index)) < TWICE]])
            arrives = arrives[index] + 1.0 * (np.arange(len(index)) >= keep.sum())
        else:
            arrives = arrives[index]
        time, device, step = time[index], device[index], step[index]
        for one in self.incidents:
            if one.kind == "gateway_outage":
                held = (arrives >= one.start) & (arrives < one.end)
                arrives[held] = one.end + (arrives[held] - one.start) / 1000  # the gateway kept them
            elif one.kind == "clock_skew":
                skewed = (device == self._row.get(one.device, -1)) & (time >= one.start) & (time < one.end)
                time[skewed] += 2 * HOUR
        order = np.argsort(arrives, kind="stable")
        end = float(steps[-1] + every)
        return Sent(arrives[order], time[order], device[order], step[order], cows, places, end)


def cow_names(animals: int) -> list[str]:
    """Return the ids of so many cows."""
    return [f"cow-{number:04}" for number in range(1, animals + 1)]


def _nothing(values: Values, row: int, where: NDArray[np.bool_]) -> None:
    for array in values.values():
        array[row, where] = np.nan
