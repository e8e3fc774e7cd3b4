"""What each messenger can do, and what alertd makes of each answer: docs/messenger-tables.md, written from the code.

`python -m alertd.tools.messenger_tables` prints the page. Every row is an entry of the adapter's own table, and what is
said of it is the outcome that table gives: the page cannot say anything else than what happens.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from alertd.messengers import (
    MESSENGERS,
    call,
    exchange,
    facebook_errors,
    mail_errors,
    matrix_errors,
    ntfy,
    signal_errors,
    telegram_errors,
    threema,
    twilio_errors,
    wechat_errors,
    whatsapp_errors,
)
from alertd.messengers.classes import Class
from alertd.model import HOUR, Reject, Retry, Sent, Unsure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alertd.messengers.threema import Threema
    from alertd.model import Outcome
    from alertd.seams import Abilities

HEAD: Final = """\
# What messengers can do, and what alertd makes of their answers

Written by `make docs` from the tables in `alertd/messengers`, row by row; a test holds the page against the code.
How to set each one up stands in [messengers.md](messengers.md).

- *tries again*: after 1, 2, 4 s and so on up to 30 s, after an hour up to 5 min, or as long as the provider asks.
  A critical message takes the person's next channel after a minute, others after 15 min.
- *all wait*: nothing else is sent by this messenger until one message got through.
- *keeps the messages*: all wait, from a minute up to 5 min; critical messages take the next channel at once.
- *unsure*: nobody knows whether it was told. A critical message is repeated once, marked, then takes the next channel;
  others are not repeated and are shown as unsure.
