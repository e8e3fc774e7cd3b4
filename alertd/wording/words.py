"""Alerts become messages: what, which animal or place, how bad, since when, what to do, and the number.

`Words` knows the rules, the devices and the farm, and nothing else: the same alerts,
person and time give the same words.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from alertd.model import Button, Kind
from alertd.settings import text_in
from alertd.wording.alert_json import alert_json
from alertd.wording.bodies import body_of, headline, herd_event, names, taken, variables
from alertd.wording.catalogue import counted, phrase, supported
from alertd.wording.clean import clean, plain
from alertd.wording.cut import cut
from alertd.wording.facts import Facts
from alertd.wording.templates import Templates
from alertd.wording.times import clock, local, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from alertd.alerting.settings import Rule
    from alertd.audience.person import Person
    from alertd.ingest.settings import Action, Device
    from alertd.model import Alert, Incident, Micros, Silence

MOST_DATA: Final = 200
"""How many alerts the data of one message carries for a webhook; the rest is counted (`more`)."""
FEW_DATA: Final = 5
"""How many for people: their messengers' templates speak of the first."""
ACTIONS: Final = 3
"""How many devices a message offers to switch."""
LABEL: Final = 60
"""Characters of a button; messengers cut further."""
LISTED: Final = 10
"""How many alerts a summary lists; the rest is counted."""
LONGEST: Final = 3500
"""Characters of a rule's own message: whatever it loops over, the number still fits into 4096."""

_PREFIXED: Final = {Kind.AGAIN: "again", Kind.REPEAT: "repeat", Kind.WORSE: "worse", Kind.ESCALATE: "escalate"}
_OWN_WORDS: Final = frozenset(
    {Kind.FIRING, Kind.DELTA, Kind.AGAIN, Kind.REPEAT, Kind.WORSE, Kind.ESCALATE, Kind.UNREACHED}
)
"""Kinds that say what is wrong now, and so in the rule's own message if it has one."""


