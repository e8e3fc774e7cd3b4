"""Listening to a broker for a while, beside the daemon and never in its place.

A random client id and a clean session: nothing is kept for us, nothing is taken from the
daemon's session, and QoS 1 asks the broker for what it would give the daemon.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit, urlunsplit

import aiomqtt

from alertd.ingest.mqtt_address import PORTS, Address, explain, tls_context
from alertd.seams import Raw

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from alertd.ingest.settings import Mqtt, Tls

TOPICS: Final = 20_000
"""Topics told apart; a broker with more is listened to source by source."""
KEPT: Final = 8
"""Messages kept of one topic, the newest."""
LARGEST: Final = 256 * 1024
"""Bytes of a payload that is looked at."""
PATIENCE: Final = 10.0


class UnreachableError(Exception):
    """The broker cannot be reached or refuses us; the message is one sentence with the remedy."""

    def __init__(self, why: str, *, credentials: bool = False) -> None:
        super().__init__(why)
        self.credentials = credentials
        """Whether it is about who we are: name and password may help."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where the broker is and as whom we come. The password is never part of a text."""

    url: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Tls | None = None

    @classmethod
    def parse(cls, url: str) -> Door:
        """Read `mqtt://[USER[:PASSWORD]@]HOST[:PORT]` and its kind; without a scheme, mqtt is meant.

        Raises:
            ValueError: it is no such URL; the message does not repeat a password.
        """
        parts = urlsplit(url if "://" in url else f"mqtt://{url}")
        if parts.scheme not in PORTS:
            raise ValueError(f"the broker's URL begins with {', '.join(f'{one}://' for one in PORTS)}")
        bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        Address.parse(bare)
        name, password = parts.username, parts.password
        return cls(bare, unquote(name) if name else None, unquote(password) if password else None)

    @classmethod
    def of(cls, mqtt: Mqtt) -> Door:
        """Take the broker of a configuration.

        Raises:
            SecretMissingError: the password cannot be read now.
        """
        return cls(mqtt.url, mqtt.username, mqtt.password.read() if mqtt.password else None, mqtt.tls)

    @property
    def address(self) -> Address:
        """Return host and port."""
        return Address.parse(self.url)


@dataclass(slots=True)
class Topic:
    """What came on one topic: how often, at which QoS, when last, and the newest messages."""

    count: int = 0
    retained: int = 0
    qos: set[int] = field(default_factory=set)
    messages: list[Raw] = field(default_factory=list)

    @property
    def live(self) -> int:
        """How many came while we listened, retained copies left out."""
        return self.count - self.retained


@dataclass(slots=True)
class Heard:
    """Everything that came, by topic; `seconds` is how long we listened, `granted` the QoS by filter (128: refused)."""

    topics: dict[str, Topic] = field(default_factory=dict)
    seconds: float = 0.0
    granted: dict[str, int] = field(default_factory=dict)
    left_out: int = 0

    @property
    def count(self) -> int:
        """How many messages came."""
        return sum(topic.count for topic in self.topics.values()) + self.left_out

    def raws(self) -> list[Raw]:
        """Return the kept messages in the order of their arrival."""
        return sorted((raw for topic in self.topics.values() for raw in topic.messages), key=lambda raw: raw.received)


@asynccontextmanager
async def connected(door: Door, protocol: str = "auto") -> AsyncIterator[aiomqtt.Client]:
    """Connect for the time of the block; MQTT 5, else 3.1.1.

    Raises:
        UnreachableError: not there, or not for us.
    """
    versions = {
        "auto": (aiomqtt.ProtocolVersion.V5, aiomqtt.ProtocolVersion.V311),
        "5": (aiomqtt.ProtocolVersion.V5,),
        "3.1.1": (aiomqtt.ProtocolVersion.V311,),
    }[protocol]
    for number, version in enumerate(versions):
        client = _client(door, version)
        try:
            await client.__aenter__()
        except aiomqtt.MqttError as error:
            if number + 1 < len(versions) and "protocol" in str(error).lower():
                continue
            raise _unreachable(error, door) from error
        except OSError as error:
            raise UnreachableError(explain(error, door.address)) from error
        try:
            yield client
        except aiomqtt.MqttError as error:
            raise UnreachableError(f"{door.address} cut the connection: {error}") from error
        finally:
            await _leave(client)
        return


