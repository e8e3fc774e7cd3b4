"""Reading lines become columns, by the rules that hold for live readings.

What a value is (units, words, plausible ranges) and how far a time is believed is decided by
the same code that reads payloads (`alertd.ingest`). Lines are taken thousands at a time as
arrays; where anything about them is out of the ordinary, one by one, and what is no reading
is named with its reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from alertd.ingest.fields import Field
from alertd.ingest.labels import clean, device_text
from alertd.ingest.roster import Roster
from alertd.ingest.shapes import Spec
from alertd.ingest.times import EARLIEST, IMPOSSIBLE, LATEST, TOLERANCE, parse_time
from alertd.model import Batch, Quality, Rejected, Series
from alertd.tools.backtest_columns import Columns, moments_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from alertd.config.config import Config
    from alertd.model import Micros
    from alertd.tools.backtest_columns import Key

    Complain = Callable[[int, str], None]

QUALITIES: Final = {quality.name.lower(): int(quality) for quality in Quality}
KEPT: Final = (int(Quality.UNKNOWN_TIME), int(Quality.RETAINED))
"""Qualities in which a recording must be believed: its times alone do not show them."""
ORDINARY: Final = ({None}, {"live"}, {"live", "late"}, {"late"})
TIMES: Final = 100_000
"""Texts of times remembered: every device of a farm has the same ones."""


class Line(msgspec.Struct, gc=False):
    """A reading as it is written everywhere (CONTRACT.md section 3); other keys are labels (`backtest_read`)."""

    device: str | int
    metric: str
    value: float | bool | str | None
    time: str | float | None = None
    received: str | float | None = None
    unit: str | None = None
    quality: str | None = None
    group: str | None = None
    labels: dict[str, Any] | None = None


@dataclass(slots=True)
class Recording:
    """Readings in order of arrival; `batch.series` are indices into `series`. `bad`: lines that were no readings."""

    series: list[Series] = field(default_factory=list)
    batch: Batch = field(default_factory=Batch.empty)
    bad: int = 0


class _OddError(Exception):
    """These lines must be looked at one by one."""


class Recorder:
    """Takes lines, and makes a recording of them."""

    def __init__(self, config: Config) -> None:
        self._specs = {
            name: Spec(name, unit=mapping.unit or "", words=mapping.map or {}, kind=_state(mapping.kind))
            for source in config.sources
            for name, mapping in (source.metrics or {}).items()
        }
        self._roster = Roster(config.devices, config.limits, self._register)
        self._fields: dict[tuple[str, str], Field] = {}
        self._series: list[Series] = []
        self._rows: dict[tuple[str, str], int] = {}
        self._known = _Known(self)
        self._times = _Times(ZoneInfo(config.farm.timezone))
        self._batches: list[Batch] = []
        self._bad = 0
        self.taken = 0
        """Readings so far."""

    def take(self, numbers: Sequence[int], lines: Sequence[Line], complain: Complain) -> None:
        """Take lines; `complain` hears the number of each that is no reading, and why."""
        if not lines:
            return
        if not self.take_at_once(columns_of(lines)):
            self._add(self._one_by_one(numbers, lines, complain))

    def take_at_once(self, columns: Columns) -> bool:
        """Take lines of which none is out of the ordinary; False: one is, and nothing was taken."""
        try:
            self._add(self._at_once(columns))
        except _OddError:
            return False
        return True

    def _add(self, batch: Batch) -> None:
        self._batches.append(batch)
        self.taken += len(batch)

    def refuse(self, complain: Complain, number: int, why: str) -> None:
        """Count a line that is no reading, and say why."""
        self._bad += 1
        complain(number, why)

    def recording(self) -> Recording:
        """Return everything taken so far, in order of arrival."""
        batches, self._batches = self._batches, []
        return Recording(self._series, by_arrival(joined(batches)), self._bad)

    # --- thousands at a time ------------------------------------------------------------------

    def _at_once(self, lines: Columns) -> Batch:
        if lines.qualities not in ORDINARY:
            raise _OddError
        if not isinstance(lines.values, np.ndarray) and {*map(type, lines.values)} != {float}:
            raise _OddError
        known = self._known
        which = np.array([known[key] for key in lines.keys], np.intp)
        value = np.asarray(lines.values, np.float64)
        rows, exact, low, high = known.columns()
        if not (exact[which] & (value >= low[which]) & (value <= high[which])).all():
            raise _OddError
        time = self._moments(lines.times)
        arrivals = lines.arrivals
        received = time if not isinstance(arrivals, np.ndarray) and not any(arrivals) else self._moments(arrivals)
        if received is time:
            return Batch(rows[which], time, received, value, np.full(len(value), Quality.LIVE, np.int8))
        return believed(rows[which], time, received, value)

    def _moments(self, texts: Sequence[str | float | None] | NDArray[np.int64]) -> NDArray[np.int64]:
        if isinstance(texts, np.ndarray):
            return texts
        if {*map(type, texts)} != {str}:
            raise _OddError
        alike = moments_of(texts)  # type: ignore[arg-type]  # all are texts
        if alike is not None:
            return alike
        found = np.array([self._times[text] for text in texts], np.int64)  # type: ignore[index]
        if (found == IMPOSSIBLE).any():
            raise _OddError
        return found

    # --- one by one ---------------------------------------------------------------------------

    def _one_by_one(self, numbers: Sequence[int], lines: Sequence[Line], complain: Complain) -> Batch:
        found: list[tuple[int, Micros, Micros, float, int]] = []
        for number, line in zip(numbers, lines, strict=True):
            reading = self._reading(line)
            if isinstance(reading, str):
                self.refuse(complain, number, reading)
            else:
                found.append(reading)
        row, time, received, value, quality = zip(*found, strict=True) if found else ((),) * 5
        return Batch(
            np.array(row, np.int32),
            np.array(time, np.int64),
            np.array(received, np.int64),
            np.array(value, np.float64),
            np.array(quality, np.int8),
        )

    def _reading(self, line: Line) -> tuple[int, Micros, Micros, float, int] | str:
        """Return row, time, arrival, value and quality of a line, or what is wrong with it."""
        met = self.meet((line.device, line.metric, line.unit), line)
        if isinstance(met, Rejected):
            return met.detail
        row, field = met
        value = field.read(line.value)
        if isinstance(value, Rejected):
            return value.detail
        moment = self._moment(line)
        return moment if isinstance(moment, str) else (row, moment[0], moment[1], value, moment[2])

    def _moment(self, line: Line) -> tuple[Micros, Micros, int] | str:
        """Return time, arrival and quality, or what is wrong with them."""
        own, arrival = line.time, line.received
        if own is None and arrival is None:
            return "time: missing"
        time = self._times.read(own) if own is not None else IMPOSSIBLE
        received = self._times.read(arrival) if arrival is not None else time
        for name, text, moment in (("time", own, time), ("received", arrival, received)):
            if text is not None and moment == IMPOSSIBLE:
                return f"{name}: {_shown(text)} is not a time such as 2026-11-01T06:00:00Z"
        if line.quality is not None and line.quality not in QUALITIES:
            return f"quality: {_shown(line.quality)} is none of {', '.join(QUALITIES)}"
        quality = QUALITIES.get(line.quality or "", 0)
        if quality in KEPT:
            return (received if own is None else time), received, quality
        if own is None or arrival is None:
            return received, received, int(Quality.LIVE)
        # The recording's own clock stands for ours: one from before 2020 was recorded then.
        if time > received + TOLERANCE or time < EARLIEST <= received:
            return received, received, int(Quality.UNKNOWN_TIME)
        return time, received, int(Quality.LIVE if time >= received - TOLERANCE else Quality.LATE)

    # --- who it is ----------------------------------------------------------------------------

    def meet(self, key: Key, line: Line | None = None) -> tuple[int, Field] | Rejected:
        """Return row and field of a series, registering one that is new; of a new one the first line is asked."""
        device, metric, unit = device_text(key[0]), clean(key[1]), key[2] or ""
        if not device or "\ufffd" in device:
            return Rejected("no_device", f"device: {_shown(key[0])} is no id")
        if not metric or "\ufffd" in metric:
            return Rejected("no_metric", f"metric: {_shown(key[1])} is no name")
        try:
            field = self._field(metric, unit)
        except ValueError as error:
            return Rejected("bad_unit", str(error))
        row = self._rows.get((device, metric))
        if row is None:
            if line is None:
                raise _OddError
            labels = {clean(name): clean(str(text)) for name, text in (line.labels or {}).items()}
            captures = {"group": clean(line.group)} if line.group else {}
            entry = self._roster.entry(0, device, captures, labels)
            if isinstance(entry, Rejected):
                return entry
            field.read(line.value)  # of a metric nobody knows the first value tells whether it is a state
            row = self._rows[device, metric] = self._roster.row(entry, field)
        return row, field

    def _field(self, metric: str, unit: str) -> Field:
        """Return how values of a metric are read that come in `unit` (empty: the canonical one)."""
        found = self._fields.get((metric, unit))
        if found is None:
            spec = self._specs.get(metric, Spec(metric))
            canonical = Field(spec).unit
            found = Field(Spec(metric, unit=unit or canonical, words=spec.words, kind=spec.kind))
            self._fields[metric, unit] = found
        return found

    def _register(self, series: Series) -> int:
        self._series.append(series)
        return len(self._series) - 1


def columns_of(lines: Sequence[Line]) -> Columns:
    """Return lines as columns."""
    return Columns(
        [(line.device, line.metric, line.unit) for line in lines],
        [line.value for line in lines],
        [line.time for line in lines],
        [line.received for line in lines],
        {line.quality for line in lines},
    )


class _Known(dict["Key", int]):
    """Series as lines name them, numbered; what is known of each stands in arrays."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder
        self._facts: list[tuple[int, bool, float, float]] = []
        self._columns: tuple[NDArray[Any], ...] = ()

    def __missing__(self, key: Key) -> int:
        met = self._recorder.meet(key)
        if isinstance(met, Rejected):
            raise _OddError
        row, field = met
        self._facts.append((row, field.exact, field.low, field.high))
        self[key] = len(self._facts) - 1
        return self[key]

    def columns(self) -> tuple[NDArray[Any], ...]:
        """Return rows, whether values need no conversion, lowest and highest plausible values."""
        if not self._columns or len(self._columns[0]) < len(self._facts):
            kinds = (np.int32, np.bool_, np.float64, np.float64)
            columns = zip(*self._facts, strict=True)
            self._columns = tuple(np.array(column, kind) for column, kind in zip(columns, kinds, strict=True))
        return self._columns


