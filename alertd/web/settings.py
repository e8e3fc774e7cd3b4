"""What the operator writes about HTTP."""

from __future__ import annotations

import ipaddress

from pydantic import Field, field_validator, model_validator

from alertd.settings import Secret, Settings


class Web(Settings):
    """Where the console and API listen."""

    listen: str = Field("127.0.0.1:8080", description="ADDRESS:PORT, or off")
    public_url: str | None = Field(None, pattern=r"^https?://")
    token: Secret | None = None

    @field_validator("listen")
    @classmethod
    def _address_and_port(cls, value: str) -> str:
        host, colon, port = value.rpartition(":")
        if value != "off" and (not colon or not host or not port.isdigit() or int(port) > 65535):  # noqa: PLR2004 (TCP)
            raise ValueError("must be ADDRESS:PORT such as 127.0.0.1:8080, or off")
        return value

    @property
    def loopback(self) -> bool:
        """Return whether only this machine can reach the listener."""
        host = self.listen.rpartition(":")[0].strip("[]")
        if host in ("", "localhost"):
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    @model_validator(mode="after")
    def _public_needs_token(self) -> Web:
        if self.token is None and self.listen != "off" and (not self.loopback or self.public_url is not None):
            raise ValueError(
                "a token is required when listen is not loopback or public_url is set (token: {credential: web-token})"
            )
        return self