async def listen(
    door: Door,
    filters: Sequence[tuple[str, int]],
    seconds: float,
    tell: Callable[[Heard, float], None] = lambda _heard, _left: None,
    enough: Callable[[Heard], bool] = lambda _heard: False,
) -> Heard:
    """Listen to `filters` (topic filter, QoS) for so long; `tell` is called several times a second.

    Raises:
        UnreachableError: not there, not for us, or gone while we listened.
    """
    heard = Heard()
    async with connected(door) as client:
        for one, qos in filters:
            heard.granted[one] = await _subscribe(client, one, qos)
        start = time.monotonic()
        received = time.time_ns() // 1000
        listening = asyncio.ensure_future(_gather(client, heard, received))
        try:
            while (left := start + seconds - time.monotonic()) > 0 and not enough(heard):
                await asyncio.wait({listening}, timeout=min(left, 0.2))
                if listening.done():
                    listening.result()
                tell(heard, left)
        finally:
            listening.cancel()
        heard.seconds = time.monotonic() - start
    return heard


async def _gather(client: aiomqtt.Client, heard: Heard, received: int) -> None:
    async for message in client.messages:
        topic = str(message.topic)
        payload = message.payload if isinstance(message.payload, bytes) else b""
        received = max(received + 1, time.time_ns() // 1000)
        known = heard.topics.get(topic)
        if known is None:
            if len(heard.topics) >= TOPICS:
                heard.left_out += 1
                continue
            known = heard.topics[topic] = Topic()
        known.count += 1
        known.retained += bool(message.retain)
        known.qos.add(int(message.qos))
        known.messages.append(Raw(topic, payload[:LARGEST], received, retained=bool(message.retain)))
        del known.messages[:-KEPT]


async def _subscribe(client: aiomqtt.Client, one: str, qos: int) -> int:
    """Subscribe and return the QoS that the broker grants, 128 where it refuses."""
    try:
        granted: Any = await client.subscribe(one, qos=qos)
    except aiomqtt.MqttCodeError as error:
        return int(getattr(error.rc, "value", 128) or 128)
    first = granted[0] if granted else 128
    return int(getattr(first, "value", first))


def _client(door: Door, version: aiomqtt.ProtocolVersion) -> aiomqtt.Client:
    address = door.address
    five = version is aiomqtt.ProtocolVersion.V5
    return aiomqtt.Client(
        address.host,
        address.port,
        username=door.username,
        password=door.password,
        identifier=f"alertd-{secrets.token_hex(6)}",
        clean_session=None if five else True,
        protocol=version,
        transport="websockets" if address.websocket else "tcp",
        websocket_path=address.path if address.websocket else None,
        tls_context=tls_context(door.tls) if address.secure else None,
        timeout=PATIENCE,
    )


def _unreachable(error: aiomqtt.MqttError, door: Door) -> UnreachableError:
    cause = error.__cause__ or error.__context__
    if isinstance(cause, OSError):
        return UnreachableError(explain(cause, door.address))
    text = str(error)
    low = text.lower()
    if any(word in low for word in ("not authorized", "not authorised", "bad user name", "bad username")):
        return UnreachableError(f"{door.address} wants another user name or password", credentials=True)
    if "timed out" in low:
        return UnreachableError(f"{door.address} does not answer: check network and firewall")
    return UnreachableError(f"{door.address}: {text}")


async def _leave(client: aiomqtt.Client) -> None:
    try:
        await client.__aexit__(None, None, None)
    except aiomqtt.MqttError:
        return  # gone already: there is nothing to leave
