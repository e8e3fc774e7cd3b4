"""What people want to know or to set: LIST, STATUS, CHART, LANGUAGE."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from alertd.alerting.rules import alert_attributes, attributes
from alertd.audience.routing import in_scope
from alertd.conversation.acting import named, shown
from alertd.conversation.switching import offered
from alertd.conversation.vocabulary import SPOKEN
from alertd.model import Series
from alertd.wording.catalogue import LANGUAGES, counted
from alertd.wording.clean import clean
from alertd.wording.figures import figure, metric_name

if TYPE_CHECKING:
    from alertd.audience.person import Person
    from alertd.conversation.talk import Talk
    from alertd.model import Alert

TELLING: Final = ("body_temperature", "activity", "temperature", "fence_voltage", "milk_temperature", "water_level")
"""Metrics of which people want to see a curve, the most telling first; an open alert's own goes before."""
TAG_END: Final = 3
"""Digits from which on the end of an ear tag names an animal."""


def list_open(talk: Talk, person: Person) -> None:
    """Tell what is open, worst first."""
    quiet = [
        talk.say(
            "chat.list_silence",
            number=f"S-{one.number}",
            time=talk.clock(one.until, person),
            reason=clean(one.reason),
        )
        for one in talk.view.quiet()
    ]
    talk.reply("\n".join([*_open_lines(talk, person), *shown(talk, quiet)]))


def status(talk: Talk, person: Person, animal: str) -> None:
    """Tell an animal's (or any device's) last values and open alerts, or in short how everything is.

    Where several are meant (two of a name, the end of several ear tags), it asks which.
    """
    if not animal:
        heard = talk.view.last_heard()
        last = (
            talk.say("chat.heard_nothing") if heard is None else talk.say("chat.heard", time=talk.clock(heard, person))
        )
        talk.reply("\n".join([*_open_lines(talk, person), last]))
        return
    found, near = _meant(talk, person, animal)
    if len(found) == 1:
        talk.reply("\n".join(_device_lines(talk, person, found[0])))
        if any(series.metric == "latitude" for series, *_ in talk.view.latest(found[0])):
            talk.answer.replies[-1].data = {"place": found[0]}  # shown on a map where the messenger has one
    elif found:
        _which(talk, "chat.status_word", found)
    elif near:
        talk.reply(talk.say("chat.not_found_meant", name=clean(animal), names=", ".join(near)))
    else:
        talk.reply(talk.say("chat.not_found", name=clean(animal)))


def chart(talk: Talk, person: Person, animal: str) -> None:
    """Tell the value of an animal's (or any device's) most telling metric; its curve follows where one can be shown.

    Where several are meant it asks which, as STATUS does.
    """
    found, near = _meant(talk, person, animal) if animal else ([], [])
    if not animal:
        talk.reply(talk.say("chat.usage.chart"))
    elif near:
        talk.reply(talk.say("chat.not_found_meant", name=clean(animal), names=", ".join(near)))
    elif not found:
        talk.reply(talk.say("chat.not_found", name=clean(animal)))
    elif len(found) > 1:
        _which(talk, "chat.chart_word", found)
    else:
        _curve(talk, person, found[0])


def _curve(talk: Talk, person: Person, device: str) -> None:
    shown = (alert for alert in talk.view.open_alerts() if alert.device == device and _shown_to(person, alert))
    worst = [alert.metric for alert in shown if alert.metric]
    curves = {one[0].metric: one for one in talk.view.latest(device) if one[0].unit not in ("bool", "deg")}
    wanted = [metric for metric in (*worst, *TELLING, *sorted(curves)) if metric in curves]
    if not wanted:
        talk.reply(f"{talk.words.facts.device(device)}\n{talk.say('chat.no_values')}")
        return
    series, value, time = curves[wanted[0]]
    text = figure(value, series.unit, series.metric, talk.language) or ""
    line = f"{metric_name(series.metric, talk.language)} {text} {talk.clock(time, person)}"
    talk.reply(f"{talk.words.facts.device(device)}\n{line}")
    talk.answer.replies[-1].data = {"chart": {"device": device, "metric": series.metric}}


def help_(talk: Talk, person: Person) -> None:
    """Tell what can be written, with the devices this person may switch."""
    lines = [talk.say("chat.help"), *(talk.say("chat.help.switch", action=one) for one in offered(talk, person))]
    talk.reply("\n".join(lines))


def language(talk: Talk, person: Person, rest: str) -> None:
    """Speak another language from now on, named by its code or in any of them."""
    wanted = rest.casefold().rstrip(".!")
    code = next((code for code in LANGUAGES if wanted == code or wanted in SPOKEN.get(code, "").split()), None)
    if code is None:
        choices = ", ".join(talk.say("chat.language_word", code=code) for code in LANGUAGES)
        talk.reply(talk.say("chat.usage.language", choices=choices))
        return
    speaking = talk.holders if talk.group else [person]  # a group has one language for all
    talk.answer.people += [talk.people.spoke(one.id, code) for one in speaking]
    talk.respond(talk.words.say(code, "chat.language"))


