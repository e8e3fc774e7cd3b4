"""A field: how one metric's values become readings, compiled once from a `Spec`.

`Field.read` takes whatever a payload holds and returns a number in the canonical unit
or why it is none. The decoder does the common case (a plain number in range) itself.
"""

from __future__ import annotations

import reprlib
from statistics import fmean
from typing import TYPE_CHECKING, Any, Final

from alertd.ingest import units
from alertd.ingest.labels import clean
from alertd.ingest.paths import EVERY, MISSING, Path, compile_path, find, spread
from alertd.ingest.ranges import METRICS, SENTINELS, known
from alertd.ingest.values import is_fault_word, parse_number, state_word
from alertd.model import Rejected

if TYPE_CHECKING:
    from collections.abc import Callable

    from alertd.ingest.shapes import Spec

POSITION: Final = frozenset({"latitude", "longitude", "position_error", "heading"})
"""What stands and falls with a position: a course of a fix that cannot be is none either."""

SIZE: Final = 1e300
"""Beyond it a number is none, and a sum of them would be infinite."""

_AGGREGATES: Final[dict[str, Callable[[list[float]], float]]] = {"max": max, "min": min, "sum": sum, "mean": fmean}

_DIGITS: Final = 12
"""Decimals kept of a converted value: 3005 mV are 3.005 V and not 3.0050000000000003."""


