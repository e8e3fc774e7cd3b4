"""The web console: one page of open alerts for a phone, rendered here, without a line of JavaScript."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from aiohttp import web

from alertd.model import Severity
from alertd.web.access import same_site
from alertd.web.answers import alert_number
from alertd.web.api import ACTIONS, SNOOZE
from alertd.web.session import COOKIE, LASTS
from alertd.web.words import TEXTS, amount, language_of, moment, with_units

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from jinja2 import Environment

    from alertd.model import Micros
    from alertd.web.access import Access
    from alertd.web.desk import Desk, Row
    from alertd.web.session import Sessions

FOLDER: Final = Path(__file__).with_name("templates")
SHOWN: Final = 200
"""Alerts on the page; nobody reads more on a phone, and the API has them all."""
ME: Final = "alertd_me"
"""Cookie with the id of the person who pressed last on this phone."""


@dataclass(frozen=True, slots=True)
class Farm:
    """What the page says of the farm."""

    name: str
    language: str
    timezone: tzinfo


class Page:
    """The routes of the console."""

    def __init__(
        self,
        desk: Desk,
        farm: Farm,
        now: Callable[[], Micros],
        access: Access,
        sessions: Sessions,
        public_url: str | None,
    ) -> None:
        self._desk = desk
        self._farm = farm
        self._now = now
        self._access = access
        self._sessions = sessions
        self._public_url = public_url
        self._style = (FOLDER / "style.css").read_bytes()

    def routes(self) -> list[web.RouteDef]:
        """Return every route of this module."""
        return [
            web.get("/", self.show),
            web.get("/style.css", self.style),
            web.post("/login", self.login),
            web.post("/logout", self.logout),
            web.post("/alerts/{id}", self.press),
        ]

    async def style(self, _request: web.Request) -> web.Response:
        """Serve the style sheet."""
        return web.Response(body=self._style, content_type="text/css", charset="utf-8")

    async def show(self, request: web.Request) -> web.Response:
        """Serve the open alerts."""
        return self._alerts(request)

    def ask_token(self, request: web.Request, note: str = "") -> web.Response:
        """Serve the form that asks for the token."""
        return self.render(request, "login.html", 401, note=note)

    async def login(self, request: web.Request) -> web.Response:
        """Exchange the token for a session cookie."""
        if not same_site(request.headers, self._public_url):
            return self.ask_token(request, "stale")
        form = await request.post()
        if not self._access.is_token(str(form.get("token", "")).strip()):
            return self.ask_token(request, "token_wrong")
        answer = web.Response(status=303, headers={"Location": "/"})
        self._set_cookie(request, answer, COOKIE, self._sessions.issue(self._now()))
        return answer

    async def logout(self, request: web.Request) -> web.Response:
        """Forget this browser's session."""
        if not await self.genuine(request):
            return self._alerts(request, "stale", 403)
        answer = web.Response(status=303, headers={"Location": "/"})
        answer.del_cookie(COOKIE)
        return answer

    async def press(self, request: web.Request) -> web.Response:
        """Carry out a button of the page."""
        if not await self.genuine(request):
            return self._alerts(request, "stale", 403)
        form = await request.post()
        action = ACTIONS.get(str(form.get("action", "")))
        by = str(form.get("by", ""))[:64] or None
        number = alert_number(request.match_info["id"])
        alert = None
        if action is not None and number is not None:
            until = self._now() + SNOOZE if action == "snooze" else None
            alert = await self._desk.command(action, number, by, until, "", "page")
        if alert is None:
            return self._alerts(request, "gone", 404)
        answer = web.Response(status=303, headers={"Location": "/"})
        self._set_cookie(request, answer, ME, by or "")
        return answer

    async def genuine(self, request: web.Request) -> bool:
        """Return whether a form was made by us for this very session (CSRF)."""
        cookie = request.cookies.get(COOKIE, "")
        if not same_site(request.headers, self._public_url) or not self._sessions.valid(cookie, self._now()):
            return False
        return self._sessions.form_matches(cookie, str((await request.post()).get("csrf", "")))

    def _alerts(self, request: web.Request, note: str = "", status: int = 200) -> web.Response:
        names = {row["id"]: row["name"] or row["id"] for row in self._desk.devices()}
        people = {row["id"]: row["name"] or row["id"] for row in self._desk.people()}
        language = self._language(request)
        rows = sorted(self._desk.alerts("open"), key=_urgency)
        return self.with_forms(
            request,
            "page.html",
            status,
            note=note,
            id=request.match_info.get("id", ""),
            cards=[self._card(row, names, people, language) for row in rows[:SHOWN]],
            more=max(0, len(rows) - SHOWN),
            people=people,
            me=request.cookies.get(ME, ""),
            trouble=[part.text for part in self._desk.health().parts.values() if not part.ok],
        )

    def with_forms(self, request: web.Request, template: str, status: int, **values: Any) -> web.Response:
        """Render a page whose forms carry this session's secret; a browser without a session gets one."""
        cookie = request.cookies.get(COOKIE)
        known = self._sessions.valid(cookie, self._now())
        session = cookie if cookie is not None and known else self._sessions.issue(self._now())
        out = self._access.needs_token and known
        answer = self.render(
            request, template, status, csrf=self._sessions.form_secret(session), can_log_out=out, **values
        )
        if not known:
            self._set_cookie(request, answer, COOKIE, session)
        return answer

    def _card(self, row: Row, names: dict[str, str], people: dict[str, str], language: str) -> dict[str, Any]:
        """Turn one alert into the texts of its card."""
        zone, now = self._farm.timezone, self._now()
        by = row.get("acknowledged_by")
        place = row["device"] or row["group"] or ""
        return {
            "id": row["id"] or "",
            "severity": row["severity"],
            "pending": row["state"] == "pending",
            "name": names.get(place, place),
            "place": place,
            "rule": row["rule"],
            "metric": (row["metric"] or "").replace("_", " "),
            "value": amount(row["value"], row["unit"], language),
            "normal": amount(row["normal"], row["unit"], language),
            "since": moment(row["started"], zone, now, language),
            "by": people.get(by, by) if by else "",
            "taken": bool(by),
            "snoozed": moment(row.get("snoozed_until"), zone, now, language),
            "why": with_units(row.get("why") or "", row["unit"]),
        }

    def _language(self, request: web.Request) -> str:
        return language_of(request.headers.get("Accept-Language", ""), self._farm.language)

    def render(self, request: web.Request, template: str, status: int, **values: Any) -> web.Response:
        """Render a page in the reader's language."""
        language = self._language(request)
        text = (
            _templates()
            .get_template(template)
            .render(farm=self._farm.name, language=language, say=TEXTS[language], **values)
        )
        return web.Response(text=text, status=status, content_type="text/html", charset="utf-8")

    def _set_cookie(self, request: web.Request, answer: web.Response, name: str, value: str) -> None:
        """Set a cookie that scripts cannot read and other sites cannot make the browser send.

        `Secure` where the browser came by https; the farm's own network may use plain http.
        """
        public = urlsplit(self._public_url or "")
        by_name = public.scheme == "https" and public.netloc == request.headers.get("Host")
        secure = by_name or request.headers.get("X-Forwarded-Proto") == "https"
        answer.set_cookie(
            name, value, max_age=LASTS // 1_000_000, httponly=True, samesite="Strict", path="/", secure=secure
        )


@cache
def _templates() -> Environment:
    """Return the templates; jinja2 is imported with the first page: a farm that opens none saves its 4 MB."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    return Environment(loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True)


def _urgency(row: Row) -> tuple[bool, bool, int]:
    """Sort key: firing before pending, untaken before taken, critical first; otherwise as the desk had them."""
    return row["state"] == "pending", bool(row.get("acknowledged_by")), -Severity(row["severity"]).rank
