"""What the source and its two kinds of connection say to each other.

A `Line` is one connection to the broker, from CONNECT to its end; a new one is made for
every attempt. It calls its `Ear` (the source) as things come in, and keeps nothing that
must survive it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import asyncio
    import ssl
    from collections.abc import Iterable, Sequence

    from alertd.ingest.mqtt_address import Address
    from alertd.seams import Raw

WINDOW: Final = 1000
"""Receive Maximum announced on MQTT 5. With mosquitto 2.0.11 and late acknowledgement a burst of
1,500 lost 480 messages at a window of 20 and none at 1000 (DESIGN.md section 4)."""

LARGEST: Final = 1 << 20
"""Maximum Packet Size announced on MQTT 5, in bytes: far above `limits.payload_bytes`, far below memory."""

EXPIRY: Final = 7 * 24 * 3600
"""Session Expiry Interval in seconds: the promise of CONTRACT.md section 1 (`run`)."""

PATIENCE: Final = 10.0
"""Seconds for a connection with TLS, again for CONNACK, and for the answer to a publish."""

ONLINE: Final = b"online"
OFFLINE: Final = b"offline"

UNSUPPORTED_PROTOCOL: Final = 132
TAKEN_OVER: Final = 142
REFUSED: Final = 128
"""MQTT 5 reason codes; this and higher ones are failures (MQTT 5.0, 2.4). 3.1.1's are turned into these."""


@dataclass(frozen=True, slots=True)
class Hello:
    """What a connection opens with. `keepalive` in seconds; `status_topic` gets the will, retained."""

    address: Address
    client_id: str
    username: str | None
    password: str | None
    keepalive: int
    status_topic: str | None
    tls: ssl.SSLContext | None


class RefusedError(Exception):
    """No connection; the message is one sentence with the remedy.

    `other_protocol` says that the broker may not know this version of MQTT.
    """

    def __init__(self, why: str, *, other_protocol: bool = False) -> None:
        super().__init__(why)
        self.other_protocol = other_protocol


class Line(Protocol):
    """One live connection to the broker."""

    @property
    def copies(self) -> int:
        """Return how many unacknowledged messages the ear was not told of: copies (`mqtt_overlap`)."""

    def acknowledge(self, packets: Iterable[int]) -> None:
        """Acknowledge these packet ids in this order; nothing happens once the line is lost."""

    def subscribe(self, filters: Sequence[tuple[str, int]]) -> None:
        """Ask for (topic filter, QoS); the answers go to `Ear.subscribed`."""

    def post(self, topic: str, payload: bytes, *, qos: int, retain: bool, seconds: int = 0) -> asyncio.Future[str]:
        """Publish; the future becomes empty when the broker has it, else one sentence why not.

        `seconds`: how long the broker may keep it for who is away (MQTT 5), 0: as long as it likes.
        """

    def pause(self) -> None:
        """Read no more until `resume`."""

    def resume(self) -> None:
        """Read on."""

    async def close(self) -> None:
        """Disconnect in order: the broker drops the will and keeps the session. Takes 1 s at most."""


class Ear(Protocol):
    """The source as a line sees it. After `lost` a line calls nothing more."""

    def connected(self, line: Line, *, session_present: bool) -> None:
        """The broker accepted us (CONNACK)."""

    def heard(self, messages: list[Raw]) -> None:
        """One socket read brought these, in order; `received` and `backlog` are not set yet."""

    def subscribed(self, topic_filter: str, code: int) -> None:
        """A subscription was answered: the granted QoS, or a reason code from 128."""

    def lost(self, why: str) -> None:
        """The connection ended; one sentence."""


_REMEDIES: Final = {
    132: "does not speak this version of MQTT: set mqtt.protocol to auto",
    133: "does not accept the client id {client}: choose another mqtt.client_id",
    134: "does not accept user name or password: check mqtt.username and mqtt.password",
    135: "does not authorise us (client id {client}): check mqtt.username, mqtt.password and the broker's access rules",
    136: "is not available now",
    137: "is busy",
    138: "has banned us: ask its operator",
    139: "is shutting down",
    140: "wants another way of authentication",
    141: "heard nothing from us for too long: is this machine overloaded?",
    142: "closed the connection because another client uses our client id {client}: "
    "give every alertd a mqtt.client_id of its own",
    147: "says we sent more than its receive maximum",
    149: "says a packet was too large",
    151: "says a quota is used up",
    152: "was told by its operator to close the connection",
    156: "wants us to use another server: change mqtt.url",
    157: "has moved: change mqtt.url",
    159: "says we connect too often",
}
"""What a reason code means to an operator (MQTT 5.0, tables 3-1 and 3-10); {client} is the client id."""


def sentence(code: int, hello: Hello) -> str:
    """Say in one sentence why the broker refused or closed the connection."""
    remedy = _REMEDIES.get(code, "refused or closed the connection (reason code {code})")
    return f"{hello.address} " + remedy.format(client=hello.client_id, code=code)


def closed_without_reason(hello: Hello) -> str:
    """Say what an end without a word may mean: MQTT 3.1.1 has no other way to tell of a takeover."""
    return (
        f"{hello.address} closed the connection without a reason: it stopped, "
        f"or another client uses our client id {hello.client_id}"
    )
