"""MQTT 5 on a socket: one read, many packets, one write of acknowledgements.

The `mqtt5` codec (Rust) turns bytes into packets and back; this protocol keeps what MQTT
wants kept while a connection lives: keep-alive, packet ids, the QoS 2 handshake.
"""

from __future__ import annotations

import asyncio
import random
import struct
from typing import TYPE_CHECKING, Final
from zlib import crc32

import mqtt5

from alertd.ingest.mqtt_line import (
    EXPIRY,
    LARGEST,
    OFFLINE,
    REFUSED,
    UNSUPPORTED_PROTOCOL,
    WINDOW,
    Ear,
    Hello,
    RefusedError,
    closed_without_reason,
    sentence,
)
from alertd.ingest.mqtt_overlap import Copies
from alertd.ingest.mqtt_posted import Posted, answered
from alertd.seams import Raw

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_PUBACK: Final = 0x4002_0000
_PUBREC: Final = 0x5002_0000
"""An acknowledgement without a reason is four bytes: type, length 2, packet id (MQTT 5.0, 3.4.2.1)."""

_IDENTIFIERS: Final = 268_435_455
"""Subscription identifiers go from 1 to this (MQTT 5.0, 3.8.2.1.2)."""

_OLD_CONNACK: Final = b"\x20\x02"
"""How a CONNACK of MQTT 3.1.1 begins; one of MQTT 5 is at least 3 bytes long after its header."""


