"""A client of paho-mqtt as `mqtt_paho` needs it: manual acknowledgement, no reconnecting, no thread."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Literal

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from alertd.ingest.mqtt_line import EXPIRY, LARGEST, OFFLINE, PATIENCE, WINDOW

if TYPE_CHECKING:
    from alertd.ingest.mqtt_line import Hello


class _ClosingSocket(ssl.SSLSocket):
    """Closes itself when the handshake fails: paho leaves that to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 (as in ssl)
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def paho_client(hello: Hello, version: Literal["5", "3.1.1"]) -> Client:
    """Return a client that knows where to connect and what to say, and has not begun."""
    five = version == "5"
    client = Client(
        CallbackAPIVersion.VERSION2,
        hello.client_id,
        clean_session=None if five else False,
        protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
        transport="websockets" if hello.address.websocket else "tcp",
        reconnect_on_failure=False,
        manual_ack=True,
    )
    client.connect_timeout = PATIENCE
    if hello.address.websocket:
        client.ws_set_options(hello.address.path)
    if hello.username is not None:
        client.username_pw_set(hello.username, hello.password)
    if hello.tls is not None:
        hello.tls.sslsocket_class = _ClosingSocket
        client.tls_set_context(hello.tls)
    if hello.status_topic is not None:
        client.will_set(hello.status_topic, OFFLINE, qos=1, retain=True)
    properties = None
    if five:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho types it by halves
        properties.SessionExpiryInterval = EXPIRY
        properties.ReceiveMaximum = WINDOW
        properties.MaximumPacketSize = LARGEST
    client.connect_async(
        hello.address.host, hello.address.port, hello.keepalive, clean_start=False, properties=properties
    )
    return client
