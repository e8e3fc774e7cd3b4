"""Who may come in over TCP.

With a token: whoever carries it. Without one: programs and pages of this machine
only, and that is more than a loopback peer address: a web page from elsewhere can
make the farmer's own browser call 127.0.0.1 (a foreign `Origin`), or rebind its
name to it (a foreign `Host`), and a reverse proxy makes the whole internet look
local (`Forwarded`, `X-Forwarded-*`, `Via`). All of these are refused.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_AUTHORITY: Final = re.compile(r"[A-Za-z0-9.:\[\]_-]+")
_PROXY: Final = ("forwarded", "via", "x-real-ip")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call is not served: HTTP status, a constant code for programs, a sentence for people."""

    status: int
    code: str
    message: str


class Access:
    """Judge calls by their headers; knows the token or that there is none."""

    def __init__(self, token: str | None) -> None:
        """Take the secret itself.

        Raises:
            ValueError: the token is empty, which would let everybody in.
        """
        if token is not None and not token:
            raise ValueError("web.token is empty")
        self._token = None if token is None else _digest(token)

    @property
    def needs_token(self) -> bool:
        """Return whether a token is set."""
        return self._token is not None

    def is_token(self, given: str) -> bool:
        """Compare in constant time. Digests are compared, so that not even the length shows."""
        return self._token is not None and hmac.compare_digest(self._token, _digest(given))

    def refuse(self, headers: Mapping[str, str], remote: str | None) -> Refusal | None:
        """Return why the call may not come in, or None. `headers` ignores case, `remote` is the peer's address."""
        if self._token is None:
            return _refuse_foreign(headers, remote)
        scheme, _, given = headers.get("Authorization", "").partition(" ")
        if not scheme:
            return Refusal(401, "token_missing", "send the header Authorization: Bearer TOKEN")
        if scheme.lower() != "bearer" or not self.is_token(given.strip()):
            return Refusal(401, "token_wrong", "this is not the token of web.token")
        return None


def same_site(headers: Mapping[str, str], public_url: str | None) -> bool:
    """Return whether a form came from our own page: no `Origin`, that of `Host`, or that of `public_url`."""
    if headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("Origin")
    if origin is None:
        return True
    netloc = urlsplit(origin).netloc
    return bool(netloc) and netloc in (headers.get("Host"), urlsplit(public_url or "").netloc)


def _refuse_foreign(headers: Mapping[str, str], remote: str | None) -> Refusal | None:
    if remote is None or not _loopback(remote):
        return Refusal(403, "not_local", "without web.token only this machine is served")
    for name in headers:
        if name.lower() in _PROXY or name.lower().startswith("x-forwarded-"):
            return Refusal(403, "proxied", f"{name}: behind a proxy web.token is required")
    host, port = _authority(headers.get("Host", ""))
    if host is None or not _loopback(host):
        return Refusal(403, "foreign_host", "Host names another machine; to be reached by name, set web.token")
    origin = headers.get("Origin")
    if origin is not None:
        scheme, _, rest = origin.partition("://")
        their_host, their_port = _authority(rest)
        if scheme not in ("http", "https") or their_host is None or not _loopback(their_host) or their_port != port:
            return Refusal(403, "foreign_origin", "a page from elsewhere may not call alertd")
    elif headers.get("Sec-Fetch-Site", "none") in ("cross-site", "same-site"):
        return Refusal(403, "foreign_origin", "a page from elsewhere may not call alertd")
    return None


def _authority(text: str) -> tuple[str | None, int | None]:
    """Split `HOST[:PORT]`; (None, None) for what is not one."""
    if not _AUTHORITY.fullmatch(text):
        return None, None
    try:
        parts = urlsplit(f"//{text}")
        port = parts.port
    except ValueError:
        return None, None
    return parts.hostname, port


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
