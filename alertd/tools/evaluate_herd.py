"""The shipped rules on made-up herds with everything that goes wrong: what is found, what is told for nothing.

An incident is found if a rule that speaks of it opens an alert on its device while it lasts, or
shortly before or after, and somebody is told. An alert is false if nothing was wrong with its device (a disturbance of
the herd is no excuse). Beside every share stands what alerts at random times would have reached:
the same alerts, moved around the clock of the run together.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np

from alertd.holding import concatenated
from alertd.ingest.ranges import known
from alertd.ingest.settings import Device
from alertd.model import DAY, HOUR, SECOND, Series
from alertd.tools.backtest_recorder import Recording, believed, by_arrival
from alertd.tools.backtest_replay import Replay
from alertd.tools.herd import COLLAR, PLACES, Herd, cow_names
from alertd.tools.herd_incidents import FAULTS, Incident, natural

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from alertd.config.config import Config
    from alertd.model import Batch, Micros
    from alertd.tools.herd import Sent

START: Final = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp()) * SECOND
"""A Monday; the simulated summer time comes in its own week."""
WARM: Final = 11
"""Days in which rules learn: nothing in them is scored."""
BEFORE: Final = 2 * HOUR
"""So much earlier than the truth an alert still is the incident's."""
AFTER: Final = 12 * HOUR
"""So much later: rules look back over hours."""
SHIFTS: Final = 20
ROLES: Final = {
    "barn-1": {"role": "barn"},
    "barn-2": {"role": "barn"},
    "tap-1": {"role": "tap"},
    "tank-1": {"role": "tank", "collection": "alternate"},
    "fence-1": {"role": "fence"},
}
GOALS: Final = {
    "oestrus": ("oestrus",),
    "fever and calving": ("fever", "calving"),
    "barn": ("leak", "cooler", "fence"),
}
"""What is counted together, and which kinds of incidents it holds."""
TRUE: Final = ("oestrus", "silent_oestrus", "calving", "fever", "lameness", "leak", "cooler", "fence")
SPEAKS: Final = {
    "activity": ("oestrus", "silent_oestrus"),
    "rumination_minutes": ("fever", "calving", "oestrus"),
    "body_temperature": ("fever", "calving", "oestrus"),
    "temperature_beside_group": (),
    "restlessness": ("oestrus", "silent_oestrus"),
    "rumination_relative": ("fever", "calving", "oestrus"),
}
"""Which incidents an alert on a metric can be about; on places every alert speaks of whatever is wrong there."""
SENSOR: Final = (*FAULTS, "collar_swap")
"""What a rule about sensors (`health: true`, or `absence`) is right about, beside a gateway that is away."""
HERD: Final = ("pen_move", "milking_shift", "heat_wave", "gateway_outage")
"""What alerts of a whole group are right about."""


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert as the scoring sees it."""

    rule: str
    device: str | None
    metric: str | None
    at: Micros


@dataclass(slots=True)
class Score:
    """Counts that add up over herds; `chance` holds expected counts."""

    found: Counter[str] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)
    chance: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    false: Counter[str] = field(default_factory=Counter)
    false_by_chance: float = 0.0
    alerts: int = 0
    animal_days: float = 0.0
    delays: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Hours from an incident's beginning to its first alert, by kind."""
    why: list[str] = field(default_factory=list)
    """What was missed and what was false, one by one: seed, day, and what happened near."""

    def add(self, other: Score) -> None:
        """Add the counts of another herd."""
        self.found += other.found
        self.happened += other.happened
        self.false += other.false
        self.false_by_chance += other.false_by_chance
        self.alerts += other.alerts
        self.animal_days += other.animal_days
        self.why += other.why
        for kind, value in other.chance.items():
            self.chance[kind] += value
        for kind, hours in other.delays.items():
            self.delays[kind].extend(hours)

    def share(self, goal: str) -> tuple[float, float]:
        """Return the share of incidents found, and that by chance."""
        kinds = GOALS[goal]
        whole = max(1, sum(self.happened[kind] for kind in kinds))
        return (
            sum(self.found[kind] for kind in kinds) / whole,
            sum(self.chance.get(kind, 0.0) for kind in kinds) / whole,
        )

    @property
    def false_rate(self) -> float:
        """Return false alerts per 100 animal-days, all rules together."""
        return 100 * sum(self.false.values()) / max(1.0, self.animal_days)


