"""`/api/v1/silences`: planned quiet is listed, made and ended, with author and reason."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

import msgspec
from aiohttp import web

from alertd.alerting.rules import DEVICE_KEYS, matches
from alertd.model import DAY
from alertd.settings import parse_duration
from alertd.web.answers import BadCallError, as_json, cut, read_limit, silence_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from alertd.model import Micros
    from alertd.web.desk import Desk, Row

LONGEST: Final = 366 * DAY
LARGEST_JSON: Final = 16 * 1024
KEYS: Final = (*DEVICE_KEYS, "metric", "labels", "rule")
NOT_OF_A_DEVICE: Final = ("metric", "rule", "severity")
UNKNOWN: Final = "no device that is known fits this: nothing is kept quiet now"
LOOKS_LIKE: Final = 0.8
"""Likeness (difflib) from which a key that nothing has is taken for a mistyped one, as in `check`."""

Value = str | int | bool | list[str | int | bool]


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    """What makes a silence. An unknown key is an error: a mistyped one must not silence the whole farm."""

    match: dict[str, Value | dict[str, Value]]
    for_: str = msgspec.field(name="for")
    reason: str
    by: str | None = None


class Silences:
    """The routes of silences. `now` gives the daemon's time; `via` says which door a call came through."""

    def __init__(self, desk: Desk, now: Callable[[], Micros], via: Callable[[web.Request], str]) -> None:
        self._desk = desk
        self._now = now
        self._via = via

    def routes(self) -> list[web.RouteDef]:
        """Return every route of this module."""
        return [
            web.get("/api/v1/silences", self.list),
            web.post("/api/v1/silences", self.add),
            web.delete("/api/v1/silences/{id}", self.end),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """List silences under way, with `?state=all` also those that ended within two days; the newest first."""
        state = request.query.get("state", "active")
        if state not in ("active", "all"):
            raise BadCallError(400, "bad_state", "state must be active or all")
        limit, cursor = read_limit(request.query.get("limit")), request.query.get("cursor")
        rows = self._desk.silences(state)
        page, after = cut(rows, lambda row: [silence_number(row["id"]) or 0], limit, cursor, newest_first=True)
        return as_json({"silences": page, "next": after})

    async def add(self, request: web.Request) -> web.Response:
        """Make a silence; answer with it after it is committed."""
        body = await _body(request)
        self._prove_keys(body.match)
        self._prove_rules(body.match.get("rule"))
        until = self._now() + _length(body.for_)
        made = await self._desk.silence(body.match, until, body.reason.strip(), body.by, self._via(request))
        return as_json(made if self._known(body.match) else made | {"warning": UNKNOWN}, 201)

    def _known(self, match: dict[str, Value | dict[str, Value]]) -> bool:
        """Return whether a device that is known fits, as far as the silence asks for one."""
        wanted = {key: value for key, value in match.items() if key not in NOT_OF_A_DEVICE}
        return not wanted or any(matches(wanted, _facts(row)) for row in self._desk.devices())

    def _prove_keys(self, match: dict[str, Value | dict[str, Value]]) -> None:
        """Refuse a key that is a mistyped one, as `check` does; of others there may be a device one day.

        Raises:
            BadCallError: a key that no device has looks like one that there is.
        """
        known = {*KEYS, *self._desk.labels()}
        for name in match:
            near = [] if name in known else get_close_matches(name, sorted(known), 1, LOOKS_LIKE)
            if near:
                raise BadCallError(400, "bad_match", f"match.{name}: unknown key (did you mean {near[0]}?)")

    def _prove_rules(self, named: Value | dict[str, Value] | None) -> None:
        """Refuse a rule that does not exist: its silence would keep nothing quiet, and somebody counts on it.

        Raises:
            BadCallError: no rule is called so.
        """
        names = [str(row["name"]) for row in self._desk.rules()]
        for name in named if isinstance(named, list) else [named]:
            if isinstance(name, str) and name not in names:
                near = get_close_matches(name, names, 1)
                hint = f" (did you mean {near[0]}?)" if near else ""
                raise BadCallError(400, "unknown_rule", f"match.rule: there is no rule {name}{hint}")

    async def end(self, request: web.Request) -> web.Response:
        """End a silence; answer with it after that is committed. One that has ended stays as it is."""
        number = silence_number(request.match_info["id"])
        by = request.query.get("by")
        ended = None if number is None else await self._desk.end_silence(number, by, self._via(request))
        if ended is None:
            raise BadCallError(404, "unknown_silence", f"there is no silence {request.match_info['id']}")
        return as_json(ended)


def _facts(row: Row) -> Mapping[str, str]:
    """Return what a match may ask of a device, flat."""
    own = {key: str(row[key]) for key in ("id", "name", "tag", "species", "group") if row.get(key) is not None}
    labels: dict[str, str] = row.get("labels", {})
    return labels | own | {"device": row["id"]}


async def _body(request: web.Request) -> _Body:
    """Read and prove the body.

    Raises:
        BadCallError: not JSON of that shape, nothing to match, or no reason.
    """
    raw = await request.read()
    if len(raw) > LARGEST_JSON:
        raise BadCallError(413, "too_large", f"the body may have {LARGEST_JSON} bytes")
    try:
        body = msgspec.json.decode(raw, type=_Body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        shape = '{"match": {"device": "fan-3"}, "for": "2h", "reason": "…", "by": "anna"}'
        raise BadCallError(400, "bad_body", f"the body must be JSON such as {shape}: {error}") from None
    if not body.match or any(value in ([], {}, "") for value in body.match.values()):
        raise BadCallError(400, "bad_match", "match needs at least one key, and each key a value")
    if not body.reason.strip():
        raise BadCallError(400, "bad_body", "reason must say why")
    if len(body.by or "") > 64 or len(body.reason) > 1000:  # noqa: PLR2004 (a name, a note; said in the sentence)
        raise BadCallError(400, "bad_body", "by may have 64 characters, reason 1000")
    return body


def _length(text: str) -> Micros:
    try:
        length = parse_duration(text)
    except ValueError as error:
        raise BadCallError(400, "bad_body", f"for {error}") from None
    if not 0 < length <= LONGEST:
        raise BadCallError(400, "bad_body", "for must be longer than 0s and at most 366d")
    return length
