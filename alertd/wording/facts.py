"""One alert's facts in a person's language: what, which animal or place, how bad, since when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alertd.model import MINUTE
from alertd.wording.catalogue import counted, phrase
from alertd.wording.clean import clean
from alertd.wording.figures import figure, metric_name, readable
from alertd.wording.times import clock, span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from alertd.alerting.settings import Rule
    from alertd.audience.person import Person
    from alertd.ingest.settings import Device
    from alertd.model import Alert, Micros


class Facts:
    """The rules and devices by name, asked for the facts of alerts. Every name it gives is clean.

    `says` gives what a rule's own message says to do, in a language, `calls` what it calls the rule.
    """

    def __init__(
        self,
        rules: Iterable[Rule],
        devices: Iterable[Device],
        says: Callable[[str, str], str] = lambda *_: "",
        calls: Callable[[str, str], str] = lambda *_: "",
    ) -> None:
        self._says, self._calls = says, calls
        self.rules: Mapping[str, Rule] = {rule.name: rule for rule in rules}
        self.devices: Mapping[str, Device] = {device.id: device for device in devices}

    def name(self, device: str) -> str:
        """Return the name people gave a device; its id if they gave none."""
        known = self.devices.get(device)
        return clean(known.name if known and known.name else device)

    def tag(self, device: str) -> str:
        """Return the official ear tag, or ""."""
        known = self.devices.get(device)
        return clean(known.tag) if known and known.tag else ""

    def device(self, device: str) -> str:
        """Return the name with the ear tag after it: `Berta (DE 09 12300421)`."""
        tag = self.tag(device)
        return f"{self.name(device)} ({tag})" if tag else self.name(device)

    def what(self, alert: Alert, language: str) -> str:
        """Return the rule in words: what its own message calls it (`Fieber`), else its name: `Collar silent`."""
        return self._calls(alert.rule, language) or readable(alert.rule)

    def where(self, alert: Alert) -> str:
        """Return the animal or place, and its group: `Berta (DE 09 12300421), dairy`."""
        group = clean(alert.group) if alert.group else ""
        if alert.device is None:
            return group or "?"
        return f"{self.device(alert.device)}, {group}" if group else self.device(alert.device)

    def kind(self, alert: Alert) -> str:
        """Return the detector's kind, "" for a rule that is gone from the file."""
        rule = self.rules.get(alert.rule)
        return rule.detect.kind if rule else ""

    def value(self, alert: Alert, language: str) -> str:
        """Return how bad, without what is normal: `40.1 °C`, `offline`, `nothing received`."""
        kind = self.kind(alert)
        if kind == "absence":
            return phrase(language, "nothing_received")
        if kind == "geofence":
            far = figure(alert.value, "m", None, language)
            return f"{phrase(language, 'outside')} ({far})" if far else phrase(language, "outside")
        if kind == "fraction" and alert.value is not None and not alert.unit:
            share = figure(alert.value * 100, "%", None, language)
            return phrase(language, "of_group", value=share) if share else ""
        value = figure(alert.value, alert.unit, alert.metric, language)
        if value is None:
            return ""
        return phrase(language, "stuck", value=value) if kind == "flatline" else value

    def normal(self, alert: Alert, language: str) -> str:
        """Return what the value is held against: `normal 38.6 °C`, else `limit 39.5 °C`, else ""."""
        if self.kind(alert) == "absence":
            return ""
        normal = figure(alert.normal, alert.unit, alert.metric, language)
        if normal is not None:
            return phrase(language, "normal", value=normal)
        limit = self.limit(alert, language)
        return phrase(language, "limit", value=limit) if limit else ""

    def limit_of(self, alert: Alert) -> float | None:
        """Return the limit of a `threshold` rule that the value is beyond, in the metric's unit, or None."""
        rule = self.rules.get(alert.rule)
        if rule is None or rule.detect.kind != "threshold":
            return None
        above: float | None = getattr(rule.detect, "above", None)
        below: float | None = getattr(rule.detect, "below", None)
        low = below is not None and (above is None or (alert.value is not None and alert.value < above))
        return below if low else above

    def limit(self, alert: Alert, language: str) -> str:
        """Return that limit as people read it, or ""."""
        return figure(self.limit_of(alert), alert.unit, alert.metric, language) or ""

    def bad(self, alert: Alert, language: str, *, normal: bool = True) -> str:
        """Return metric, value and, if wanted, what is normal: `Body temperature 40.1 °C (normal 38.6 °C)`."""
        value, beside = self.value(alert, language), self.normal(alert, language) if normal else ""
        metric = self._measured(alert, language)
        ends_in_figure = metric != metric_name(alert.metric, language)
        plain = value[:1].isdigit() or value[:1] == "-"
        separator = ": " if metric and (ends_in_figure or not plain) else " "
        text = f"{metric}{separator}{value}" if metric and value else metric or value
        return f"{text} ({beside})" if beside and value else text

    def _measured(self, alert: Alert, language: str) -> str:
        """Return the metric, and over which time it was put together: `Activity 12 h`."""
        rule, metric = self.rules.get(alert.rule), metric_name(alert.metric, language)
        over = rule.detect.told_over if rule is not None and metric else 0
        return f"{metric} {span(over, language)}" if over else metric

    def figure(self, value: float | None, alert: Alert, language: str) -> str:
        """Return a number as a value of the alert's metric, "" if there is none."""
        return figure(value, alert.unit, alert.metric, language) or ""

    def since(self, started: Micros, person: Person, now: Micros) -> str:
        """Return `since 02:10 (40 min)`."""
        time = clock(started, now, person.timezone, person.language)
        lasted = now - started
        if lasted < MINUTE:
            return phrase(person.language, "since.now", time=time)
        return phrase(person.language, "since", time=time, span=span(lasted, person.language))

    def lasted(self, alerts: Sequence[Alert], person: Person, now: Micros) -> str:
        """Return `02:10–02:50 (40 min)`, from the first start to the last end."""
        start = min(alert.started for alert in alerts)
        end = max(now if alert.resolved is None else alert.resolved for alert in alerts)
        return phrase(
            person.language,
            "range",
            start=clock(start, now, person.timezone, person.language),
            end=clock(end, now, person.timezone, person.language),
            span=span(end - start, person.language),
        )

    def advice(self, alert: Alert, language: str) -> str:
        """Return what to do: the rule's own words if it has some, else nothing for `info`."""
        said = self._says(alert.rule, language)
        if said:
            return said
        if alert.severity.value == "info":
            return ""
        if self.kind(alert) == "absence":
            return phrase(language, "advice.absence")
        return phrase(language, f"advice.{alert.severity.value}")

    def counted(self, alerts: Sequence[Alert], language: str) -> str:
        """Return `7 animals`, `3 devices` or `2 groups`: distinct ones, however many of their metrics are bad."""
        if all(alert.device is None for alert in alerts):
            noun, count = "groups", len({alert.group for alert in alerts})
        else:
            noun, count = self.noun(alerts), len({alert.device for alert in alerts if alert.device is not None})
        return counted(language, noun, count)

    def noun(self, alerts: Sequence[Alert]) -> str:
        """Return `animals` if all that these alerts are about are animals, else `devices`."""
        animals = all(self._animal(alert) for alert in alerts if alert.device is not None)
        return "animals" if animals else "devices"

    def _animal(self, alert: Alert) -> bool:
        known = self.devices.get(alert.device or "")
        return bool((known and known.species) or alert.labels.get("species"))
