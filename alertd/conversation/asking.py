"""What people want to know or to set: LIST, STATUS, CHART, DUTY, LANGUAGE."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from alertd.conversation.acting import named, shown
from alertd.conversation.vocabulary import OFF, ON
from alertd.wording.catalogue import LANGUAGES, counted, phrase
from alertd.wording.clean import clean
from alertd.wording.figures import figure, metric_name

if TYPE_CHECKING:
    from alertd.audience.people import Person
    from alertd.conversation.talk import Talk

SAME_NAME: Final = 3
"""How many animals of one name STATUS shows."""


def list_open(talk: Talk, person: Person) -> None:
    """Tell what is open, worst first."""
    talk.reply("\n".join(_open_lines(talk, person)))


def status(talk: Talk, person: Person, animal: str) -> None:
    """Tell an animal's (or any device's) last values and open alerts, or in short how everything is."""
    if not animal:
        heard = talk.view.last_heard()
        last = (
            talk.say("chat.heard_nothing") if heard is None else talk.say("chat.heard", time=talk.clock(heard, person))
        )
        talk.reply("\n".join([*_open_lines(talk, person), last]))
        return
    found, near = _find(talk, animal)
    if found:
        talk.reply("\n".join(line for device in found[:SAME_NAME] for line in _device_lines(talk, person, device)))
    elif near:
        talk.reply(talk.say("chat.not_found_meant", name=clean(animal), names=", ".join(near)))
    else:
        talk.reply(talk.say("chat.not_found", name=clean(animal)))


def duty(talk: Talk, person: Person, rest: str) -> None:
    """Go on or off duty."""
    wanted = rest.casefold().rstrip(".!")
    if wanted not in ON | OFF:
        talk.reply(talk.say("chat.usage.duty"))
        return
    talk.answer.people.append(talk.people.on_duty(person.id, wanted in ON))
    talk.reply(talk.say("chat.duty_on" if wanted in ON else "chat.duty_off"))


def language(talk: Talk, person: Person, rest: str) -> None:
    """Speak another language from now on, named by its code or in itself."""
    wanted = rest.casefold().rstrip(".!")
    code = next((code for code in LANGUAGES if wanted in (code, phrase(code, "name").casefold())), None)
    if code is None:
        choices = ", ".join(talk.say("chat.language_word", code=code) for code in LANGUAGES)
        talk.reply(talk.say("chat.usage.language", choices=choices))
        return
    talk.answer.people.append(talk.people.spoke(person.id, code))
    talk.reply(talk.words.say(code, "chat.language"))


def _open_lines(talk: Talk, person: Person) -> list[str]:
    alerts = [alert for alert in talk.view.open_alerts() if alert.open and not alert.shadow]
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
    alerts = [
        talk.words.line(alert, person, talk.now, named(talk, alert.acknowledged_by) if alert.acknowledged_by else "")
        for alert in talk.view.open_alerts()
        if alert.device == device and alert.open and not alert.shadow
    ]
    name = talk.words.facts.device(device)
    return [name, *shown(talk, values or [talk.say("chat.no_values")]), *shown(talk, alerts)]


def _find(talk: Talk, animal: str) -> tuple[list[str], list[str]]:
    """Return the devices of that name, id or ear tag, or else the names that are nearly it."""
    facts = talk.words.facts
    wanted = _plain(animal)
    names: dict[str, list[str]] = {}
    for device in dict.fromkeys([*facts.devices, *talk.view.heard_devices()]):
        for name in (device, facts.name(device), facts.tag(device)):
            if name and device not in names.setdefault(_plain(name), []):
                names[_plain(name)].append(device)
    if wanted in names:
        return names[wanted], []
    near = [names[name][0] for name in difflib.get_close_matches(wanted, names, n=3, cutoff=0.6)]
    return [], list(dict.fromkeys(facts.name(device) for device in near))


def _plain(name: str) -> str:
    return "".join(sign for sign in name.casefold() if sign.isalnum())