def _open_lines(talk: Talk, person: Person) -> list[str]:
    alerts = [alert for alert in talk.view.open_alerts() if _shown_to(person, alert)]
    if not alerts:
        return [talk.say("chat.list_none")]
    lines = [
        talk.words.line(alert, person, talk.now, named(talk, alert.acknowledged_by) if alert.acknowledged_by else "")
        for alert in alerts
    ]
    return [counted(talk.language, "chat.list", len(lines)), *shown(talk, lines)]


def _device_lines(talk: Talk, person: Person, device: str) -> list[str]:
    """Return the device's name, a line a metric, and its open alerts."""
    values = [
        f"{metric_name(series.metric, talk.language)} {value} {talk.clock(time, person)}"
        for series, last, time in sorted(talk.view.latest(device), key=lambda one: one[0].metric)
        if (value := figure(last, series.unit, series.metric, talk.language)) is not None
    ]
    values += [
        f"{metric_name(series.metric, talk.language)} {value} ({talk.say('chat.age_unknown')})"
        for series, kept in talk.view.retained(device)
        if (value := figure(kept, series.unit, series.metric, talk.language)) is not None
    ]
    alerts = [
        talk.words.line(alert, person, talk.now, named(talk, alert.acknowledged_by) if alert.acknowledged_by else "")
        for alert in talk.view.open_alerts()
        if alert.device == device and _shown_to(person, alert)
    ]
    name = talk.words.facts.device(device)
    return [name, *shown(talk, values or [talk.say("chat.no_values")]), *shown(talk, alerts)]


def _shown_to(person: Person, alert: Alert) -> bool:
    return alert.open and not alert.shadow and in_scope(person, alert_attributes(alert))


def may_see(talk: Talk, person: Person, device: str) -> bool:
    """Return whether a device is in the part of the farm that is this person's."""
    if not person.scope:
        return True
    listed = talk.words.facts.devices.get(device)
    series = [one for one, *_ in talk.view.latest(device)] or [Series(device, "")]
    return any(in_scope(person, attributes(one, listed)) for one in series)


def _meant(talk: Talk, person: Person, animal: str) -> tuple[list[str], list[str]]:
    """Return the devices asked about, known also by the first words of their name, or names that are nearly it.

    To look at the wrong animal costs nothing; what acts takes `found_devices` alone.
    """
    found, near = found_devices(talk, person, animal)
    facts, wanted = talk.words.facts, plain(animal)
    if found or not wanted:
        return found, near
    begun = [
        device
        for device in dict.fromkeys([*facts.devices, *talk.view.heard_devices()])
        if _begins(facts.name(device), wanted) and may_see(talk, person, device)
    ]
    return begun, [] if begun else near


def _begins(name: str, wanted: str) -> bool:
    """Return whether the first words of a name are these: `barn3` those of `Barn 3, south`, not of `Barn 30`."""
    words = name.split()
    return any(plain("".join(words[:end])) == wanted for end in range(1, len(words)))


def found_devices(talk: Talk, person: Person, animal: str) -> tuple[list[str], list[str]]:
    """Return the devices of that name, id or ear tag, or else the names that are nearly it."""
    facts = talk.words.facts
    wanted = plain(animal)
    names: dict[str, list[str]] = {}
    for device in dict.fromkeys([*facts.devices, *talk.view.heard_devices()]):
        if not may_see(talk, person, device):
            continue
        for name in (device, facts.name(device), facts.tag(device)):
            if name and device not in names.setdefault(plain(name), []):
                names[plain(name)].append(device)
    if wanted in names:
        return names[wanted], []
    if wanted.isdigit():  # people say the last digits of an ear tag, collars are numbered
        ends = [devices for name, devices in names.items() if _ends(name, wanted)]
        if ends:
            return list(dict.fromkeys(device for devices in ends for device in devices)), []
    near = [names[name][0] for name in difflib.get_close_matches(wanted, names, n=3, cutoff=0.6)]
    return [], list(dict.fromkeys(facts.name(device) for device in near))


def _ends(name: str, digits: str) -> bool:
    """Return whether a name ends in this number: `421` is the end of `cow0421`, but not of `cow1421`."""
    own = name[len(name.rstrip("0123456789")) :]
    return own.lstrip("0") == digits.lstrip("0") or (len(digits) >= TAG_END and own.endswith(digits))


def _which(talk: Talk, key: str, devices: list[str]) -> None:
    """Ask which of several animals is meant, and say what to write for each: its tag, or its id where it has none."""
    facts = talk.words.facts
    lines = [talk.say(key, name=facts.device(one), word=facts.tag(one) or clean(one)) for one in devices]
    talk.reply("\n".join([talk.say("chat.which_animal"), *shown(talk, lines)]))


def plain(name: str) -> str:
    """Return a name as it is compared: letters and digits, whatever their case."""
    return "".join(sign for sign in name.casefold() if sign.isalnum())