class Field:
    """One metric: path, unit, range, words. `plain`: a number only needs factor, offset and range."""

    __slots__ = (
        "aggregate",
        "beside",
        "counter",
        "exact",
        "factor",
        "high",
        "key",
        "loose",
        "low",
        "metric",
        "missing",
        "offset",
        "otherwise",
        "path",
        "plain",
        "state",
        "unit",
        "unless",
        "words",
        "wrap",
    )

    def __init__(self, spec: Spec, *, beside: tuple[str, ...] = (), otherwise: Field | None = None) -> None:
        """Compile a field.

        Raises:
            ValueError: the path cannot be read, or the unit of a well-known metric is not in the table.
        """
        self.metric = clean(spec.metric)
        self.path: Path = compile_path(spec.path) if spec.path else (spec.metric,)
        self.key = self.path[0] if len(self.path) == 1 and isinstance(self.path[0], str) else None
        self.factor, self.offset, unit = 1.0, 0.0, ""
        if spec.unit:
            wanted = METRICS[self.metric].unit if self.metric in METRICS else ""
            found = units.conversion(spec.unit, wanted)
            if found is not None:
                unit, self.factor, self.offset = found
            elif wanted:
                raise ValueError(f"unit {spec.unit!r} of {self.metric} is not known; its canonical unit is {wanted}")
            else:
                unit = clean(spec.unit)  # a unit of the operator's own: kept as written, never converted
        facts = known(self.metric, unit)
        self.words = {word.strip().casefold(): float(value) for word, value in spec.words.items()}
        flag = bool(self.words) and set(self.words.values()) <= {0.0, 1.0} and not facts.unit
        self.unit = "bool" if flag else facts.unit
        self.low, self.high = facts.low, facts.high
        if self.words:  # words may name levels of their own
            self.low, self.high = min(self.low, *self.words.values()), max(self.high, *self.words.values())
        self.state = facts.state or flag or spec.kind == "state"
        self.loose = spec.kind is None and not self.unit
        """Nothing is known of it: its first value decides whether it is a state, and its unit."""
        self.counter = spec.kind == "counter"
        self.wrap = (spec.wrap or 0) * self.factor
        self.exact = self.factor == 1.0 and self.offset == 0.0
        self.missing = spec.missing
        self.unless = tuple(compile_path(path) for path in spec.unless)
        self.aggregate = _aggregate(spec, self.path)
        self.beside = beside
        self.otherwise = otherwise
        self.plain = not (self.words or self.counter or self.missing or self.unless or self.metric in POSITION)

    def gather(self, document: Any) -> Any:
        """Return what stands at the path; of the many values of a `[*]` their maximum, mean and so on."""
        if self.aggregate is None:
            return find(document, self.path)
        numbers = [
            one
            for one in spread(document, self.path)
            if isinstance(one, int | float)
            and not isinstance(one, bool)
            and one not in self.missing
            and one not in SENTINELS
        ]
        numbers = [one for one in numbers if abs(one) < SIZE]
        if not numbers:
            return MISSING
        return _AGGREGATES[self.aggregate](numbers)

    def read(self, value: Any) -> float | Rejected:
        """Return the canonical value of what stands in a payload, or why there is none; never raises."""
        for gap in self.missing:
            if value == gap and isinstance(value, bool) == isinstance(gap, bool):
                return self._nothing(value)
        if self.words:
            number = self._word(value)
            if number is not None:
                return number
        if isinstance(value, bool):
            if not (self.state or self.loose):
                return Rejected("not_a_measurement", f"{self.metric}: {value} where a number is meant; kind: state?")
            self._become_state()
            return float(value)
        if isinstance(value, int | float):
            return self.convert(value, self.factor, self.offset)
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict) and isinstance(value.get("value"), int | float | str):
            # {"value": 12.9, "unit": "°C"}: Decentlab's decoders
            return self._with_unit(value["value"], value.get("unit"))
        return self._nothing(value)

    def _with_unit(self, value: float | str, unit: Any) -> float | Rejected:
        """Return a value that says its own unit; one that no table knows is kept as written, never converted."""
        if not isinstance(unit, str) or not unit or isinstance(value, bool | str):
            return self.read(value if not isinstance(value, str) or not isinstance(unit, str) else f"{value} {unit}")
        found = units.conversion(unit, self.unit)
        if self.loose:
            self.loose = False
            self.unit = found[0] if found is not None else clean(unit)
        if found is None:
            found = (clean(unit), 1.0, 0.0)
        if found[0] != self.unit:
            return Rejected(
                "not_a_measurement", f"{self.metric}: unit {clean(unit)} where {self.unit or 'none'} is meant"
            )
        return self.convert(value, found[1], found[2])

    def convert(self, value: float, factor: float, offset: float) -> float | Rejected:
        """Return the canonical value if it is finite and plausible."""
        try:
            number = float(value) if factor == 1.0 and offset == 0.0 else round(value * factor + offset, _DIGITS)
        except OverflowError:
            return Rejected("not_a_measurement", f"{self.metric}: a whole number beyond every measurement")
        if self.low <= number <= self.high:
            return number
        if not -float("inf") < number < float("inf"):
            return self._nothing(value)
        if value in SENTINELS:
            return Rejected("not_a_measurement", f"{self.metric}: {value} is what sensors send without a probe")
        hint = ""
        if self.unit == "degC" and self.exact and self.low <= (number - 32) / 1.8 <= self.high:
            hint = "; in °F? then add unit: degF"
        return Rejected(
            "implausible", f"{self.metric}: {number:g} {self.unit} is outside {self.low:g}..{self.high:g}{hint}"
        )

    def _word(self, value: Any) -> float | None:
        if type(value) is str and value in self.words:  # as nearly all senders write them
            return self.words[value]
        text = str(value).strip().casefold() if isinstance(value, bool | int | str) and _short(value) else None
        return None if text is None else self.words.get(text)

    def _text(self, text: str) -> float | Rejected:
        found = parse_number(text)
        if found is not None:
            number, unit = found
            if not unit:
                return self.convert(number, self.factor, self.offset)
            canonical, factor, offset = units.conversion(unit, self.unit) or ("", 1.0, 0.0)
            if self.loose:
                self.loose = False
                self.unit = canonical
            if canonical != self.unit:
                return Rejected(
                    "not_a_measurement", f"{self.metric}: unit {clean(unit)} where {self.unit or 'none'} is meant"
                )
            return self.convert(number, factor, offset)
        if self.state or self.loose:
            number_word = state_word(text)
            if number_word is not None:
                self._become_state()
                return number_word
        if self.words and not is_fault_word(text):
            return Rejected("unknown_word", f"{self.metric}: {_shown(text)} is not in its map; add it there")
        return self._nothing(text)

    def _become_state(self) -> None:
        if self.loose:
            self.loose = False
            self.state = True
            self.unit = "bool"

    def _nothing(self, value: Any) -> Rejected:
        return Rejected("not_a_measurement", f"{self.metric}: {_shown(value)} is not a measurement")


def _aggregate(spec: Spec, path: Path) -> str | None:
    if EVERY not in path:
        return None
    ending = spec.metric.rsplit("_", 1)[-1]
    found = spec.aggregate or (ending if ending in _AGGREGATES else None)
    if found is None:
        raise ValueError(
            f"metrics: {spec.metric}: [*] gives many values; add aggregate: max, min, mean or sum, or each:"
        )
    return found


def _short(value: Any) -> bool:
    return not isinstance(value, int) or abs(value) < 1 << 64


def _shown(value: Any) -> str:
    """Write a value of a payload so that a log line stays one short line."""
    if type(value) is float:
        return repr(value)
    return clean(reprlib.repr(value)) if _short(value) else "a very long number"
