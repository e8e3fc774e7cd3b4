"""The JSON API, `/healthz` and `/metrics`: what is asked is read strictly, then put to the desk."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec
from aiohttp import web

from alertd import __version__
from alertd.model import DAY, HOUR, UNTIL_RESOLVED
from alertd.settings import parse_duration
from alertd.web.answers import BadCallError, alert_number, as_json, cut, read_cursor, read_limit, read_time
from alertd.web.metrics import CONTENT_TYPE
from alertd.web.silences import Silences

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from alertd.model import Micros
    from alertd.web.desk import Desk, Row

ACTIONS: Final = {
    "ack": "ack",
    "unack": "unack",
    "snooze": "snooze",
    "resolve": "resolve",
    "false-alarm": "false_alarm",
}
"""What the path says, and what the engine calls it."""
SNOOZE: Final = 2 * HOUR
"""How long a snooze lasts that does not say (CONTRACT.md section 4)."""
LONGEST_SNOOZE: Final = 30 * DAY
LONGEST_LISTENING: Final = 120
"""Seconds the doctor may listen to the broker when it is asked by HTTP."""
PENDING: Final = 1 << 53
"""Where what has no number yet stands among numbers: before all of them."""
LARGEST_JSON: Final = 16 * 1024


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    """What may come with a command. An unknown key is an error: a mistyped `for` must not snooze for 2 h."""

    by: str | None = None
    for_: str | None = msgspec.field(default=None, name="for")
    comment: str | None = None
    messenger: str | None = None


class _Route(msgspec.Struct, forbid_unknown_fields=True):
    """What an alert that may fire is about, and when."""

    facts: dict[str, str]
    at: str | None = None


class Api:
    """The routes under `/api/v1`. `now` gives the daemon's time; `via` says which door a call came through."""

    def __init__(self, desk: Desk, now: Callable[[], Micros], via: Callable[[web.Request], str]) -> None:
        self._desk = desk
        self._now = now
        self._via = via
        self._silences = Silences(desk, now, via)

    def routes(self) -> list[web.RouteDef]:
        """Return every route of this module."""
        return [
            web.get("/healthz", self.health),
            web.get("/metrics", self.metrics),
            web.get("/api/v1/alerts", self.alerts),
            web.post("/api/v1/alerts/{id}/{action}", self.command),
            web.get("/api/v1/devices", self.devices),
            web.get("/api/v1/rules", self.rules),
            web.get("/api/v1/people", self.people),
            web.post("/api/v1/people/{id}/invite", self.invite),
            web.post("/api/v1/people/{id}/test", self.send_test),
            web.get("/api/v1/people/{id}/export", self.export),
            web.delete("/api/v1/people/{id}", self.erase),
            web.get("/api/v1/sources", self.sources),
            web.post("/api/v1/doctor", self.doctor),
            web.post("/api/v1/route", self.route),
            web.get("/api/v1/messages", self.messages),
            web.get("/api/v1/readings", self.readings),
            web.get("/api/v1/actions", self.switchings),
            *self._silences.routes(),
        ]

    async def health(self, _request: web.Request) -> web.Response:
        """Answer 200 when everything works, else 503, with each part."""
        health = self._desk.health()
        parts = {name: {"ok": part.ok, "text": part.text} for name, part in health.parts.items()}
        body = {"ok": health.ok, "program": "alertd", "version": __version__, "parts": parts}
        return as_json(body, 200 if health.ok else 503)

    async def metrics(self, _request: web.Request) -> web.Response:
        """Answer with Prometheus text."""
        return web.Response(body=self._desk.metrics(), headers={"Content-Type": CONTENT_TYPE})

    async def alerts(self, request: web.Request) -> web.Response:
        """List alerts, the newest first."""
        state = request.query.get("state", "open")
        if state not in ("open", "all"):
            raise BadCallError(400, "bad_state", "state must be open or all")
        rows = self._desk.alerts(state)
        if state == "open":
            return _page(request, "alerts", rows, _alert_key, newest=True)
        # The book forgets after two days; what it still knows may be fresher than what was committed.
        limit, cursor = read_limit(request.query.get("limit")), request.query.get("cursor")
        before = None if cursor is None else read_cursor(cursor)[0]
        if isinstance(before, str):
            raise _bad_cursor()
        known = {row["id"] for row in rows}
        rows += [row for row in await self._desk.past_alerts(limit + 1, before) if row["id"] not in known]
        return _page(request, "alerts", rows, _number_key, newest=True)

    async def devices(self, request: web.Request) -> web.Response:
        """List devices by id."""
        return _page(request, "devices", self._desk.devices(), lambda row: [row["id"]])

    async def rules(self, request: web.Request) -> web.Response:
        """List rules by name, with what of their warm-up is left."""
        return _page(request, "rules", self._desk.rules(), lambda row: [row["name"]])

    async def people(self, request: web.Request) -> web.Response:
        """List people by id."""
        return _page(request, "people", self._desk.people(), lambda row: [row["id"]])

    async def sources(self, request: web.Request) -> web.Response:
        """List sources by name."""
        return _page(request, "sources", self._desk.sources(), lambda row: [row["name"]])

    async def doctor(self, request: web.Request) -> web.Response:
        """Begin the doctor's rounds, or answer with what was found: 202 until then, ask again."""
        text = request.query.get("seconds", "10")
        if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]+)?", text) or not 0 < float(text) <= LONGEST_LISTENING:
            raise BadCallError(400, "bad_seconds", f"seconds must be a number up to {LONGEST_LISTENING}")
        found = self._desk.doctor(float(text))
        return as_json({"findings": found}, 202 if found is None else 200)

    async def messages(self, request: web.Request) -> web.Response:
        """List messages, the newest first."""
        query = request.query
        try:
            rows, after = await self._desk.messages(read_limit(query.get("limit")), query.get("cursor"))
        except ValueError:
            raise _bad_cursor() from None
        return as_json({"messages": rows, "next": after})

    async def switchings(self, request: web.Request) -> web.Response:
        """List who switched which device and what became of it, the newest first."""
        query = request.query
        try:
            rows, after = await self._desk.switchings(read_limit(query.get("limit")), query.get("cursor"))
        except ValueError:
            raise _bad_cursor() from None
        return as_json({"actions": rows, "next": after})

    async def readings(self, request: web.Request) -> web.Response:
        """List kept readings, the oldest first, with `from` <= time < `to`."""
        query = request.query
        start, end = read_time("from", query.get("from")), read_time("to", query.get("to"))
        limit = read_limit(query.get("limit"))
        device, metric = query.get("device"), query.get("metric")
        try:
            rows, after = await self._desk.readings(
                device, metric, start, end, limit, query.get("cursor"), labels=query.get("labels") == "true"
            )
        except ValueError:
            raise _bad_cursor() from None
        return as_json({"readings": rows, "next": after})

    async def route(self, request: web.Request) -> web.Response:
        """Answer who would get what, when and why, if such an alert fired."""
        raw = await request.read()
        if len(raw) > LARGEST_JSON:
            raise BadCallError(413, "too_large", f"the body may have {LARGEST_JSON} bytes")
        try:
            wanted = msgspec.json.decode(raw, type=_Route)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            message = f'the body must be JSON such as {{"facts": {{"rule": "fever", "device": "cow-1"}}}}: {error}'
            raise BadCallError(400, "bad_body", message) from None
        try:
            return as_json(self._desk.route(wanted.facts, read_time("at", wanted.at)))
        except ValueError as error:
            raise BadCallError(400, "bad_facts", str(error)) from None

    async def command(self, request: web.Request) -> web.Response:
        """Acknowledge, snooze and so on; answer with the alert after it is committed."""
        action = ACTIONS.get(request.match_info["action"])
        if action is None:
            raise BadCallError(404, "not_found", f"an alert can be told {', '.join(ACTIONS)}")
        body = await _body(request)
        until = _until(body.for_, self._now()) if action == "snooze" else None
        if until is not None and body.by is not None and body.by not in {row["id"] for row in self._desk.people()}:
            raise BadCallError(400, "unknown_person", f"by: nobody has the id {body.by}, so nobody would have quiet")
        number = alert_number(request.match_info["id"])
        alert = None
        if number is not None:
            alert = await self._desk.command(action, number, body.by, until, body.comment or "", self._via(request))
        if alert is None:
            raise BadCallError(404, "unknown_alert", f"there is no alert {request.match_info['id']}")
        return as_json(alert)

    async def invite(self, request: web.Request) -> web.Response:
        """Make a code to join by."""
        body, person = await _body(request), request.match_info["id"]
        try:
            return as_json(await self._desk.invite(person, body.messenger), 201)
        except KeyError:
            raise BadCallError(404, "unknown_person", f"nobody has the id {person}") from None
        except ValueError as error:
            raise BadCallError(400, "bad_messenger", str(error)) from None

    async def export(self, request: web.Request) -> web.Response:
        """Answer with everything held of a person."""
        return as_json(await self._of_person(request, self._desk.export))

    async def erase(self, request: web.Request) -> web.Response:
        """Take a person out of the store; the consent ledger keeps its hashes."""
        return as_json(await self._of_person(request, self._desk.erase))

    async def _of_person(self, request: web.Request, work: Callable[[str], Awaitable[Row]]) -> Row:
        person = request.match_info["id"]
        try:
            return await work(person)
        except KeyError:
            raise BadCallError(404, "unknown_person", f"nothing is held of {person}") from None

    async def send_test(self, request: web.Request) -> web.Response:
        """Send one test message; 409 when nothing was sent for want of consent or channel."""
        body, person = await _body(request), request.match_info["id"]
        try:
            sent = await self._desk.send_test(person, body.messenger)
        except KeyError:
            raise BadCallError(404, "unknown_person", f"nobody has the id {person}") from None
        except ValueError as error:
            raise BadCallError(400, "bad_messenger", str(error)) from None
        if sent["outcome"] == "refused":
            raise BadCallError(409, "refused", str(sent["why"]))
        return as_json(sent)


