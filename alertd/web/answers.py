"""What goes back: JSON, pages of rows, and errors in the one shape of CONTRACT.md section 5."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Callable

    from alertd.model import Micros
    from alertd.web.access import Refusal
    from alertd.web.desk import Row

DEFAULT_LIMIT: Final = 1000
MOST: Final = 10_000
"""Rows of one answer at most; about 4 MB of alerts. `?limit=` beyond it is cut to it."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER: Final = re.compile(r"(?:[Aa]-)?([0-9]{1,9})")
_SILENCE: Final = re.compile(r"(?:[Ss]-)?([0-9]{1,9})")


class BadCallError(Exception):
    """What was asked cannot be answered: `status`, a constant `code`, and a sentence for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def as_json(value: Any, status: int = 200) -> web.Response:
    """Answer with JSON; a number that is not finite becomes null."""
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


def as_error(why: Refusal | BadCallError) -> web.Response:
    """Answer with `{"error": {"code", "message"}}`."""
    answer = as_json({"error": {"code": why.code, "message": why.message}}, why.status)
    if why.status == 401:  # noqa: PLR2004 (HTTP; RFC 9110 section 15.5.2 wants the scheme named)
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def alert_number(text: str) -> int | None:
    """Read `A-217` (any case, or the bare number); None for anything else."""
    found = _NUMBER.fullmatch(text)
    return int(found[1]) if found else None


def silence_number(text: str) -> int | None:
    """Read `S-3` (any case, or the bare number); None for anything else."""
    found = _SILENCE.fullmatch(text)
    return int(found[1]) if found else None


def read_limit(text: str | None) -> int:
    """Read `?limit=`.

    Raises:
        BadCallError: it is not a positive whole number.
    """
    if text is None:
        return DEFAULT_LIMIT
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) == 0:
        raise BadCallError(400, "bad_limit", "limit must be a positive whole number")
    return min(int(text), MOST)


def read_time(name: str, text: str | None) -> Micros | None:
    """Read an RFC 3339 time with zone, to whole microseconds.

    A `+` in a query string that was not escaped arrives as a space; that is put right.

    Raises:
        BadCallError: it is not one.
    """
    if not text:
        return None
    try:
        time = datetime.fromisoformat(re.sub(r" (?=\d\d:\d\d$)", "+", text))
        if time.tzinfo is None:
            raise ValueError(text)  # noqa: TRY301 (one sentence for both mistakes)
        return (time - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        message = f"{name} must be a time with zone such as 2026-11-22T04:15:00Z"
        raise BadCallError(400, "bad_time", message) from None


def cut(
    rows: list[Row], key: Callable[[Row], list[Any]], limit: int, cursor: str | None, *, newest_first: bool = False
) -> tuple[list[Row], str | None]:
    """Sort rows by `key` and return the page after `cursor`, and the cursor of the next one.

    A cursor is the key of the last row told, so rows that come or go between two pages
    shift nothing.

    Raises:
        BadCallError: the cursor is none of ours.
    """
    keyed = sorted(((key(row), row) for row in rows), key=lambda pair: pair[0], reverse=newest_first)
    if cursor is not None:
        after = _decode(cursor, [type(item) for item in keyed[0][0]] if keyed else None)
        keyed = [pair for pair in keyed if (pair[0] < after if newest_first else pair[0] > after)]
    page = keyed[:limit]
    more = len(keyed) > limit
    return [row for _, row in page], _encode(page[-1][0]) if more else None


def read_cursor(cursor: str) -> list[Any]:
    """Return the key of the last row told.

    Raises:
        BadCallError: the cursor is none of ours.
    """
    return _decode(cursor, None)


def _encode(key: list[Any]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).rstrip(b"=").decode()


def _decode(cursor: str, shape: list[type] | None) -> list[Any]:
    try:
        raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        key = msgspec.json.decode(raw, type=list[str | int])
    except (ValueError, binascii.Error):  # msgspec's errors and UnicodeEncodeError are ValueErrors
        key = []
    if not key or (shape is not None and [type(item) for item in key] != shape):
        raise BadCallError(400, "bad_cursor", "cursor must be the `next` of an earlier answer")
    return key
