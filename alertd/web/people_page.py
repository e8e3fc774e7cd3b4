"""The console's page of people: who there is, and an invitation with a link and a QR code for each messenger."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aiohttp import web

if TYPE_CHECKING:
    from alertd.web.desk import Desk, Row
    from alertd.web.page import Page


class Way(NamedTuple):
    """One way to join: the messenger, what opens it, and the same as a picture."""

    messenger: str
    link: str
    picture: str
    """SVG of ours: the link is in it as squares, so nothing of it can be markup."""


class PeoplePage:
    """The routes of the page; forms and cookies are those of the console (`page`)."""

    def __init__(self, desk: Desk, page: Page) -> None:
        self._desk = desk
        self._page = page

    def routes(self) -> list[web.RouteDef]:
        """Return every route of this module."""
        return [web.get("/people", self.show), web.post("/people/{id}/invite", self.invite)]

    async def show(self, request: web.Request) -> web.Response:
        """Serve the people."""
        return self._people(request)

    async def invite(self, request: web.Request) -> web.Response:
        """Make a code to join by, and show it: it is shown once, and good once, for a day."""
        if not await self._page.genuine(request):
            return self._people(request, "stale", 403)
        person = request.match_info["id"]
        try:
            made = await self._desk.invite(person, None)
        except KeyError:
            return self._people(request, "no_person", 404)
        names = {row["id"]: row["name"] or row["id"] for row in self._desk.people()}
        ways = [Way(messenger, link, qr(link)) for messenger, link in made["links"].items()]
        return self._page.render(
            request, "invite.html", 200, name=names.get(person, person), code=made["code"], ways=ways
        )

    def _people(self, request: web.Request, note: str = "", status: int = 200) -> web.Response:
        people: list[Row] = self._desk.people()
        return self._page.with_forms(
            request, "people.html", status, note=note, id=request.match_info.get("id", ""), people=people
        )


def qr(link: str) -> str:
    """Return a link as an SVG that stands in the page itself: dark on white in any light, a phone reads it."""
    import segno  # noqa: PLC0415 (only an invitation draws one)

    picture = segno.make(link, error="m", micro=False)
    return str(picture.svg_inline(border=4, scale=5, dark="#000000", light="#ffffff"))
