"""Formats: how the bytes of a payload become one document (objects, lists, texts, numbers).

A new format is a function here and one line in FORMATS; what its document means is
the mapping's business. A format never raises: hostile bytes give `Rejected`.
"""

from __future__ import annotations

import csv
import json
import re
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from alertd.ingest.dialects.lorawan import parse_connection
from alertd.ingest.dialects.sparkplug import parse_sparkplug
from alertd.ingest.values import LONGEST, parse_number
from alertd.model import Rejected

if TYPE_CHECKING:
    from collections.abc import Callable

    from alertd.ingest.settings import Limits

Parse: TypeAlias = "Callable[[bytes, Limits], Any]"
"""Payload (its size is checked already) to document, or `Rejected`."""

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)
_DIGITS: Final = 400
"""A whole number longer than this is beyond every float (1.8e308) and read as one that is too large."""

_MARK: Final = "\ufeff"
"""The byte order mark some Windows programs begin a text with."""

LINES: Final = 10_000
"""Lines of CSV read of one message."""

_decode = msgspec.json.Decoder().decode


def parse_json(payload: bytes, limits: Limits) -> Any:
    """Decode JSON; `NaN` and `Infinity` of Python senders come out as floats that no field accepts."""
    # Counting brackets costs 0.1 microseconds; only what might be too deep is looked at closely.
    if payload.count(b"{") + payload.count(b"[") > limits.depth and _depth(payload) > limits.depth:
        return Rejected("too_deep", f"nested deeper than {limits.depth} levels: raise limits.depth if that is meant")
    try:
        return _decode(payload)
    except UnicodeDecodeError:
        return _not_text(payload)
    except msgspec.DecodeError as error:
        return _second_look(payload, str(error))


def _second_look(payload: bytes, why: str) -> Any:
    """Read what strict JSON refuses and senders write (NaN, 1e400, a byte order mark, C's zero at the end)."""
    try:
        return json.loads(payload.decode("utf-8-sig").rstrip("\x00"), parse_int=_whole)
    except UnicodeDecodeError:
        return _not_text(payload)
    except ValueError:
        return Rejected("not_json", f"{why}: payload begins {payload[:40]!r}; is another format: meant?")


def _whole(digits: str) -> float:
    return int(digits) if len(digits) <= _DIGITS else float("inf")


def _depth(payload: bytes) -> int:
    deepest = depth = 0
    for token in _TOKEN.finditer(payload):
        sign = token.group()
        if sign in b"{[":
            depth += 1
            deepest = max(deepest, depth)
        elif sign in b"}]":
            depth -= 1
    return deepest


def parse_number_text(payload: bytes, _limits: Limits) -> Any:
    """Return the payload as text; the field that takes it knows which unit and range to expect."""
    try:
        return bare_text(payload)
    except UnicodeDecodeError:  # a controller that writes `4,2 °C` as Windows did in 1995
        text = bare_text(payload.decode("latin-1").encode()) if len(payload) <= LONGEST else ""
        return text if parse_number(text) is not None else _not_text(payload)


def bare_text(payload: bytes) -> str:
    """Return the payload as text, without what stands around it.

    Raises:
        UnicodeDecodeError: it is no text.
    """
    text = payload.decode().removeprefix(_MARK).strip(" \t\r\n\x00")  # "utf-8-sig" takes ten times the time
    # Home Assistant's statestream writes JSON scalars: strings keep their quotes.
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def parse_json_or_text(payload: bytes, limits: Limits) -> Any:
    """Decode an object where there is one, else take the text: zigbee2mqtt 2 and 1 say the same thing differently."""
    if payload.lstrip()[:1] in (b"{", b"["):
        return parse_json(payload, limits)
    return parse_number_text(payload, limits)


def _not_text(payload: bytes) -> Rejected:
    return Rejected("not_utf8", f"binary payload, begins {payload[:24].hex(' ')}: is another format: meant?")


def csv_parser(separator: str, columns: tuple[str, ...], *, header: bool) -> Parse:
    """Return a parser of lines into a list of objects; cells stay text, empty ones are left out.

    `columns` name the cells; with `header` the first line does, and columns that it lacks
    are taken by place. Lines beyond 10,000 are not read: 64 KiB hold fewer useful ones.
    """

    def parse(payload: bytes, _limits: Limits) -> Any:
        try:
            text = payload.decode("utf-8-sig").strip("\x00\r\n ")
        except UnicodeDecodeError:
            return _not_text(payload)
        try:
            lines = [line for line in islice(csv.reader(text.splitlines(), delimiter=separator), LINES) if any(line)]
        except csv.Error as error:
            return Rejected("not_csv", f"{error}: payload begins {payload[:40]!r}")
        names = columns
        if header and lines:
            names = tuple(cell.strip() for cell in lines.pop(0))
        return [
            {name: cell.strip() for name, cell in zip(names, line, strict=False) if name and cell.strip()}
            for line in lines
        ]

    return parse


FORMATS: Final[dict[str, Parse]] = {
    "json": parse_json,
    "number": parse_number_text,
    "text": parse_number_text,
    "csv": csv_parser(",", (), header=True),
    "senml": parse_json,
    "sparkplug": parse_sparkplug,
    "json_or_text": parse_json_or_text,
    "connection": parse_connection,
}
"""Every format that can be read, by the name in the configuration; the last two are for presets."""