class _Times(dict[str, "Micros"]):
    """Times by their text."""

    def __init__(self, zone: ZoneInfo) -> None:
        super().__init__()
        self._zone = zone

    def __missing__(self, text: str) -> Micros:
        if len(self) >= TIMES:
            self.clear()
        found = self[text] = self.read(text)
        return found

    def read(self, text: str | float) -> Micros:
        """Read a time; one without a zone is the farm's."""
        return parse_time(text, "auto", self._zone, LATEST)


def believed(
    row: NDArray[np.int32], time: NDArray[np.int64], received: NDArray[np.int64], value: NDArray[np.float64]
) -> Batch:
    """Return readings whose times are believed as far as `alertd.ingest.times.judge_time` would, by their arrival."""
    quality = np.full(len(row), Quality.LIVE, np.int8)
    quality[time < received - TOLERANCE] = Quality.LATE
    # The recording's own clock stands for ours: one from before 2020 was recorded then.
    impossible = (time > received + TOLERANCE) | ((time < EARLIEST) & (received >= EARLIEST))
    quality[impossible] = Quality.UNKNOWN_TIME
    return Batch(row, np.where(impossible, received, time), received, value, quality)


def joined(batches: list[Batch]) -> Batch:
    """Return batches as one, in order, and leave nothing of them: one column at a time is there twice, not all."""
    whole, nothing = Batch.empty(), Batch.empty()
    alike = all(batch.received is batch.time or np.array_equal(batch.received, batch.time) for batch in batches)
    for name in Batch.__slots__:
        if name == "received" and alike:
            whole.received = whole.time
        elif batches:
            setattr(whole, name, np.concatenate([getattr(batch, name) for batch in batches]))
        for batch in batches:
            setattr(batch, name, getattr(nothing, name))
    return whole


def by_arrival(batch: Batch) -> Batch:
    """Return readings in order of arrival; of the same arrival in the order they came."""
    if (batch.received[1:] >= batch.received[:-1]).all():
        return batch
    return batch.take(np.argsort(batch.received, kind="stable"))


def _state(kind: str | None) -> str | None:
    """Return the kind as far as recorded readings still need it: a counter's are counted already."""
    return kind if kind == "state" else None


def _shown(text: object) -> str:
    return clean(repr(text)[:60])