- *next channel*: without another one the message is given up and shown; when nobody is reached the operator is told.
"""
COLUMNS: Final = (
    "messenger",
    "text",
    "buttons",
    "pictures",
    "places",
    "edits",
    "replies",
    "hears",
    "sender proved",
    "receipts",
    "knows a repeat",
    "groups",
    "free after they wrote",
    "a second, chat/all",
    "signs with a meaning",
)
ATTEMPT: Final = 1
"""The attempt whose pauses are shown; later ones wait longer."""


class Row(NamedTuple):
    """One error code: what it means, and what alertd does."""

    code: str
    means: str
    does: str


def page() -> str:
    """Return the whole page as Markdown."""
    return "\n".join([HEAD, *_abilities(), "", *_errors()]) + "\n"


def errors() -> dict[str, list[Row]]:
    """Return every table of answers by its heading."""
    return {
        "The line": [
            *(_row(kind.__name__, meant) for kind, meant in exchange.LINE),
            Row("crash of alertd between request and answer", "nobody knows", does(Unsure(""))),
        ],
        "HTTP, where a provider gives no better word": [_row(_span(span), meant) for span, meant in exchange.STATUSES],
        "Telegram (status, words)": [
            Row("429", "too many requests", does(Retry("", after=0.0))),
            *(
                Row(f"{status} {words}".strip(), "", does(telegram_errors.refused(kind, words)))
                for status, words, kind in telegram_errors.REFUSALS
            ),
            Row("400 with a new chat id", "the group has become a supergroup", "sends it there, at once"),
            Row("400 message is not modified", "the edit was made before", does(Sent())),
            Row("400 message to edit not found", "deleted", "sends it as a new message, at once"),
        ],
        "WhatsApp (error.code)": [
            Row(str(code), words, _whatsapp(code))
            for codes in whatsapp_errors.CODES.values()
            for code, words in codes.items()
        ],
        "Messenger (code/subcode)": [
            Row(f"{code}/{subcode}" if subcode else str(code), words, _facebook(code, subcode))
            for codes in facebook_errors.CODES.values()
            for (code, subcode), words in codes.items()
        ],
        "WeChat (errcode)": [
            Row(str(code), words, _wechat(code))
            for codes in wechat_errors.CODES.values()
            for code, words in codes.items()
        ],
        "Threema (HTTP status)": [_row(status, meant) for status, meant in threema.STATUSES.items()],
        "Signal (type of a result)": [_row(kind, meant) for kind, meant in signal_errors.RESULTS.items()],
        "Signal (JSON-RPC code)": [_row(code, meant) for code, meant in signal_errors.CODES.items()],
        "Matrix (errcode)": [
            Row("a lost answer", "nobody knows", "asks again under the same transaction id: told once"),
            *(_row(code, meant) for code, meant in matrix_errors.ERRORS.items()),
        ],
        "E-mail (SMTP reply)": list(_mail()),
        "SMS and calls (error code)": [
            Row(str(code), words, does(twilio_errors.outcome(code, words)))
            for codes in twilio_errors.CODES.values()
            for code, words in codes.items()
        ],
        "Calls (how a call ended)": [
            Row(state, getattr(meant, "why", "somebody answered the phone"), does(meant))
            for state, meant in call.ENDINGS.items()
        ],
        "ntfy (code)": [_row(code, meant) for code, meant in ntfy.ERRORS.items()],
    }


def does(outcome: Outcome | None) -> str:
    """Say what alertd does after an outcome (`messengers.policy`, `messengers.pace`)."""
    match outcome:
        case Sent():
            return "told"
        case Retry(config=True, after=after):
            return f"keeps the messages{_pause(after)}, tells the operator"
        case Retry(whole_account=True, after=after):
            return f"tries again{_pause(after)}; all wait"
        case Retry(after=0.0):
            return "waits as long as asked, this chat"
        case Retry(after=after):
            return f"tries again{_pause(after)}"
        case Reject(gone=True):
            return "next channel; closes this one until they write, if they can be heard"
        case Reject(ours=True):
            return "next channel, tells the operator"
        case Reject():
            return "next channel"
        case Unsure():
            return "unsure"
    return "the HTTP status decides"


def _pause(after: float | None) -> str:
    if not after:
        return ""
    for seconds, unit in ((3600, "h"), (60, "min")):
        if after >= seconds:
            return f" after {after / seconds:g} {unit}"
    return f" after {after:g} s"


def _row(code: object, meant: Outcome) -> Row:
    words = getattr(meant, "why", "")
    return Row(str(code), words.partition(": {")[0].replace(" within {seconds:g} s", " in time"), does(meant))


def _whatsapp(code: int) -> str:
    if whatsapp_errors.ERRORS[code] is Class.WINDOW:
        return f"{Class.WINDOW.value}, at once"
    return does(whatsapp_errors.outcome(code, "", ATTEMPT))


def _facebook(code: int, subcode: int) -> str:
    if facebook_errors.kind(code, subcode) is Class.WINDOW:
        return f"{Class.WINDOW.value}, at once; without one the next channel"
    return does(facebook_errors.outcome(code, subcode, ""))


def _wechat(code: int) -> str:
    kind = wechat_errors.ERRORS[code]
    if kind in (Class.TOKEN, Class.WINDOW):
        return f"{kind.value}, at once; then {does(wechat_errors.outcome(code, ''))}"
    return does(wechat_errors.outcome(code, ""))


def _mail() -> Iterator[Row]:
    steps = [step for step in mail_errors.Step if step is not mail_errors.Step.TAKEN]
    for code in mail_errors.ANYWHERE:
        yield Row(str(code), "at every step", does(mail_errors.meaning(steps[0], code, "")))
    for shown, code, words in (("4xx", 450, ""), ("5xx", 550, ""), ("5xx 5.7.x", 550, "5.7.1")):
        for step in steps:
            yield Row(f"{shown} ({step.value})", "", does(mail_errors.meaning(step, code, words)))
    yield Row(
        "the line breaks after the text", "nobody knows", f"{does(Unsure(''))}; repeated under the same Message-ID"
    )


def _span(span: range) -> str:
    if len(span) == 1:
        return str(span[0])
    return "any other" if span[0] == 0 else f"other {span[0]}–{span[-1]}"


def _errors() -> Iterator[str]:
    yield "## Answers"
    for heading, rows in errors().items():
        yield from ("", f"### {heading}", "", "| answer | means | alertd |", "|---|---|---|")
        for (means, done), alike in groupby(rows, key=lambda row: row[1:]):
            codes = [row.code for row in alike]
            yield f"| {_several(codes)} | {means or '–'} | {done} |"


def _several(codes: list[str]) -> str:
    """Write `200`, `201`, … as `200–299`."""
    runs: list[list[str]] = []
    for code in codes:
        if runs and code.isdigit() and runs[-1][-1].isdigit() and int(code) == int(runs[-1][-1]) + 1:
            runs[-1].append(code)
        else:
            runs.append([code])
    return ", ".join(one for run in runs for one in (run if len(run) < 3 else [f"{run[0]}–{run[-1]}"]))  # noqa: PLR2004


def _abilities() -> Iterator[str]:
    """Yield the table of what each messenger can do."""
    yield "## What each can do"
    yield ""
    yield "What a messenger lacks is told in words: numbers to answer with, the value without its curve, a new message."
    yield ""
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|---" * len(COLUMNS) + "|"
    for name, abilities in sorted(_all().items()):
        yield f"| {' | '.join((name, *_can(abilities)))} |"


def _all() -> Mapping[str, Abilities]:
    found = {name: one.abilities for name, one in MESSENGERS.items()}
    end_to_end: type[Threema] = MESSENGERS["threema"]
    return found | {"threema (end-to-end)": end_to_end.end_to_end}


def _can(abilities: Abilities) -> Iterator[str]:
    yield f"{abilities.limit:,}"
    yield str(abilities.buttons) if abilities.buttons else "–"
    for able in (
        abilities.pictures,
        abilities.places,
        abilities.edits,
        abilities.replies,
        abilities.inbound,
        abilities.authenticates,
        abilities.receipts,
        abilities.knows_again,
        abilities.groups,
    ):
        yield "yes" if able else "–"
    yield f"{abilities.window / HOUR:g} h" if abilities.window else "always"
    yield f"{abilities.per_chat:.2g}/{abilities.per_account:g}"
    yield abilities.markup or "none"


if __name__ == "__main__":
    print(page(), end="")