class CodecLine(asyncio.Protocol):
    """One MQTT 5 connection; implements `mqtt_line.Line`."""

    def __init__(self, hello: Hello, ear: Ear) -> None:
        loop = asyncio.get_running_loop()
        self.welcome: asyncio.Future[None] = loop.create_future()
        self.welcome.add_done_callback(_looked_at)  # nobody may be left to ask for it
        self._loop = loop
        self._hello = hello
        self._ear = ear
        self._transport: asyncio.Transport | None = None
        self._gone = asyncio.Event()
        self._rest = b""
        self._why = ""
        self._live = False
        self._paused = False
        self._twice: set[int] = set()  # QoS 2 packet ids received and not yet answered with PUBREC
        self._copies = Copies()
        self._identifiers = True
        self._filters: dict[int, str] = {}
        self._posted = Posted(hello.address)
        # A fresh connection must not reuse an id of an unfinished QoS 2 publish of the last one: the broker
        # would take the new message for the old. 65535 ids from a random one on make that unlikely.
        self._last_id = random.randrange(1, 65535)  # noqa: S311 (not a secret)
        self._quota = 65535
        self._max_qos = 2
        self._ping: asyncio.TimerHandle | None = None
        self._answered = True

    # --- asyncio.Protocol ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send CONNECT."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        hello = self._hello
        will = None
        if hello.status_topic is not None:
            will = mqtt5.Will(hello.status_topic, payload=OFFLINE, qos=mqtt5.QoS.AT_LEAST_ONCE, retain=True)
        connect = mqtt5.ConnectPacket(
            hello.client_id,
            username=hello.username,
            password=None if hello.password is None else hello.password.encode(),
            clean_start=False,
            will=will,
            keep_alive=hello.keepalive,
            session_expiry_interval=EXPIRY,
            receive_max=WINDOW,
            max_packet_size=LARGEST,
        )
        transport.write(connect.write())

    def data_received(self, data: bytes) -> None:
        """Read as many packets as came whole; publishes go to the ear together."""
        self._answered = True
        if self._rest:
            data = self._rest + data
        if not self._live and data.startswith(_OLD_CONNACK):
            self._refuse(RefusedError(sentence(UNSUPPORTED_PROTOCOL, self._hello), other_protocol=True))
            return
        view = memoryview(data)
        at = 0
        messages: list[Raw] = []
        try:
            while not self._why:
                packet, used = mqtt5.read(view[at:])
                at += used
                if type(packet) is mqtt5.PublishPacket:
                    number = packet.packet_id or 0
                    if number and packet.qos == mqtt5.QoS.EXACTLY_ONCE:
                        self._twice.add(number)
                    if self._copies.is_copy(number, packet.topic, packet.payload, packet.subscription_ids):
                        continue
                    messages.append(Raw(packet.topic, packet.payload, 0, number, packet.duplicate, packet.retain))
                else:
                    # What came before it is delivered before it takes effect.
                    messages = self._deliver(messages)
                    self._control(packet)
        except IndexError:  # the next packet is not whole yet
            self._rest = bytes(view[at:])
        except ValueError as error:
            self._why = f"{self._hello.address} sent what is not MQTT 5 ({error})"
        self._deliver(messages)
        if self._copies.due:
            due, self._copies.due = self._copies.due, []
            self.acknowledge(due)
        if len(self._rest) > LARGEST:
            self._why = f"{self._hello.address} sent a packet above the announced maximum of {LARGEST} bytes"
        if self._why:
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits for an answer, then the ear."""
        self._gone.set()
        if self._ping is not None:
            self._ping.cancel()
        why = self._why
        if not why:
            cut = exc is None or isinstance(exc, ConnectionError)
            why = closed_without_reason(self._hello) if cut else f"{self._hello.address} was lost: {exc}"
        self._posted.end(why)
        if self._live:
            self._live = False
            self._ear.lost(why)
        else:
            self._refuse(RefusedError(why, other_protocol=not self._why))

    # --- Line -----------------------------------------------------------------------------------

    def acknowledge(self, packets: Iterable[int]) -> None:
        """Write all acknowledgements at once: PUBACK, or PUBREC for QoS 2."""
        twice = self._twice
        packets = self._copies.with_copies(packets)
        if twice:
            heads = [(_PUBREC if number in twice else _PUBACK) | number for number in packets]
            twice.difference_update(head & 0xFFFF for head in heads)
        else:
            heads = [_PUBACK | number for number in packets]
        self._write(struct.pack(f">{len(heads)}I", *heads))

    @property
    def copies(self) -> int:
        """Return how many copies wait for their message's acknowledgement."""
        return self._copies.waiting

    def subscribe(self, filters: Sequence[tuple[str, int]]) -> None:
        """One SUBSCRIBE for each filter (some brokers limit filters per packet), all in one write.

        Retained messages come with every subscription (retain handling 0) and only those carry
        the retain flag (retain as published off).
        """
        packets = []
        for topic_filter, qos in filters:
            number = self._next_id()
            self._filters[number] = topic_filter
            asked = mqtt5.TopicFilter(topic_filter, max_qos=mqtt5.QoS(qos), retain_as_published=False)
            # The same filter keeps its identifier over restarts: the kept session knows it by that.
            identifier = crc32(topic_filter.encode()) % _IDENTIFIERS + 1 if self._identifiers else None
            packets.append(mqtt5.SubscribePacket(number, [asked], subscription_id=identifier).write())
        self._write(b"".join(packets))

    def post(self, topic: str, payload: bytes, *, qos: int, retain: bool, seconds: int = 0) -> asyncio.Future[str]:
        """Publish; see `Line.post`."""
        if not self._live:
            return answered(f"not connected to {self._hello.address}")
        qos = min(qos, self._max_qos)
        if qos and len(self._posted) >= self._quota:
            return answered(f"{self._hello.address} has not answered {self._quota} earlier publishes yet")
        number = self._next_id() if qos else None
        answer = answered("") if number is None else self._posted.wait(number, topic)
        packet = mqtt5.PublishPacket(
            topic,
            payload,
            qos=mqtt5.QoS(qos),
            retain=retain,
            packet_id=number,
            message_expiry_interval=seconds or None,
        )
        self._write(packet.write())
        return answer

    def pause(self) -> None:
        """Stop reading: TCP makes the broker wait."""
        self._paused = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        self._paused = False
        if self._transport is not None and not self._gone.is_set():
            self._transport.resume_reading()

    async def close(self) -> None:
        """Send DISCONNECT and wait until it is out."""
        self._live = False
        if self._transport is None or self._gone.is_set():
            return
        self._transport.write(mqtt5.DisconnectPacket().write())
        self._transport.close()
        try:
            async with asyncio.timeout(0.5):
                await self._gone.wait()
        except TimeoutError:
            self.abort()

    def abort(self) -> None:
        """Cut the connection; the broker publishes the will."""
        if self._transport is not None:
            self._transport.abort()

    # --- the rest of MQTT -----------------------------------------------------------------------

    def _deliver(self, messages: list[Raw]) -> list[Raw]:
        if messages and self._live:
            self._ear.heard(messages)
        return []

    def _control(self, packet: mqtt5.Packet) -> None:
        match packet:
            case mqtt5.PubAckPacket() | mqtt5.PubCompPacket():
                self._posted.settle(packet.packet_id, int(packet.reason_code))
            case mqtt5.PubRecPacket() if int(packet.reason_code) >= REFUSED:
                self._posted.settle(packet.packet_id, int(packet.reason_code))
            case mqtt5.PubRecPacket():
                self._write(mqtt5.PubRelPacket(packet.packet_id).write())
            case mqtt5.PubRelPacket():
                self._write(mqtt5.PubCompPacket(packet.packet_id).write())
            case mqtt5.SubAckPacket():
                topic_filter = self._filters.pop(packet.packet_id, None)
                if topic_filter is not None:
                    self._ear.subscribed(topic_filter, int(packet.reason_codes[0]))
            case mqtt5.ConnAckPacket():
                self._connack(packet)
            case mqtt5.DisconnectPacket():
                self._why = sentence(int(packet.reason_code), self._hello)
            case mqtt5.PingRespPacket():
                pass
            case _:
                self._why = f"{self._hello.address} sent {type(packet).__name__}, which only clients may send"

    def _connack(self, packet: mqtt5.ConnAckPacket) -> None:
        code = int(packet.reason_code)
        if code >= REFUSED:
            self._why = sentence(code, self._hello)
            self._refuse(RefusedError(self._why, other_protocol=code == UNSUPPORTED_PROTOCOL))
            return
        self._live = True
        self._quota = packet.receive_max
        self._max_qos = int(packet.max_qos)
        self._identifiers = packet.subscription_id_available
        self._every = (packet.server_keep_alive or self._hello.keepalive) / 2
        self._ping = self._loop.call_later(self._every, self._tick)
        if not self.welcome.done():
            self.welcome.set_result(None)
        self._ear.connected(self, session_present=packet.session_present)

    def _refuse(self, error: RefusedError) -> None:
        if not self.welcome.done():
            self.welcome.set_exception(error)
        if self._transport is not None:
            self._transport.abort()

    def _tick(self) -> None:
        """Ping twice in a keep-alive; one left unanswered until the next means that the broker is gone."""
        if not self._answered and not self._paused:
            self._why = f"{self._hello.address} answers no ping: check the network"
            self.abort()
            return
        self._answered = False
        self._write(mqtt5.PingReqPacket().write())
        self._ping = self._loop.call_later(self._every, self._tick)

    def _next_id(self) -> int:
        while True:
            self._last_id = self._last_id % 65535 + 1
            if self._last_id not in self._posted and self._last_id not in self._filters:
                return self._last_id

    def _write(self, data: bytes) -> None:
        if self._live and self._transport is not None and data:
            self._transport.write(data)


def _looked_at(welcome: asyncio.Future[None]) -> None:
    if not welcome.cancelled():
        welcome.exception()