def _bad_cursor() -> BadCallError:
    return BadCallError(400, "bad_cursor", "cursor must be the `next` of an earlier answer")


def _alert_key(row: Row) -> list[Any]:
    """Where an alert stands in the list. Pending ones have no number yet, and many may begin at one time."""
    one = (str(row[name] or "") for name in ("rule", "device", "group", "metric"))
    return [row["started"], alert_number(row["id"] or "") or 0, *one]


def _number_key(row: Row) -> list[Any]:
    """Where an alert stands among all there ever were."""
    return [alert_number(row["id"] or "") or PENDING, *_alert_key(row)]


def _page(
    request: web.Request, name: str, rows: list[Row], key: Callable[[Row], list[Any]], *, newest: bool = False
) -> web.Response:
    limit, cursor = read_limit(request.query.get("limit")), request.query.get("cursor")
    page, after = cut(rows, key, limit, cursor, newest_first=newest)
    return as_json({name: page, "next": after})


async def _body(request: web.Request) -> _Body:
    """Read the optional JSON body.

    Raises:
        BadCallError: too large, or not `{"by", "for", "comment", "messenger"}`.
    """
    raw = await request.read()
    if len(raw) > LARGEST_JSON:
        raise BadCallError(413, "too_large", f"the body may have {LARGEST_JSON} bytes")
    if not raw.strip():
        return _Body()
    try:
        body = msgspec.json.decode(raw, type=_Body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f'the body must be JSON such as {{"by": "anna", "for": "2h", "comment": "…"}}: {error}'
        raise BadCallError(400, "bad_body", message) from None
    if len(body.by or "") > 64 or len(body.comment or "") > 1000:  # noqa: PLR2004 (a name, a note; said in the sentence)
        raise BadCallError(400, "bad_body", "by may have 64 characters, comment 1000")
    return body


def _until(text: str | None, now: Micros) -> Micros:
    """Return when a snooze ends; `resolved` is when the alert does."""
    return UNTIL_RESOLVED if text == "resolved" else now + _snooze(text)


def _snooze(text: str | None) -> Micros:
    """Read how long to snooze.

    Raises:
        BadCallError: not a duration, or none that makes sense.
    """
    if text is None:
        return SNOOZE
    try:
        length = parse_duration(text)
    except ValueError as error:
        raise BadCallError(400, "bad_body", f"for {error}") from None
    if not 0 < length <= LONGEST_SNOOZE:
        raise BadCallError(400, "bad_body", "for must be longer than 0s and at most 30d")
    return length
