"""A browser that has logged in: a signed cookie, and a second secret for its forms.

Nothing is kept on our side. The key comes from the token, so a restart logs nobody
out and a new token logs everybody out. The form's secret is a function of the
cookie: another site can neither read the cookie nor compute it (CSRF).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Final

from alertd.model import DAY

if TYPE_CHECKING:
    from alertd.model import Micros

COOKIE: Final = "alertd_session"
LASTS: Final = 30 * DAY
"""How long a login holds: a farmer should not type a token in the barn every week."""


class Sessions:
    """Issue and check session cookies."""

    def __init__(self, token: str | None) -> None:
        """Sign with a key made of the token; without one with a random key, for this process only."""
        secret = secrets.token_bytes(32) if token is None else token.encode("utf-8", "surrogateescape")
        self._key = hashlib.blake2b(secret[:4096], digest_size=32, person=b"alertd session").digest()

    def issue(self, now: Micros) -> str:
        """Return a new cookie value, good for `LASTS`."""
        body = f"{secrets.token_urlsafe(12)}.{now}"
        return f"{body}.{self._sign('session', body)}"

    def valid(self, cookie: str | None, now: Micros) -> bool:
        """Return whether we signed the cookie, not longer than `LASTS` ago."""
        body, _, signature = (cookie or "").rpartition(".")
        if not hmac.compare_digest(self._sign("session", body).encode(), signature.encode("utf-8", "surrogateescape")):
            return False
        return int(body.rpartition(".")[2]) > now - LASTS

    def form_secret(self, cookie: str) -> str:
        """Return what a form of this session must carry."""
        return self._sign("form", cookie)

    def form_matches(self, cookie: str, given: str) -> bool:
        """Return whether a form came from a page we made for this session."""
        return hmac.compare_digest(self.form_secret(cookie).encode(), given.encode("utf-8", "surrogateescape"))

    def _sign(self, purpose: str, text: str) -> str:
        digest = hmac.digest(self._key, f"{purpose}\0{text}".encode("utf-8", "surrogateescape"), "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
