"""A field: how one metric's values become readings, compiled once from a `Spec`.

`Field.read` takes whatever a payload holds and returns a number in the canonical unit
or why it is none. The decoder does the common case (a plain number in range) itself.
"""

from __future__ import annotations

import reprlib
from copy import copy
from functools import lru_cache
from statistics import fmean
from typing import TYPE_CHECKING, Any, Final

from alertd.ingest import units
from alertd.ingest.labels import LONGEST, clean
from alertd.ingest.paths import EVERY, MISSING, Path, compile_path, find, spread
from alertd.ingest.ranges import SENTINELS, known
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

_SHIFT: Final = 1e12
_WHOLE: Final = 1.5 * 2**52
"""Added to a float and taken away again it leaves the nearest whole number."""


SCALES: Final = 16
"""Units that the values of one field may name themselves, remembered."""


class Field:
    """One metric: path, unit, range, words.

    A number from `least` to `most` is taken as it is; that range is empty where a value
    must be looked at: converted, counted, compared with words or gaps, or part of a position.
    """

    __slots__ = (
        "_refusal",
        "aggregate",
        "beside",
        "counter",
        "exact",
        "factor",
        "free",
        "high",
        "key",
        "least",
        "linear",
        "loose",
        "low",
        "metric",
        "missing",
        "most",
        "offset",
        "otherwise",
        "path",
        "placed",
        "plainly",
        "scales",
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
            wanted = known(self.metric).unit
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
        self.placed = self.metric in POSITION
        gaps = any(not (isinstance(gap, str) or _outside(gap, self.low, self.high)) for gap in self.missing)
        looked_at = self.words or self.counter or gaps or self.unless or beside or self.placed or not self.exact
        self.least, self.most = (1.0, 0.0) if looked_at else (self.low, self.high)
        self.linear = not self.words and all(isinstance(gap, str) for gap in self.missing)
        """Whether a number needs only to be converted: none is a word or a gap."""
        self.free = not (self.counter or self.placed)
        """Whether its number is the reading: no counter's total, no half of a position."""
        self.plainly = {word: number for word, number in self.words.items() if word not in self.missing}
        self._refusal: tuple[Any, Rejected] | None = None
        self.scales: dict[str, tuple[float, float]] = {}
        """Factor and offset of units that the values themselves name."""

    def numbered(self, metric: str) -> Field:
        """Return the field of a second sensor of this kind."""
        other = copy(self)
        other.metric, other._refusal = metric, None  # noqa: SLF001 (of a field of our own)
        return other

    def gather(self, document: Any) -> Any:
        """Return what stands at the path; of the many values of a `[*]` their maximum, mean and so on."""
        if self.aggregate is None:
            return find(document, self.path)
        numbers = [
            one
            for one in spread(document, self.path)
            if (type(one) is int or type(one) is float) and one not in self.missing and one not in SENTINELS
        ]
        numbers = [one for one in numbers if abs(one) < SIZE]
        if not numbers:
            return MISSING
        return _AGGREGATES[self.aggregate](numbers)

    def read(self, value: Any) -> float | Rejected:
        """Return the canonical value of what stands in a payload, or why there is none; never raises."""
        kind = type(value)  # exact, and documents hold no other types: to isinstance a bool is an int
        if kind is str and value in self.plainly:  # as nearly all senders write them
            return self.plainly[value]
        if kind is dict and self.linear:
            number, unit = value.get("value"), value.get("unit")
            if type(unit) is str and unit in self.scales and (type(number) is float or type(number) is int):
                return self.convert(number, *self.scales[unit])
        for gap in self.missing:
            if value == gap and (kind is bool) == isinstance(gap, bool):
                return self._nothing(value)
        if self.words:
            number = self._word(value)
            if number is not None:
                return number
        if kind is float or kind is int:
            if self.exact and self.low <= value <= self.high:
                return float(value)
            return self.convert(value, self.factor, self.offset)
        if kind is str:
            return self._text(value)
        if kind is bool:
            if not (self.state or self.loose):
                return Rejected("not_a_measurement", f"{self.metric}: {value} where a number is meant; kind: state?")
            self._become_state()
            return float(value)
        if kind is dict and isinstance(value.get("value"), (int, float, str)):
            # {"value": 12.9, "unit": "°C"}: Decentlab's decoders
            return self._with_unit(value["value"], value.get("unit"))
        return self._nothing(value)

    def _with_unit(self, value: float | str, unit: Any) -> float | Rejected:
        """Return a value that says its own unit; one that no table knows is kept as written, never converted."""
        if not isinstance(unit, str) or not unit or isinstance(value, (bool, str)):
            return self.read(value if not isinstance(value, str) or not isinstance(unit, str) else f"{value} {unit}")
        scale = self.scales.get(unit)
        if scale is None:
            found = units.conversion(unit, self.unit)
            self._settle(found[0] if found is not None else clean(unit))
            if found is None:
                found = (clean(unit), 1.0, 0.0)
            if found[0] != self.unit:
                return Rejected(
                    "not_a_measurement", f"{self.metric}: unit {clean(unit)} where {self.unit or 'none'} is meant"
                )
            scale = found[1:]
            if len(self.scales) < SCALES:
                self.scales[unit] = scale
        return self.convert(value, *scale)

    def convert(self, value: float, factor: float, offset: float) -> float | Rejected:
        """Return the canonical value if it is finite and plausible."""
        try:
            number = float(value) if factor == 1.0 and offset == 0.0 else tidy(value * factor + offset)
        except OverflowError:
            return Rejected("not_a_measurement", f"{self.metric}: a whole number beyond every measurement")
        if self.low <= number <= self.high:
            return number
        if not -float("inf") < number < float("inf"):
            return self._nothing(value)
        if value in SENTINELS:
            return _without_probe(self.metric, value)
        hint = ""
        if self.unit == "degC" and self.exact and self.low <= (number - 32) / 1.8 <= self.high:
            hint = "; in °F? then add unit: degF"
        return Rejected(
            "implausible", f"{self.metric}: {number:g} {self.unit} is outside {self.low:g}..{self.high:g}{hint}"
        )

    def _word(self, value: Any) -> float | None:
        if type(value) is bool:
            return self.words.get("true" if value else "false")
        text = str(value).strip().casefold() if isinstance(value, (int, str)) and _short(value) else None
        return None if text is None else self.words.get(text)

    def _text(self, text: str) -> float | Rejected:
        found = parse_number(text)
        if found is not None:
            number, unit = found
            if not unit:
                return self.convert(number, self.factor, self.offset)
            canonical, factor, offset = units.conversion(unit, self.unit) or ("", 1.0, 0.0)
            self._settle(canonical)
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

    def _settle(self, unit: str) -> None:
        """Let the first value that names its unit decide it, and with it what is plausible."""
        if self.loose:
            facts = known(self.metric, unit)
            self.loose, self.unit, self.low, self.high = False, unit, facts.low, facts.high
            if self.least <= self.most:
                self.least, self.most = facts.low, facts.high

    def _become_state(self) -> None:
        if self.loose:
            self.loose = False
            self.state = True
            self.unit = "bool"

    def _nothing(self, value: Any) -> Rejected:
        """Refuse a value; what a probe that is not there sends comes with every message."""
        last = self._refusal
        if last is not None and type(value) is type(last[0]) and value == last[0] and value:
            return last[1]
        why = Rejected("not_a_measurement", f"{self.metric}: {_shown(value)} is not a measurement")
        if isinstance(value, (str, int, float)) and not (isinstance(value, str) and len(value) > LONGEST):
            self._refusal = (value, why)
        return why


def tidy(number: float) -> float:
    """Return `round(number, 12)`, which itself goes by way of a text and takes as long as a whole reading."""
    shifted = number * _SHIFT
    if -2e15 < shifted < 2e15:  # noqa: PLR2004 (here a product is at most 0.13 beside the exact one)
        nearest = shifted + _WHOLE - _WHOLE
        if -0.35 < shifted - nearest < 0.35:  # noqa: PLR2004 (far enough from the middle between two)
            return nearest / _SHIFT
    return round(number, _DIGITS)


@lru_cache(maxsize=256, typed=True)
def _without_probe(metric: str, value: float) -> Rejected:
    """Refuse a number that stands for no probe: it comes with every message."""
    return Rejected("not_a_measurement", f"{metric}: {value} is what sensors send without a probe")


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


def _outside(gap: Any, low: float, high: float) -> bool:
    return isinstance(gap, (int, float)) and not low <= gap <= high


def _short(value: Any) -> bool:
    return not isinstance(value, int) or abs(value) < 1 << 64


def _shown(value: Any) -> str:
    """Write a value of a payload so that a log line stays one short line."""
    if type(value) is float:
        return repr(value)
    return clean(reprlib.repr(value)) if _short(value) else "a very long number"
