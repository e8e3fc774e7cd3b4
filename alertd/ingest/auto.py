"""What a payload offers that nobody mapped: every number and bool becomes a metric, by its key.

A preset's names translate what vendors call things; keys about the transmission are
left out. A text counts where the metric is known by name, or says that a sensor failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from alertd.ingest.fields import Field
from alertd.ingest.labels import clean
from alertd.ingest.presets import Spec
from alertd.ingest.ranges import METRICS
from alertd.ingest.values import is_fault_word
from alertd.model import Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alertd.ingest.names import Name

KEYS: Final = 256
"""Metric names one topic may bring on its own; a sender with more makes them up."""

_UNSEEN: Final = object()


class Finder:
    """The fields found so far, by the payload's key; None: left out for good."""

    def __init__(self, names: Mapping[str, Name], ignore: frozenset[str], taken: set[str]) -> None:
        self._names = names
        self._ignore = ignore
        self._taken = set(taken)
        self._fields: dict[str, Field | None] = {}
        self.refused: list[Rejected] = []
        self.crowded = False
        """Whether two keys give the same metric, so that one message may hold a reading twice."""

    def pairs(self, row: dict[str, Any]) -> Iterator[tuple[Field, Any]]:
        """Yield every (field, value) of a row in its order; faults without a field go to `refused`."""
        fields = self._fields
        for key, value in row.items():
            field = fields.get(key, _UNSEEN)
            if field is _UNSEEN:
                field = self._meet(key, value)
            while isinstance(field, Field) and field.beside and not all(other in row for other in field.beside):
                field = field.otherwise
            if isinstance(field, Field) and field.metric and value is not None:
                if isinstance(value, dict) and "value" not in value:
                    yield from self._channels(field, value)
                else:
                    yield field, value

    def _meet(self, key: str, value: Any) -> Field | None:
        if key in self._ignore:
            self._fields[key] = None
            return None
        metric = clean(key)
        name = self._names.get(key.lower())
        if name is None and metric not in METRICS:
            if isinstance(value, str) and value and is_fault_word(value):
                self.refused.append(Rejected("not_a_measurement", f"{metric}: {clean(value)!r} is not a measurement"))
            if not isinstance(value, int | float) or not metric:
                return None  # not remembered: the next message may bring a number
        if len(self._fields) >= KEYS:
            self.refused.append(
                Rejected("too_many_series", f"{metric}: more than {KEYS} keys on one topic; write metrics:")
            )
            return None
        field = _from_name(name) if name is not None else Field(_spec(metric))
        self._fields[key] = field
        other: Field | None = field
        while other is not None:
            self.crowded = self.crowded or other.metric in self._taken
            self._taken.add(other.metric)
            other = other.otherwise
        return field

    def _channels(self, field: Field, channels: dict[str, Any]) -> Iterator[tuple[Field, Any]]:
        """Yield what stands under one sensor by channel (Cayenne LPP): the first is the metric, others are numbered."""
        for number, (channel, value) in enumerate(channels.items()):
            if not number:
                yield field, value
            elif isinstance(value, int | float):
                key = f"{field.metric}_{channel}"
                other = self._fields.get(key, _UNSEEN)
                if other is _UNSEEN:
                    other = self._meet(key, value)
                if isinstance(other, Field):
                    yield other, value


def _spec(metric: str) -> Spec:
    return Spec(metric, path=f'"{_quoted(metric)}"')


def _quoted(key: str) -> str:
    return key.replace("\\", "\\\\").replace('"', '\\"')


def _from_name(name: Name) -> Field:
    spec = Spec(name.metric, "", unit=name.unit, words=name.words, missing=name.missing)
    otherwise = _from_name(name.otherwise) if name.otherwise is not None else None
    return Field(spec, beside=name.beside, otherwise=otherwise)
