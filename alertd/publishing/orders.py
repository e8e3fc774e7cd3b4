"""What other programs may ask by MQTT: `{"ack": "A-217", "by": "anna"}` on `<topic>/command`.

Whoever may publish there speaks for the people in `publish.commands`, so it is little that
can be asked: acknowledge, and snooze for up to two hours. There is no reply; the alert's
retained copy shows what came of it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from alertd.model import HOUR, Command, Rejected, stable_id
from alertd.settings import parse_duration

if TYPE_CHECKING:
    from collections.abc import Collection

    from alertd.model import Micros
    from alertd.seams import Raw

LONGEST: Final = 2 * HOUR
"""The longest snooze by MQTT, and the usual one (CONTRACT.md section 6, actions)."""
VIA: Final = "MQTT"
_NUMBER: Final = re.compile(r"A-(\d{1,12})")


class _Order(msgspec.Struct):
    by: str
    ack: str | None = None
    snooze: str | None = None
    for_: str | None = msgspec.field(default=None, name="for")
    comment: str = ""


def order(raw: Raw, allowed: Collection[str]) -> Command | Rejected:
    """Read one message of the command topic; what is not clear, or not allowed, is refused with a reason.

    Retained messages are refused: a broker would repeat them after every reconnect, long
    after somebody meant them.
    """
    if raw.retained:
        return Rejected("retained", "a command must not be retained: publish it without the retain flag")
    try:
        asked = msgspec.json.decode(raw.payload, type=_Order)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Rejected("command", f'not {{"ack": "A-217", "by": "anna"}}: {error}')
    if asked.by not in allowed:
        return Rejected("not_allowed", f"{asked.by[:60]!r} is not in publish.commands")
    if (asked.ack is None) == (asked.snooze is None):
        return Rejected("command", "needs one of ack, snooze")
    number = _NUMBER.fullmatch(asked.ack or asked.snooze or "")
    if number is None:
        return Rejected("command", "an alert is named by its number, such as A-217")
    until = None if asked.snooze is None else _until(asked.for_, raw.received)
    if isinstance(until, Rejected):
        return until
    # A copy of a message that was not acknowledged yet never gets here (`ingest.ledger`): the id need only be unique.
    name = stable_id("command", raw.topic, raw.received, raw.payload.hex())
    action = "ack" if asked.ack is not None else "snooze"
    return Command(name, raw.received, action, (int(number[1]),), asked.by, until, comment=asked.comment[:200], via=VIA)


def _until(text: str | None, at: Micros) -> Micros | Rejected:
    try:
        asked = LONGEST if text is None else parse_duration(text)
    except ValueError as error:
        return Rejected("command", f"for: {error}")
    if not 0 < asked <= LONGEST:
        return Rejected("command", f"for: {text} is not allowed by MQTT: at most 2h")
    return at + asked