class Words:
    """What alertd says about alerts.

    Args:
        rules: their messages are compiled here; what does not compile is named in `faults`.
        devices: names and ear tags.
        language: the farm's, where a person's has no catalogue.
        timezone: the farm's; people carry their own.
        farm: its name, for greetings and tests.
        actions: what a rule may offer as buttons.
    """

    def __init__(
        self,
        rules: Iterable[Rule],
        devices: Iterable[Device],
        *,
        language: str = "en",
        timezone: str = "UTC",
        farm: str = "",
        actions: Iterable[Action] = (),
    ) -> None:
        rules = list(rules)
        named = {action.name: action for action in actions}
        self._offered = {rule.name: [named[name] for name in rule.actions if name in named] for rule in rules}
        self.language = language if supported(language) else "en"
        self.timezone = timezone
        self.farm = clean(farm) if farm else ""
        self._templates = Templates(rules)
        own = self._templates
        self.facts = Facts(
            rules,
            devices,
            lambda rule, code: own.advice(rule, (code, self.language, "en")),
            lambda rule, code: own.title(rule, (code, self.language, "en")),
        )
        self.faults: tuple[str, ...] = tuple(self._templates.faults)

    # --- alerts ---

    def text(
        self,
        kind: Kind,
        alerts: Sequence[Alert],
        incident: Incident,
        person: Person,
        now: Micros,
        *,
        by: str | None = None,
        why: str = "",
        ended: bool = False,
    ) -> str:
        """Return the whole message.

        Args:
            kind: what the message is about.
            alerts: those it tells of, at least one (but for `test` and `operator`).
            incident: theirs; its number ends a message about several, its alerts are "in all".
            person: whose language and zone.
            now: for spans and for "today".
            by: who took or ended it, as people call them.
            why: for `unreached` the reason, for `operator` the trouble.
            ended: it is over already: "40.1 °C 02:10–02:50, now normal".
        """
        return self.tell(kind, alerts, incident, person, now, by=by, why=why, ended=ended)[0]

    def tell(
        self,
        kind: Kind,
        alerts: Sequence[Alert],
        incident: Incident,
        person: Person,
        now: Micros,
        *,
        by: str | None = None,
        why: str = "",
        ended: bool = False,
    ) -> tuple[str, str | None]:
        """Return the message as `text` does, and what was wrong with the rule's own template.

        "": it was used and is fine; None: it was not used.
        """
        language = self.speaks(person)
        if kind is Kind.TEST:
            return self.test(person, now), None
        if kind is Kind.OPERATOR:
            return self.trouble(why, person, now), None
        person = self._listener(person)
        own = fault = None
        if len(alerts) == 1 and kind in _OWN_WORDS and not ended and not herd_event(kind, incident):
            own, fault = self._own(alerts[0], person, now)
            fault = fault if own is None else ""
        body = own or body_of(self.facts, kind, alerts, incident, person, now, by=by, ended=ended)
        until = alerts[0].acknowledged_until if kind is Kind.REPEAT else None
        if until is not None:
            body = phrase(language, "taken.lapses", time=self.clock(until, person, now), text=body)
        elif kind is Kind.UNREACHED:
            reason = clean(why, 200) if why else phrase(language, "unreached.unknown")
            body = phrase(language, "unreached", why=reason, text=body)
        elif not ended:
            body = self._begun(kind, alerts, body, language)
        number = self.number(alerts, incident)
        return (body if body.endswith(f"\n{number}") else f"{body}\n{number}"), fault

    def number(self, alerts: Sequence[Alert], incident: Incident) -> str:
        """Return what people call it: `A-217`, or `I-31` when it tells of several."""
        return f"A-{alerts[0].number}" if len(alerts) == 1 else f"I-{incident.number}"

    def line(self, alert: Alert, person: Person, now: Micros, taken: str = "") -> str:
        """Return one alert on one line, the number first: for lists. `taken`: who took it, as people call them."""
        language = self.speaks(person)
        parts = [f"{self.facts.what(alert, language)} – {self.facts.where(alert)}", self.facts.value(alert, language)]
        text = ", ".join(part for part in parts if part)
        since = phrase(language, "since.now", time=self.clock(alert.started, person, now))
        by = f", {phrase(language, 'chat.line_taken', name=clean(taken))}" if taken else ""
        return f"A-{alert.number} {text} {since}{by}"

    def parts(
        self,
        kind: Kind,
        alerts: Sequence[Alert],
        incident: Incident,
        person: Person,
        now: Micros,
        by: str | None = None,
    ) -> dict[str, str]:
        """Return the message in pieces of one line each, for subjects, titles and the fixed templates.

        Keys: `what` (that it is over or taken, what and where), `short` (the same where there is room for 20 signs),
        `bad` (how bad, or how long it was), `since` (since when and what to do), `moment` (since when, by the person's
        own clock as `2026-11-22 02:10`), `number`, `severity`.
        """
        person, first = self._listener(person), alerts[0]
        language, begun = person.language, min(alert.started for alert in alerts)
        over = kind is Kind.RESOLVE
        since = self.facts.since(begun, person, now)
        advice = "" if over or kind is Kind.TAKEN else self.facts.advice(first, language)
        what = headline(self.facts, kind, alerts, incident, person, now, by=by, over=over)
        bad = names(self.facts, alerts, language) or self.facts.bad(first, language) or self.facts.what(first, language)
        worst = max((alert.severity for alert in alerts), key=lambda severity: severity.rank)
        return {
            "what": self._begun(kind, alerts, what, language),
            "short": self._short(kind, alerts, person, now, by),
            "bad": self.facts.lasted(alerts, person, now) if over else bad,
            "since": f"{since}. {advice}" if advice else since,
            "moment": f"{local(begun, person.timezone):%Y-%m-%d %H:%M}",
            "number": self.number(alerts, incident),
            "severity": phrase(language, f"severity.{worst.value}"),
        }

    def _short(self, kind: Kind, alerts: Sequence[Alert], person: Person, now: Micros, by: str | None) -> str:
        """Return `Berta: Fever`, `7 animals: Fever`, `OK: Berta: Fever`: what is cut off is the less telling end."""
        first, language = alerts[0], person.language
        one = self.facts.name(first.device) if first.device is not None else self.facts.where(first)
        whose = one if len(alerts) == 1 else self.facts.counted(alerts, language)
        text = taken(first, person, now, by) if kind is Kind.TAKEN else self.facts.what(first, language)
        return f"{'OK: ' if kind is Kind.RESOLVE else ''}{whose}: {text}"

    def _begun(self, kind: Kind, alerts: Sequence[Alert], text: str, language: str) -> str:
        """Return the text with the words in front by which one sees that it is over, repeated, or passed on."""
        key = self._over(alerts) if kind is Kind.RESOLVE else _PREFIXED.get(kind)
        return phrase(language, key, text=text) if key else text

    def data(
        self,
        kind: Kind,
        alerts: Sequence[Alert],
        incident: Incident,
        now: Micros,
        person: Person | None = None,
        by: str | None = None,
    ) -> dict[str, Any]:
        """Return the same facts as data, for messengers that carry JSON; with a person also their `parts`."""
        people = person is not None and all(channel.messenger != "webhook" for channel in person.channels)
        most = FEW_DATA if people else MOST_DATA
        data: dict[str, Any] = {
            "kind": kind.value,
            "incident": f"I-{incident.number}",
            "rule": incident.rule,
            "group": next((alert.group for alert in alerts if alert.group), None),
            "severity": incident.severity.value,
            "alerts": [alert_json(alert) for alert in alerts[:most]],
            "more": max(0, len(alerts) - most),
        }
        if person is not None and alerts:
            data["parts"] = self.parts(kind, alerts, incident, person, now, by)
        return data

    def buttons(self, message_id: str, person: Person, alerts: Sequence[Alert] = ()) -> tuple[Button, ...]:
        """Return acknowledge, snooze, false alarm, and what the rules offer to switch.

        A press names the message, and so the alerts in it.
        """
        language = self.speaks(person)
        return (
            Button(phrase(language, "button.ack"), f"ack:{message_id}"),
            Button(phrase(language, "button.snooze"), f"snz:{message_id}"),
            Button(phrase(language, "button.false"), f"fa:{message_id}"),
            *(
                Button(
                    cut(clean(text_in(action.label, language, self.language)), LABEL), f"act:{action.key}:{message_id}"
                )
                for action in self.actions(person, alerts)
            ),
        )

    def actions(self, person: Person, alerts: Sequence[Alert]) -> list[Action]:
        """Return what the rules of these alerts offer to switch and this person may, `ACTIONS` at most."""
        rules = dict.fromkeys(alert.rule for alert in alerts)
        offered = {action.name: action for rule in rules for action in self._offered.get(rule, ())}
        return [action for action in offered.values() if person.id in action.allowed][:ACTIONS]

    # --- other messages ---

    def trouble(
        self, text: str, person: Person, now: Micros, *, over: bool = False, since: Micros | None = None
    ) -> str:
        """Return alertd's own trouble for the operator; `over`: it is no more, `since`: when it began."""
        language = self.speaks(person)
        if not over:
            return phrase(language, "trouble", text=plain(text))
        begun = now if since is None else since
        lasted = phrase(
            language,
            "range",
            start=self.clock(begun, person, now),
            end=self.clock(now, person, now),
            span=span(now - begun, language),
        )
        return phrase(language, "trouble.over", text=plain(text).rstrip("."), range=lasted)

    def silence_over(self, silence: Silence, alerts: Sequence[Alert], person: Person, now: Micros) -> str:
        """Return the summary of a silence that is over; `alerts` are those it kept quiet that are still known."""
        language = self.speaks(person)
        lasted = phrase(
            language,
            "range",
            start=self.clock(silence.start, person, now),
            end=self.clock(now, person, now),
            span=span(now - silence.start, language),
        )
        reason = clean(silence.reason, 200)
        firing = [alert for alert in alerts if alert.open]
        lines = [
            phrase(language, "silence.over", number=f"S-{silence.number}", reason=reason, range=lasted),
            counted(language, "silence.muted", silence.muted),
            counted(language, "silence.open", len(firing)) if firing else phrase(language, "silence.none_open"),
            *(self.line(alert, person, now) for alert in firing[:LISTED]),
        ]
        if len(firing) > LISTED:
            lines.append(phrase(language, "more", count=len(firing) - LISTED))
        return "\n".join(lines)

    def test(self, person: Person, now: Micros) -> str:
        """Return the test message of `alertd send-test`."""
        time = self.clock(now, person, now)
        return phrase(self.speaks(person), "test", farm=self.farm_name(self.speaks(person)), time=time)

    def say(self, language: str, key: str, **fields: object) -> str:
        """Return a text of the catalogue; what is filled in must be clean already."""
        return phrase(language if supported(language) else self.language, key, **fields)

    # --- small change ---

    def speaks(self, person: Person) -> str:
        """Return the language in which this person is told: theirs, or the farm's where theirs has no catalogue."""
        return person.language if supported(person.language) else self.language

    def clock(self, at: Micros, person: Person, now: Micros) -> str:
        """Return a time as the person's clock shows it, with the day if it is not today."""
        return clock(at, now, person.timezone, self.speaks(person))

    def farm_name(self, language: str) -> str:
        """Return the farm's name, or "the farm"."""
        return self.farm or self.say(language, "farm")

    def _over(self, alerts: Sequence[Alert]) -> str:
        if any(alert.false_alarm_by for alert in alerts):
            return "resolve.false"
        return "resolve.absence" if self.facts.kind(alerts[0]) == "absence" else "resolve"

    def _listener(self, person: Person) -> Person:
        return person if supported(person.language) else replace(person, language=self.language)

    def _own(self, alert: Alert, person: Person, now: Micros) -> tuple[str | None, str | None]:
        """Return the rule's own message for one alert, and what is wrong with it."""
        languages = (person.language, self.language, "en")
        text, fault = self._templates.render(alert.rule, languages, variables(self.facts, alert, person, now))
        if text is None:
            return None, fault
        return cut(plain(text), LONGEST), fault
