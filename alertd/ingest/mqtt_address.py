"""Where the broker is, and in plain words why it cannot be reached."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from alertd.ingest.settings import Tls

PORTS: Final = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}
"""Registered ports (IANA: mqtt, secure-mqtt); WebSockets take those of HTTP."""


@dataclass(frozen=True, slots=True)
class Address:
    """A broker's URL in parts; `str()` is HOST:PORT, the way sentences name it."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, url: str) -> Address:
        """Split `mqtt://HOST:PORT` and its kind; the path matters to WebSockets alone (default `/mqtt`).

        Raises:
            ValueError: no host, or a port that is not a number below 65536.
        """
        parts = urlsplit(url)
        if not parts.hostname:
            raise ValueError(f"{url}: names no host")
        path = parts.path if parts.path not in ("", "/") else "/mqtt"
        return cls(parts.scheme, parts.hostname, parts.port or PORTS[parts.scheme], path)

    @property
    def secure(self) -> bool:
        """Return whether it speaks TLS."""
        return self.scheme in ("mqtts", "wss")

    @property
    def websocket(self) -> bool:
        """Return whether MQTT travels in WebSocket frames."""
        return self.scheme in ("ws", "wss")

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def tls_context(tls: Tls | None) -> ssl.SSLContext:
    """Return what verifies the broker; read anew for every connection, so renewed certificates count at once.

    Raises:
        OSError: a certificate file cannot be read or is none (`ssl.SSLError` is an OSError).
    """
    if tls is None:
        return ssl.create_default_context()
    for path in (tls.ca, tls.cert, tls.key):
        if path is not None and not os.access(path, os.R_OK):
            raise FileNotFoundError(errno.ENOENT, "cannot be read", path)
    context = ssl.create_default_context(cafile=tls.ca)
    if tls.ca is not None:
        # A farm's own authority is made by the four lines of mosquitto-tls(7), without the key identifiers that
        # RFC 5280 wants and that Python asks for since 3.13: it was trusted before, and still is.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if tls.cert is not None:
        context.load_cert_chain(tls.cert, tls.key)
    return context


def explain(error: OSError, address: Address) -> str:
    """Say in one sentence what went wrong on the way to the broker, and the remedy."""
    match error:
        case OSError(filename=str(path)):
            return f"{path}: {error.strerror}: mend mqtt.tls or the file's permissions"
        case ssl.SSLCertVerificationError():
            return (
                f"the certificate of {address} is not trusted ({error.verify_message}): "
                "set mqtt.tls.ca to its authority, or mend name and clock"
            )
        case ssl.SSLError() | ConnectionResetError() | BrokenPipeError() if address.secure:
            # A plain listener takes the handshake for a broken packet and cuts the connection.
            reason = error.reason if isinstance(error, ssl.SSLError) else None
            why = (reason or error.strerror or str(error) or "cut").replace("_", " ").lower()
            return f"TLS with {address} failed ({why}): is it a TLS port, and does it want a client certificate?"
        case socket.gaierror():
            return f"the name {address.host} cannot be resolved: check mqtt.url and DNS"
        case ConnectionRefusedError():
            return f"{address} refused the connection: is the broker running, and does it listen there?"
        case TimeoutError():
            return f"{address} does not answer: check network and firewall"
        case ConnectionResetError() | BrokenPipeError():
            return f"{address} cut the connection"
    return f"{address} cannot be reached: {error.strerror or error}"
