"""Settings of the messengers that are not built yet: accepted and proved, not sent with.

A configuration written for the whole of alertd passes `alertd check` today, which says of
each such messenger that it is not available yet. One leaves this file when its module comes.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from alertd.settings import Secret, Settings

Url = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Phone = Annotated[str, Field(pattern=r"^\+[1-9][0-9]{6,14}$")]
Money = Annotated[float, Field(ge=0)]


class _Twilio(Settings):
    """An account at Twilio or a provider with the same API."""

    account_sid: str
    auth_token: Secret
    from_: str = Field(alias="from", min_length=1, description="phone number or sender name")
    api_base: Url = "https://api.twilio.com"


class Sms(_Twilio):
    """Text messages."""


class Call(_Twilio):
    """Voice: reads the alert aloud, key 1 acknowledges, key 2 escalates."""


class Ntfy(Settings):
    """ntfy.sh or an own server."""

    url: Url = "https://ntfy.sh"
    token: Secret | None = None
    api_base: Url | None = Field(None, description="default: url")


class Apprise(Settings):
    """Everything Apprise can reach; the channel's address says all."""


SETTINGS: Final[dict[str, type[Settings]]] = {
    "sms": Sms,
    "call": Call,
    "ntfy": Ntfy,
    "apprise": Apprise,
}
"""Messenger as written under `messengers:` to its settings."""
