"""MQTT 3.1.1, and MQTT over WebSockets, by paho-mqtt on the asyncio loop.

No thread moves messages: the loop tells paho when its socket can be read or written.
Only connecting (DNS, TCP, TLS, WebSocket handshake), which paho does blocking, happens
in a worker thread. Acknowledgement is manual, after our commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from typing import TYPE_CHECKING, Any, Final, Literal

from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from alertd.ingest.mqtt_address import explain
from alertd.ingest.mqtt_line import (
    PATIENCE,
    REFUSED,
    UNSUPPORTED_PROTOCOL,
    Ear,
    Hello,
    RefusedError,
    closed_without_reason,
    sentence,
)
from alertd.ingest.mqtt_paho_client import paho_client
from alertd.ingest.mqtt_posted import Posted, answered
from alertd.seams import Raw

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, SocketLike
    from paho.mqtt.reasoncodes import ReasonCode

_READS: Final = 1000
"""Packets taken from the socket in one turn of the loop: one batch. Then others have their turn."""


async def open_paho(hello: Hello, ear: Ear, version: Literal["5", "3.1.1"]) -> None:
    """Connect and say hello; `ear.connected` has been called when this returns.

    Raises:
        RefusedError: not reached, or refused by the broker.
    """
    line = PahoLine(hello, ear, version)
    with contextlib.ExitStack() as unfinished:
        unfinished.callback(line.abort)
        try:
            async with asyncio.timeout(2 * PATIENCE):
                await line.open()
                await line.welcome
        except OSError as error:
            raise RefusedError(explain(error, hello.address)) from error
        unfinished.pop_all()


class PahoLine:
    """One connection of paho-mqtt; implements `mqtt_line.Line`."""

    def __init__(self, hello: Hello, ear: Ear, version: Literal["5", "3.1.1"]) -> None:
        self._loop = asyncio.get_running_loop()
        self.welcome: asyncio.Future[None] = self._loop.create_future()
        self._hello = hello
        self._ear = ear
        self._five = version == "5"
        self._live = False
        self._ended = False
        self._reading = False
        self._batch: list[Raw] = []
        self._progress = 0
        self._twice: set[int] = set()
        self._filters: dict[int, str] = {}
        self._posted = Posted(hello.address)
        self._turn: asyncio.TimerHandle | None = None
        self._client = client = paho_client(hello, version)
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect

    async def open(self) -> None:
        """Connect in a worker thread, then hand the socket to the loop.

        Raises:
            OSError: the broker was not reached.
        """
        connecting = self._loop.run_in_executor(None, self._client.reconnect)
        try:
            await asyncio.shield(connecting)
        except asyncio.CancelledError:
            connecting.add_done_callback(lambda _: self.abort())
            raise
        client, sock = self._client, self._client.socket()
        if sock is None:
            raise ConnectionResetError
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_socket_register_write
        client.on_socket_unregister_write = self._on_socket_unregister_write
        self.resume()
        self._turn = self._loop.call_later(1.0, self._tick)
        if client.want_write():
            self._writable()

    # --- Line -----------------------------------------------------------------------------------

    @property
    def copies(self) -> int:
        """Return 0: on 3.1.1 nothing tells a copy from a second message."""
        return 0

    def acknowledge(self, packets: Iterable[int]) -> None:
        """Put the acknowledgements into paho's queue, which the loop writes next."""
        for number in packets:
            if number in self._twice:
                self._twice.discard(number)
                self._client.ack(number, 2)
            else:
                self._client.ack(number, 1)

    def subscribe(self, filters: Sequence[tuple[str, int]]) -> None:
        """One SUBSCRIBE for each filter, at QoS 1 at most.

        paho answers QoS 2 with PUBREC before it shows the message: a kill then would lose it. At
        QoS 1 the broker keeps it until our acknowledgement, and the ledger takes care of repeats.
        """
        for topic_filter, asked in filters:
            qos = min(asked, 1)
            if self._five:
                _, number = self._client.subscribe(
                    topic_filter, options=SubscribeOptions(qos, retainAsPublished=False, retainHandling=0)
                )
            else:
                _, number = self._client.subscribe(topic_filter, qos)
            if number is not None:
                self._filters[number] = topic_filter

    def post(self, topic: str, payload: bytes, *, qos: int, retain: bool, seconds: int = 0) -> asyncio.Future[str]:
        """Publish; see `Line.post`."""
        if not self._live:
            return answered(f"not connected to {self._hello.address}")
        properties = None
        if self._five and seconds:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call] # paho types it by halves
            properties.MessageExpiryInterval = seconds
        info = self._client.publish(topic, payload, qos, retain, properties)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            return answered(f"{self._hello.address} did not take a publish to {topic} ({info.rc.name})")
        return answered("") if qos == 0 else self._posted.wait(info.mid, topic)

    def pause(self) -> None:
        """Stop reading: TCP makes the broker wait."""
        sock = self._client.socket()
        if self._reading and sock is not None:
            self._loop.remove_reader(sock)
        self._reading = False

    def resume(self) -> None:
        """Read on, at once: TLS or a WebSocket frame may hold packets the socket knows nothing of."""
        sock = self._client.socket()
        if not self._reading and sock is not None:
            self._loop.add_reader(sock, self._readable)
            self._reading = True
            self._loop.call_soon(self._readable)

    async def close(self) -> None:
        """Send DISCONNECT; paho closes the socket once it is written."""
        self._live = False
        self._client.disconnect()
        for _ in range(50):
            if self._client.socket() is None:
                break
            self._client.loop_write()
            await asyncio.sleep(0.01)  # the socket is full: its other end has half a second
        self.abort()

    def abort(self) -> None:
        """Cut the connection; the broker publishes the will."""
        self._ended = True
        self._live = False
        if self._turn is not None:
            self._turn.cancel()
        if self.welcome.done() and not self.welcome.cancelled():
            self.welcome.exception()  # nobody may be left to ask for it
        sock = self._client.socket()
        if sock is not None and sock.fileno() >= 0:
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)
            sock.close()

    # --- the loop -------------------------------------------------------------------------------

    def _readable(self) -> None:
        """Read packets until two reads in a row bring none, and give them to the ear as one batch.

        paho reads one packet a call and does not say whether there was one. Only PINGRESP has no
        callback, and two of them never follow each other.
        """
        idle = 0
        for _ in range(_READS):
            if self._ended or not self._reading or idle == 2:  # noqa: PLR2004 (explained above)
                break
            before = self._progress
            self._read_one()
            idle = idle + 1 if self._progress == before else 0
        else:
            self._loop.call_soon(self._readable)
        self._deliver()

    def _read_one(self) -> None:
        try:
            self._client.loop_read()
        except (ValueError, IndexError, struct.error) as error:  # bytes that are not MQTT
            self._end(f"{self._hello.address} sent what is not MQTT ({error})")

    def _deliver(self) -> None:
        batch, self._batch = self._batch, []
        if batch and self._live:
            self._ear.heard(batch)

    def _writable(self) -> None:
        self._client.loop_write()

    def _tick(self) -> None:
        """Let paho ping and notice silence, each second."""
        self._turn = self._loop.call_later(1.0, self._tick)
        self._client.loop_misc()

    def _end(self, why: str) -> None:
        if self._ended:
            return
        self._deliver()
        was_live = self._live
        self.abort()
        self._posted.end(why)
        if was_live:
            self._ear.lost(why)

    # --- paho's callbacks -------------------------------------------------------------------------

    def _on_connect(
        self, _client: Client, _data: Any, flags: ConnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        self._progress += 1
        if code.value >= REFUSED:
            if not self.welcome.done():
                other = code.value == UNSUPPORTED_PROTOCOL
                self.welcome.set_exception(RefusedError(sentence(code.value, self._hello), other_protocol=other))
            return
        self._live = True
        if not self.welcome.done():
            self.welcome.set_result(None)
        self._ear.connected(self, session_present=flags.session_present)

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self._progress += 1
        number = message.mid if message.qos else 0
        if message.qos == 2:  # noqa: PLR2004 (QoS 2)
            self._twice.add(number)
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "\ufffd"  # no source matches it; acknowledged like any other
        self._batch.append(Raw(topic, bytes(message.payload), 0, number, message.dup, message.retain))

    def _on_subscribe(
        self, _client: Client, _data: Any, number: int, codes: list[ReasonCode], _properties: Properties | None
    ) -> None:
        self._progress += 1
        topic_filter = self._filters.pop(number, None)
        if topic_filter is not None and self._live:
            self._deliver()
            self._ear.subscribed(topic_filter, codes[0].value)

    def _on_publish(
        self, _client: Client, _data: Any, number: int, code: ReasonCode, _properties: Properties | None
    ) -> None:
        self._progress += 1
        self._posted.settle(number, code.value)

    def _on_disconnect(
        self, _client: Client, _data: Any, flags: DisconnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        told = flags.is_disconnect_packet_from_server
        why = sentence(code.value, self._hello) if told else closed_without_reason(self._hello)
        if not self.welcome.done():
            self.welcome.set_exception(RefusedError(why, other_protocol=not told))
        self._end(why)

    def _on_socket_register_write(self, _client: Client, _data: Any, sock: SocketLike) -> None:
        self._loop.add_writer(sock, self._writable)

    def _on_socket_unregister_write(self, _client: Client, _data: Any, sock: SocketLike) -> None:
        if sock.fileno() >= 0:  # paho says so of sockets that `abort` has closed, too
            self._loop.remove_writer(sock)

    def _on_socket_close(self, _client: Client, _data: Any, sock: SocketLike) -> None:
        self._reading = False
        if sock.fileno() >= 0:
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)