def evaluate(config: Config, seed: int, animals: int, days: int, every: float) -> Score:
    """Make one herd, replay it through the rules of `config`, and score the alerts."""
    incidents = natural(cow_names(animals), seed, days)
    herd = Herd(animals, seed, incidents, transport=True)
    live = [rule for rule in config.rules if rule.enabled and rule.mode == "live"]  # the others tell nobody anything
    farm = config.model_copy(update={"devices": devices(herd), "rules": live})
    recording = record(herd, every, days)
    opened: dict[str, Raised] = {}
    told: set[str] = set()
    for happened in Replay(farm, recording).run():
        alert = happened.opened
        if alert is not None:
            opened[f"A-{alert.number}"] = Raised(alert.rule, alert.device, alert.metric, happened.at)
        elif happened.message is not None:
            told.update(happened.message.alerts)
    raised = [one for number, one in opened.items() if number in told]  # what is muted or in shadow disturbs nobody
    sensors = {rule.name for rule in live if rule.health or rule.detect.kind == "absence"}
    return score(raised, incidents, sensors, animals=animals, days=days, seed=seed)


def devices(herd: Herd) -> list[Device]:
    """Return the farm's devices as an operator would list them: cows in two pens, places with their roles."""
    cows = [
        Device(id=cow, species="cattle", group=("pen-a", "pen-b")[number % 2], labels={"site": "home"})
        for number, cow in enumerate(herd.cows)
    ]
    places = [
        Device(id=name, species="cattle" if name == "fence-1" else None, labels={**labels, "site": "home"})
        for name, labels in ROLES.items()
    ]
    return cows + places


def record(herd: Herd, every: float, days: int) -> Recording:
    """Return all that a herd sends in so many days, as it arrives."""
    metrics = [COLLAR] * len(herd.cows) + [metrics for _, metrics in PLACES.values()]
    number = {name: at for at, name in enumerate((*COLLAR, *dict.fromkeys(m for _, ms in PLACES.values() for m in ms)))}
    series: list[Series] = []
    row = np.full((len(herd.devices), len(number)), -1, np.int32)
    for at, (device, names) in enumerate(zip(herd.devices, metrics, strict=True)):
        for name in names:
            row[at, number[name]] = len(series)
            series.append(Series(device, name, known(name).unit, known(name).state))
    batches = [
        part
        for block in herd.blocks(every, days * DAY / SECOND)
        for part in _columns(block, len(herd.cows), row, number)
    ]
    return Recording(series, by_arrival(concatenated(batches)))


def _columns(block: Sent, animals: int, row: np.ndarray, number: dict[str, int]) -> list[Batch]:
    """Return a block's readings, one batch a metric."""
    found = []
    for mine, table, first in (
        (block.device < animals, block.cows, 0),
        (block.device >= animals, block.places, animals),
    ):
        device, step = block.device[mine], block.step[mine]
        time = START + np.round(block.time[mine] * SECOND).astype(np.int64)
        arrives = START + np.round(block.arrives[mine] * SECOND).astype(np.int64)
        for name, array in table.items():
            value = array[device - first, step]
            told = ~np.isnan(value)
            found.append(believed(row[device[told], number[name]], time[told], arrives[told], value[told]))
    return found


