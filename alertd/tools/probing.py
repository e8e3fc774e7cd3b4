"""How much a broker keeps for a client that is slow or away: measured, not read from its settings.

Two probes with random client ids on a random topic of their own, taken away afterwards:
how many messages it sends before it waits for an acknowledgement, and how many it keeps
for a session that is not connected. paho, because aiomqtt acknowledges by itself.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from alertd.ingest.mqtt_address import tls_context
from alertd.ingest.mqtt_line import WINDOW

if TYPE_CHECKING:
    from typing import Any

    from alertd.tools.listening import Door

MOST: Final = 1500
"""Messages of the second probe: mosquitto keeps 1000 unless told otherwise, so more than that must be sent."""
SETTLED: Final = 0.7
"""Seconds without a message after which no more are expected."""
PATIENCE: Final = 15.0


@dataclass(frozen=True, slots=True)
class Measured:
    """`window`: unacknowledged messages it sends; `queue`: kept for an absent session; None: could not be measured.

    Both count at most what was tried (`window_tried`, `queue_tried`).
    """

    protocol: str
    window: int | None = None
    window_tried: int = 0
    queue: int | None = None
    queue_tried: int = 0
    why: str = ""


class _Probe:
    """One client of paho's, in its own thread; counts what it is given."""

    def __init__(self, door: Door, name: str, *, five: bool, clean: bool, acknowledge: bool) -> None:
        self.count = 0
        self.last = time.monotonic()
        self._acknowledge = acknowledge
        self._up = threading.Event()
        self._granted = threading.Event()
        self.refused = ""
        address = door.address
        self.client = Client(
            CallbackAPIVersion.VERSION2,
            name,
            clean_session=None if five else clean,
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
            transport="websockets" if address.websocket else "tcp",
            reconnect_on_failure=False,
            manual_ack=True,
        )
        if address.websocket:
            self.client.ws_set_options(path=address.path)
        if address.secure:
            self.client.tls_set_context(tls_context(door.tls))
        if door.username is not None:
            self.client.username_pw_set(door.username, door.password)
        self.client.max_inflight_messages_set(MOST)
        self.client.on_connect = self._connected
        self.client.on_subscribe = self._subscribed
        self.client.on_message = self._message
        properties = None
        if five:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.ReceiveMaximum = WINDOW
            properties.SessionExpiryInterval = 0 if clean else 600
        self.client.connect(
            address.host, address.port, clean_start=clean if five else 3, properties=properties, keepalive=60
        )
        self.client.loop_start()
        if not self._up.wait(PATIENCE):
            self.leave()
            raise TimeoutError(self.refused or "the broker did not answer")

    def subscribe(self, topic: str) -> None:
        self.client.subscribe(topic, qos=1)
        if not self._granted.wait(PATIENCE) or self.refused:
            raise TimeoutError(self.refused or "the broker did not answer")

    def publish(self, topic: str, count: int) -> None:
        """Publish and return when the broker has taken all of them."""
        last = [self.client.publish(topic, b"alertd doctor", qos=1) for _ in range(count)][-1]
        last.wait_for_publish(PATIENCE)
        if last.rc not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN) or not last.is_published():
            raise TimeoutError("the broker did not take the probe's messages")

    def settle(self, most: int) -> int:
        """Wait until nothing more comes and return how many came."""
        end = time.monotonic() + PATIENCE
        self.last = time.monotonic()
        while self.count < most and time.monotonic() < min(end, self.last + SETTLED):
            time.sleep(0.02)
        return self.count

    def leave(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _connected(self, _client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self.refused = str(reason)
        else:
            self._up.set()

    def _subscribed(self, _client: Client, _data: Any, _id: int, reasons: Any, _properties: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            self.refused = f"subscribing to the probe's topic was refused ({reasons[0]})"
        self._granted.set()

    def _message(self, client: Client, _data: Any, message: Any) -> None:
        self.count += 1
        self.last = time.monotonic()
        if self._acknowledge:
            client.ack(message.mid, message.qos)


def measure(door: Door, *, five: bool) -> Measured:
    """Measure both; blocks for a few seconds. A broker that forbids the topic gives a reason instead of figures."""
    protocol = "MQTT 5" if five else "MQTT 3.1.1"
    topic = f"alertd/doctor/{secrets.token_hex(8)}"
    window: int | None = None
    try:
        window = _window(door, topic, five=five)
        queue = _queue(door, topic, five=five)
    except (OSError, ValueError, RuntimeError) as error:
        return Measured(protocol, window, WINDOW, None, MOST, str(error) or type(error).__name__)
    return Measured(protocol, window, WINDOW, queue, MOST)


def _window(door: Door, topic: str, *, five: bool) -> int:
    ear = _Probe(door, f"alertd-{secrets.token_hex(6)}", five=five, clean=True, acknowledge=False)
    try:
        ear.subscribe(topic)
        mouth = _Probe(door, f"alertd-{secrets.token_hex(6)}", five=five, clean=True, acknowledge=True)
        try:
            # One less than the queue usually takes behind the window: nothing is dropped, only held back.
            mouth.publish(topic, WINDOW)
        finally:
            mouth.leave()
        return ear.settle(WINDOW)
    finally:
        ear.leave()


def _queue(door: Door, topic: str, *, five: bool) -> int:
    name = f"alertd-{secrets.token_hex(6)}"
    ear = _Probe(door, name, five=five, clean=False, acknowledge=True)
    try:
        ear.subscribe(topic)
    finally:
        ear.leave()
    try:
        mouth = _Probe(door, f"alertd-{secrets.token_hex(6)}", five=five, clean=True, acknowledge=True)
        try:
            mouth.publish(topic, MOST)
        finally:
            mouth.leave()
        ear = _Probe(door, name, five=five, clean=False, acknowledge=True)
        try:
            return ear.settle(MOST)
        finally:
            ear.leave()
    finally:
        # The session goes, and with it whatever the broker still keeps for it.
        _Probe(door, name, five=five, clean=True, acknowledge=True).leave()
