"""Matrix: any homeserver, behind NAT. Rooms are not encrypted by us.

The transaction id of a message is its delivery's key: asked again, the homeserver gives back the event it has.
So nothing here is ever unsure: a lost answer is asked for again under the same id (`Retry`).

Source: spec.matrix.org/latest/client-server-api.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import quote, urlencode

import msgspec
import structlog
from pydantic import Field

from alertd.messengers.exchange import PICTURE, REQUEST_TIMEOUT, Answer, ask
from alertd.messengers.matrix_errors import outcome, pause
from alertd.messengers.matrix_inbound import ALONE, FILTER, invited, reacted_to, spoken, updates
from alertd.messengers.text import clean, cut
from alertd.messengers.thumbs import Thumbs
from alertd.model import Reject, Retry, Sent, Unsure
from alertd.seams import Abilities
from alertd.settings import Secret, Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    import aiohttp

    from alertd.model import Delivery, Inbound, Micros, Outcome
    from alertd.seams import Hook, Place

LIMIT: Final = 10_000
"""Characters: an event of 64 KiB has room for them, whatever they are."""
_SLACK: Final = 1.0
_GRACE: Final = 10.0
_LONGEST_PAUSE: Final = 60.0

log = structlog.get_logger(__name__)


class MatrixSettings(Settings):
    """A Matrix homeserver."""

    homeserver: str = Field(pattern=r"^https?://[^\s]+$")
    token: Secret
    api_base: str | None = Field(None, pattern=r"^https?://[^\s]+$", description="default: homeserver")


class Matrix:
    """One account."""

    name = "matrix"
    settings: ClassVar[type[Settings]] = MatrixSettings
    abilities = Abilities(
        limit=LIMIT,
        replies=True,
        inbound=True,
        authenticates=True,
        pictures=True,
        places=True,
        knows_again=True,
        groups=True,
    )
    hook: Hook | None = None

    def __init__(
        self,
        settings: MatrixSettings,
        http: aiohttp.ClientSession,
        now: Callable[[], Micros],
        *,
        timeout: float = REQUEST_TIMEOUT,
        poll_seconds: int = 30,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Read the secret now, so that a missing one is known at start.

        Raises:
            SecretMissingError
        """
        self._http = http
        server = (settings.api_base or settings.homeserver).rstrip("/")
        self._base, self._media = f"{server}/_matrix/client/v3", f"{server}/_matrix/media/v3"
        self._headers = {"Authorization": f"Bearer {settings.token.read()}"}
        self._now = now
        self._timeout = timeout
        self._poll_seconds = poll_seconds
        self._pause = pause
        self._thumbs = Thumbs()
        self._rooms: dict[str, str] = {}
        """Alias (`#…`) to the room it names; and back, to call a room as the configuration does."""
        self._aliases: dict[str, str] = {}

    async def send(self, delivery: Delivery) -> Outcome:
        """Send one message; where the homeserver says that we are not in the room, join it and send once more."""
        address = delivery.channel.address
        try:
            async with asyncio.timeout(self._timeout + _SLACK):
                if address.startswith("@"):
                    return Reject("a channel is a room, not a person")
                if address.startswith("#") and address not in self._rooms:
                    wrong = await self._join(address)
                    if wrong is not None:
                        return wrong
                answer = await self._put(delivery)
                if isinstance(answer, Answer) and answer.json.get("errcode") == "M_FORBIDDEN":
                    wrong = await self._join(address)
                    if wrong is not None:
                        return wrong
                    answer = await self._put(delivery)
        except TimeoutError:
            return Retry(f"no answer within {self._timeout:g} s")
        told = _told(answer)
        if isinstance(told, Sent):
            self._thumbs.sent(told.ref, delivery.message.buttons)
        return told

    async def _put(self, delivery: Delivery) -> Answer | Retry | Unsure:
        content = {"msgtype": "m.text", "body": cut(clean(delivery.message.text), LIMIT)}
        return await self._event(delivery, delivery.key, content, delivery.reply_to)

    async def _event(
        self, delivery: Delivery, key: str, content: dict[str, Any], ref: str | None
    ) -> Answer | Retry | Unsure:
        room = self._rooms.get(delivery.channel.address, delivery.channel.address)
        if ref:
            content["m.relates_to"] = {"m.in_reply_to": {"event_id": ref}}
        return await self._call(
            "PUT", f"rooms/{quote(room, safe='')}/send/m.room.message/{quote(key, safe='')}", content
        )

    async def show(self, delivery: Delivery, picture: bytes, ref: str) -> Outcome:
        """Upload a picture and send it as an answer to its text (m.image)."""
        url = f"{self._media}/upload?filename={PICTURE}"
        headers = self._headers | {"Content-Type": "image/png"}
        answer = await ask(self._http, url, picture, seconds=self._timeout, headers=headers)
        match answer:
            case Answer(json={"content_uri": str(uri)}):
                about = {"mimetype": "image/png", "size": len(picture)}
                image = {"msgtype": "m.image", "body": PICTURE, "url": uri, "info": about}
                return _told(await self._event(delivery, f"{delivery.key}-picture", image, ref))
        return _told(answer)

    async def locate(self, delivery: Delivery, place: Place, ref: str) -> Outcome:
        """Send a point on a map as an answer to its text (m.location)."""
        where = {"msgtype": "m.location", "body": f"{place.name}, {place.note}"}
        where["geo_uri"] = f"geo:{place.latitude:.6f},{place.longitude:.6f}"
        return _told(await self._event(delivery, f"{delivery.key}-place", where, ref))

    async def _join(self, room: str) -> Retry | Reject | None:
        """Join a room to which we are invited, or that is open; None: we are in it. No message is sent here."""
        answer = await self._call("POST", f"join/{quote(room, safe='')}", {})
        match answer:
            case Answer(json={"room_id": str(found)}):
                if room.startswith("#"):
                    self._rooms[room], self._aliases[found] = found, room
                return None
            case Answer():
                return outcome(answer)
            case Unsure(why=why):
                return Retry(why)
        return answer

    async def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, seconds: float | None = None
    ) -> Answer | Retry | Unsure:
        return await ask(
            self._http,
            f"{self._base}/{path}",
            None if body is None else msgspec.json.encode(body),
            seconds=seconds or self._timeout,
            headers=self._headers,
            method=method,
        )

    async def inbound(self, position: str) -> AsyncIterator[Sequence[Inbound]]:
        """Yield what people write and react with after `position`; without one, from now on. Invitations are accepted.

        The position of a batch is that of its last update: a batch that is committed in part comes again.
        """
        me = await self._patiently("GET", "account/whoami", lambda json: json.get("user_id"))
        since = position
        while True:
            query = {"timeout": self._poll_seconds * 1000 if since else 0, "filter": FILTER}
            path = f"sync?{urlencode(query | ({'since': since} if since else {}))}"
            sync = await self._patiently("GET", path, lambda json: json if "next_batch" in json else None)
            for room in invited(sync):
                await self._join(room)
            batch: list[Inbound] = []
            for room, events in spoken(sync, me).items() if since else ():
                members = await self._patiently(
                    "GET", f"rooms/{quote(room, safe='')}/joined_members", lambda json: json.get("joined")
                )
                address = self._aliases.get(room, room)
                alone = len(members) <= ALONE
                theirs = await self._theirs(room, events, me)
                batch += updates(events, address, alone=alone, thumbs=self._thumbs, now=self._now(), theirs=theirs)
            since = str(sync["next_batch"])
            if batch:
                batch[-1] = replace(batch[-1], position=since)
                yield batch

    async def _theirs(self, room: str, events: Sequence[dict[str, Any]], me: str) -> set[str]:
        """Return what people put a thumb under that is not ours; of what we remember the homeserver is not asked."""
        found = set()
        for ref in {reacted_to(event) for event in events} - {""}:
            if not self._thumbs.knows(ref):
                answer = await self._call("GET", f"rooms/{quote(room, safe='')}/event/{quote(ref, safe='')}")
                if not (isinstance(answer, Answer) and answer.json.get("sender") == me):
                    found.add(ref)
        return found

    async def _patiently(self, method: str, path: str, wanted: Callable[[dict[str, Any]], Any]) -> Any:
        """Call until the answer has what is wanted; trouble is logged once per change."""
        trouble, failures = "", 0
        while True:
            answer = await self._call(method, path, seconds=self._poll_seconds + _GRACE)
            if isinstance(answer, Answer) and answer.status == 200 and (found := wanted(answer.json)):  # noqa: PLR2004
                if trouble:
                    log.info("matrix hears again", after=trouble)
                return found
            fault = outcome(answer) if isinstance(answer, Answer) else answer
            if fault.why != trouble:
                log.warning("matrix cannot hear", why=fault.why)
                trouble = fault.why
            asked = pause(answer) if isinstance(answer, Answer) else None
            helpless = isinstance(fault, Retry) and fault.config
            await self._pause(_LONGEST_PAUSE if helpless else asked or min(_LONGEST_PAUSE, 2.0**failures))
            failures = min(failures + 1, 10)

    async def answered(self, update: Inbound, note: str) -> None:
        """Do nothing: a reaction has no spinner, the reply says what happened."""

    async def check(self) -> str:
        """Return our account's name.

        Raises:
            ConnectionError: with what is wrong and the remedy.
        """
        answer = await self._call("GET", "account/whoami")
        match answer:
            case Answer(status=200, json={"user_id": str(me)}):
                return me
            case Answer(status=401):
                raise ConnectionError("matrix: the token is wrong; log in again and take the new access_token")
            case Answer(status=status):
                raise ConnectionError(f"matrix: HTTP {status}; is homeserver (or api_base) a Matrix homeserver?")
        raise ConnectionError(f"matrix: {answer.why}")

    async def close(self) -> None:
        """Do nothing: the session is the caller's."""


def _told(answer: Answer | Retry | Unsure) -> Outcome:
    match answer:
        case Answer(json={"event_id": str(ref)}):
            return Sent(ref)
        case Answer():
            return outcome(answer)
        case Unsure(why=why):
            return Retry(why)  # the same transaction again is the same event
    return answer