def score(
    raised: Sequence[Raised],
    incidents: Sequence[Incident],
    sensors: Collection[str],
    *,
    animals: int,
    days: int,
    seed: int,
) -> Score:
    """Compare alerts with what really happened, after the days in which rules learn; `sensors` are rules about them.

    What the end of the run cuts off is not scored.
    """
    begin, end = START + WARM * DAY, START + days * DAY
    result = Score(animal_days=animals * (days - WARM))
    counted = [one for one in raised if begin <= one.at < end]
    result.alerts = len(counted)
    scored = [one for one in incidents if begin <= _at(one.start) and _at(one.end) <= end and one.kind in TRUE]
    for one in scored:
        result.happened[one.kind] += 1
        first = _first(counted, one)
        if first is None:
            result.why.append(f"seed {seed}: missed {_shown(one)}; {_near(_at(one.start), one.device, incidents)}")
        else:
            result.found[one.kind] += 1
            result.delays[one.kind].append((first - _at(one.start)) / HOUR)
    by_device: defaultdict[str, list[Incident]] = defaultdict(list)
    for one in incidents:
        by_device[one.device].append(one)
    false = [one for one in counted if not _explained(one, by_device, sensors)]
    result.false.update(one.rule for one in false)
    for wrong in false:
        day, near = (wrong.at - START) / DAY, _near(wrong.at, wrong.device, incidents)
        result.why.append(f"seed {seed}: false {wrong.rule} {wrong.device} day {day:.2f}; {near}")
    dice = np.random.default_rng([seed, 99])
    for offset in dice.integers(DAY, end - begin - DAY, SHIFTS).tolist():
        moved = [
            Raised(one.rule, one.device, one.metric, begin + (one.at - begin + offset) % (end - begin))
            for one in counted
        ]
        for one in scored:
            result.chance[one.kind] += (_first(moved, one) is not None) / SHIFTS
        result.false_by_chance += sum(not _explained(one, by_device, sensors) for one in moved) / SHIFTS
    return result


def _shown(one: Incident) -> str:
    start, hours = one.start * SECOND / DAY, (one.end - one.start) * SECOND / HOUR
    return f"{one.kind} {one.device} {one.metric} day {start:.2f} for {hours:.0f} h, size {one.size:.2f}"


def _near(at: Micros, device: str | None, incidents: Sequence[Incident]) -> str:
    """Name what happened to a device, or to the herd, within a day of a moment: what may have hidden or feigned it."""
    near = [
        _shown(one)
        for one in incidents
        if device in (one.device, one.other) or one.device == "*"
        if _at(one.start) - DAY <= at <= _at(one.end) + DAY
    ]
    return f"near: {', '.join(near) or 'nothing'}"


def _first(raised: Sequence[Raised], one: Incident) -> Micros | None:
    """Return when the first alert that speaks of an incident opened."""
    times = [
        alert.at
        for alert in raised
        if alert.device == one.device and one.kind in SPEAKS.get(alert.metric or "", TRUE) and _within(alert.at, one)
    ]
    return min(times, default=None)


def _explained(alert: Raised, by_device: dict[str, list[Incident]], sensors: Collection[str]) -> bool:
    """Return whether anything was wrong that the alert can mean."""
    herd = by_device.get("*", [])
    if alert.device is None:
        moved = [one for some in by_device.values() for one in some if one.kind in HERD]
        return any(_within(alert.at, one) for one in moved)
    near = [one for one in by_device.get(alert.device, []) if _within(alert.at, one)]
    if alert.rule in sensors:
        swapped = [one for some in by_device.values() for one in some if one.other == alert.device]
        away = [one for one in herd if one.kind == "gateway_outage"]
        return any(one.kind in SENSOR for one in near) or any(_within(alert.at, one) for one in (*swapped, *away))
    if alert.metric in ("temperature", "thi"):
        return any(one.kind == "heat_wave" and _within(alert.at, one) for one in herd)
    return any(one.kind in TRUE for one in near)


def _within(at: Micros, one: Incident) -> bool:
    return _at(one.start) - BEFORE <= at <= _at(one.end) + AFTER


def _at(second: float) -> Micros:
    return START + round(second * SECOND)
