"""MAINTENANCE: planned quiet for everybody, from the chat: `MAINTENANCE barn2 2h new fans`, `MAINTENANCE END S-3`.

A place is an animal or device by name, id or ear tag, a group, or the value of any label
(barn, pen, site). What is not found is asked back; nothing is muted by a guess.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from alertd.alerting.rules import DEVICE_KEYS
from alertd.conversation.asking import found_devices, may_see, plain
from alertd.conversation.moments import UNTIL, ends_at, lasting
from alertd.conversation.vocabulary import END
from alertd.model import DAY, HOUR, Silencing, stable_id
from alertd.wording.clean import clean

if TYPE_CHECKING:
    from alertd.audience.person import Person
    from alertd.conversation.talk import Talk
    from alertd.model import Micros

LASTS: Final = 2 * HOUR
"""How long it is quiet when nothing else is said."""
MOST: Final = 7 * DAY
"""A longer quiet is for the shell, where it is seen in full."""
_SILENCE: Final = re.compile(r"s-?([0-9]{1,9})")


def maintenance(talk: Talk, person: Person, rest: str) -> None:
    """Mute a place for everybody for a while, or end that."""
    words = rest.rstrip(".!").split()
    if len(words) == 2 and words[0].casefold() in END:  # noqa: PLR2004 (END S-3)
        _end(talk, person, words[1])
        return
    place, until, reason = _read(words, person, talk.now)
    if not place or until is None or until > talk.now + MOST:
        talk.reply(talk.say("chat.usage.maintenance"))
        return
    match = _place(talk, person, place)
    if match is None:
        talk.reply(talk.say("chat.no_place", name=clean(place)))
        return
    _wish(talk, person, match, until, reason or f"maintenance of {place}")
    talk.reply(talk.say("chat.maintenance", name=clean(place), time=talk.clock(until, person)))


def _read(words: list[str], person: Person, now: Micros) -> tuple[str, Micros | None, str]:
    """Return place, end (None: not understood) and reason: for how long, or until when, stands between the two."""
    for number in range(1, len(words)):
        named = words[number].casefold() in UNTIL
        for size in (4, 3, 2, 1):
            some = words[number : number + size]
            lasts = None if named else lasting(some)
            end = ends_at(some, person.timezone, now) if named else None if lasts is None else now + lasts
            if end is not None:
                return " ".join(words[:number]), end, " ".join(words[number + size :])
    return " ".join(words), now + LASTS, ""


def _place(talk: Talk, person: Person, name: str) -> dict[str, str | list[str]] | None:
    """Return what a name means, unless anything of it is none of this person's business."""
    devices, _ = found_devices(talk, person, name)
    if devices:
        return {"device": devices}
    wanted = plain(name)
    for known in talk.view.places():
        for key, value in sorted(known.items(), key=lambda one: one[0] != "group"):
            if plain(value) == wanted and key != "metric" and (key == "group" or key not in DEVICE_KEYS):
                meant = [one["device"] for one in talk.view.places() if one.get(key) == value]
                return {key: value} if all(may_see(talk, person, one) for one in meant) else None
    return None


def _end(talk: Talk, person: Person, name: str) -> None:
    found = _SILENCE.fullmatch(name.casefold())
    if found is None or int(found[1]) not in {one.number for one in talk.view.quiet()}:
        talk.reply(talk.say("chat.no_silence", number=clean(name)))
        return
    number = int(found[1])
    name = stable_id("silence ends", talk.update.messenger, talk.update.id)
    talk.answer.silences.append(Silencing(name, talk.now, ends=number, by=person.id, via=talk.update.messenger))
    talk.reply(talk.say("chat.silence_ended", number=f"S-{number}"))


def _wish(talk: Talk, person: Person, match: dict[str, str | list[str]], until: Micros, reason: str) -> None:
    name = stable_id("silence", talk.update.messenger, talk.update.id)
    wish = Silencing(name, talk.now, match, until, reason, by=person.id, via=talk.update.messenger)
    talk.answer.silences.append(wish)
