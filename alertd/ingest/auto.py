"""What a payload offers that nobody mapped: every number and bool becomes a metric, by its key.

A preset's names translate what vendors call things; keys about the transmission are
left out. A text counts where the metric is known by name, or says that a sensor failed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from alertd.ingest.fields import Field
from alertd.ingest.labels import LONGEST, clean
from alertd.ingest.ranges import FREE, METRICS, known
from alertd.ingest.shapes import Spec
from alertd.ingest.values import is_fault_word
from alertd.model import Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alertd.ingest.mapping import Route
    from alertd.ingest.names import Name

KEYS: Final = 256
"""Metric names one topic may bring on its own; a sender with more makes them up."""

IDLE: Final = 16
"""Texts without a measurement that are known again at a glance."""

_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SIGNS: Final = re.compile(r"[^A-Za-z0-9]+")
_NEUTRAL: Final = frozenset(
    {"air", "value", "current", "actual", "measured", "sensor", "sensors", "inputs", "input", "pv"}
)

_UNSEEN: Final = object()


class Finder:
    """The fields found so far, by the payload's key."""

    def __init__(self, route: Route, taken: set[str], names: Mapping[str, Name] | None = None) -> None:
        self._names = route.names if names is None else names
        self._ignore = route.ignore
        self._named_only = route.named_only
        self._texts = route.texts
        self._taken = set(taken)
        self.fields: dict[str, Field | None] = {}
        """A key that is not here is to be met (`meet`); None: left out for good."""
        self._calls: dict[str, tuple[str, Name | None]] = {}
        self._unnamed = 0
        self.idle: dict[str, str] = {}
        """Texts that were no measurement, by their key: most devices write them in every message."""
        self.refused: list[Rejected] = []
        """Faults without a field, until the sink takes them."""
        self.crowded = False
        """Whether two keys give the same metric, so that one message may hold a reading twice."""

    def meet(self, key: str, value: Any) -> Field | None:
        """Return the field of a key that is not known, or None if this value is no measurement."""
        if key in self._ignore:
            self.fields[key] = None
            return None
        if type(value) is str and self.idle.get(key) == value:
            return None
        called = self._calls.get(key)
        if called is None:
            called = self._called(key)
            if len(self._calls) < KEYS:
                self._calls[key] = called
        metric, name = called
        if name is None and self._named_only:
            if key in self._calls:
                self.fields[key] = None
                self._unnamed += 1
            return None
        if name is None and known(metric) is FREE:
            if self._texts and metric and isinstance(value, str) and value and not is_fault_word(value):
                return self._keep(key, Field(_spec(metric)))
            if isinstance(value, dict) and isinstance(value.get("value"), (int, float)) and metric:
                return self._keep(key, Field(_spec(metric)))
            if isinstance(value, str) and value and is_fault_word(value):
                self.refused.append(Rejected("not_a_measurement", f"{metric}: {clean(value)!r} is not a measurement"))
            elif isinstance(value, str) and len(value) <= LONGEST and (key in self.idle or len(self.idle) < IDLE):
                self.idle[key] = value
            if not isinstance(value, (int, float)) or not metric:
                return None  # not remembered: the next message may bring a number
        return self._keep(key, _field(name) if name is not None else Field(_spec(metric)))

    def _called(self, key: str) -> tuple[str, Name | None]:
        """Return the metric of a key and its name, if one is known; a preset's `Fan/Running` is `fan_running`."""
        metric = clean(key)
        name = self._names.get(key.lower())
        if name is not None or not self._names or metric in METRICS:
            return metric, name
        folded = fold(metric)
        for candidate in (folded, plain(folded)):
            if candidate in METRICS or candidate in self._names:
                return candidate, self._names.get(candidate)
        return (folded if self._texts else metric), None

    def _keep(self, key: str, field: Field) -> Field | None:
        """Remember the field of a key, if there is room for one more."""
        metric = field.metric or key
        if len(self.fields) - self._unnamed >= KEYS:
            self.refused.append(
                Rejected("too_many_series", f"{metric}: more than {KEYS} keys on one topic; write metrics:")
            )
            return None
        self.fields[key] = field if field.metric or field.beside else None
        other: Field | None = field
        while other is not None:
            if other.metric:
                self.crowded = self.crowded or other.metric in self._taken
                self._taken.add(other.metric)
            other = other.otherwise
        return self.fields[key]

    def channels(self, field: Field, channels: dict[str, Any]) -> Iterator[tuple[Field, Any]]:
        """Yield what stands under one sensor by channel (Cayenne LPP): the first is the metric, others are numbered."""
        for number, (channel, value) in enumerate(channels.items()):
            if not number:
                yield field, value
            elif isinstance(value, (int, float)):
                key = f"{field.metric}_{channel}"
                other = self.fields.get(key, _UNSEEN)
                if other is _UNSEEN:
                    other = self._keep(key, field.numbered(clean(key)))
                if isinstance(other, Field):
                    yield other, value


def chosen(field: Field, row: Mapping[str, Any]) -> Field | None:
    """Return what a key means in this row: a name may hold only beside other keys; None: left out here."""
    one: Field | None = field
    while one is not None and one.beside:
        for key in one.beside:
            if key not in row:
                one = one.otherwise
                break
        else:
            break
    return one if one is not None and one.metric else None


def _spec(metric: str) -> Spec:
    return Spec(metric, path=f'"{_quoted(metric)}"')


def _quoted(key: str) -> str:
    return key.replace("\\", "\\\\").replace('"', '\\"')


def fold(text: str) -> str:
    """Return `Fan/Running` and `fanRunning` as `fan_running`."""
    return "_".join(_SIGNS.split(_HUMP.sub("_", text.strip()))).strip("_").lower()


def plain(folded: str) -> str:
    """Return a folded name without the words that say nothing: `temperature_air` is `temperature`."""
    return "_".join(word for word in folded.split("_") if word not in _NEUTRAL)


def _field(name: Name) -> Field:
    """Return the field of a name, one for all topics unless it learns from the values what it is."""
    field = _of_all(name)
    one: Field | None = field
    while one is not None:
        if one.loose:
            return field_of(name)
        one = one.otherwise
    return field


@lru_cache(maxsize=2048)
def _of_all(name: Name) -> Field:
    return field_of(name)


def field_of(name: Name) -> Field:
    """Compile the field of a name, with what else it may be."""
    spec = Spec(name.metric, unit=name.unit, words=name.words, missing=name.missing, kind=name.kind, wrap=name.wrap)
    otherwise = field_of(name.otherwise) if name.otherwise is not None else None
    return Field(spec, beside=name.beside, otherwise=otherwise)
