"""Alerts to any program that takes Alertmanager's webhook (version 4), signed.

What `message.data` carries for it: `alerts`, a list of alerts in the form of
`/api/v1/alerts` (CONTRACT section 4), `open`, how many of the incident still fire, `more`, how many are left
out, and if they are known `groupKey` and `externalURL`. A message about no alert (digest, test, the operator's)
becomes one alert named `alertd_<kind>`: receivers of this format expect at least one.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

import msgspec
from yarl import URL

from alertd.messengers.exchange import REQUEST_TIMEOUT, Answer, ask, judge
from alertd.messengers.text import clean
from alertd.messengers.unpolled import Unpolled
from alertd.model import SECOND, Reject, Retry, Sent, stable_id
from alertd.seams import Abilities
from alertd.settings import Secret, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import aiohttp

    from alertd.model import Delivery, Message, Micros, Outcome
    from alertd.seams import Hook

NEVER: Final = "0001-01-01T00:00:00Z"
"""`endsAt` of an alert that is still firing: Go's zero time, as Alertmanager writes it."""


class WebhookSettings(Settings):
    """Signing is optional, and recommended."""

    secret: Secret | None = None


class Webhook(Unpolled):
    """POSTs to the channel's URL. It cannot hear; acknowledging goes through the HTTP API."""

    name = "webhook"
    settings: ClassVar[type[Settings]] = WebhookSettings
    abilities = Abilities(limit=100_000)
    hook: Hook | None = None

    def __init__(
        self,
        settings: WebhookSettings,
        http: aiohttp.ClientSession,
        now: Callable[[], Micros] | None = None,  # noqa: ARG002 (every messenger is built with it)
        *,
        timeout: float = REQUEST_TIMEOUT,
    ) -> None:
        """Read the secret now, so that a missing one is known at start.

        Raises:
            SecretMissingError
        """
        self._http = http
        self._secret = settings.secret.read().encode() if settings.secret else None
        self._timeout = timeout

    async def send(self, delivery: Delivery) -> Outcome:
        """POST the message; any 2xx is `Sent`. The same attempt has the same `Idempotency-Key`."""
        wrong = why_not(delivery.channel.address)
        if wrong:
            return Reject(wrong)
        body = msgspec.json.encode(alertmanager(delivery.message, receiver=delivery.message.subscriber))
        headers = {"Idempotency-Key": delivery.key, "User-Agent": "alertd"}
        if self._secret is not None:
            headers["X-Alertd-Signature-256"] = "sha256=" + hmac.new(self._secret, body, hashlib.sha256).hexdigest()
        answer = await ask(self._http, delivery.channel.address, body, seconds=self._timeout, headers=headers)
        match answer:
            case Answer(status=status) if 200 <= status < 300:  # noqa: PLR2004 (HTTP)
                return Sent()
            case Answer(status=status):
                return judge(answer, f"HTTP {status}")
            case Retry(why=why, config=True):
                return Reject(why)
            case Retry(why=why):
                return Retry(why)  # every address is a server of its own: one that is down blocks no other
        return answer

    async def check(self) -> str:
        """Return whether bodies are signed; the addresses belong to people and are not called."""
        return "signed" if self._secret else "unsigned"


def why_not(address: str) -> str:
    """Return why nothing may be sent to this URL, or an empty string; never the URL itself, it may hold a secret."""
    try:
        url = URL(address)
    except ValueError:
        return "webhook address is not a URL"
    if url.scheme == "https" and url.host:
        return ""
    if url.scheme != "http" or not url.host:
        return "webhook address must begin with https://"
    try:
        local = ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        local = url.host == "localhost"
    return "" if local else "webhook address must begin with https:// (http:// is for loopback alone)"


def alertmanager(message: Message, *, receiver: str) -> dict[str, Any]:
    """Return the body as Alertmanager 0.25 writes it; the same message gives the same bytes.

    Labels identify an alert (rule, device, metric, group, severity), annotations tell of it. `summary` is the text a
    person would read.
    """
    found = message.data.get("alerts")
    alerts = [_alert(facts, clean(message.text)) for facts in found] if found else [_note(message)]
    labels = _common(alert["labels"] for alert in alerts)
    still = bool(found) and int(message.data.get("open", 0)) > 0  # the group is over when its last alert is
    return {
        "receiver": receiver,
        "status": "firing" if still or any(alert["status"] == "firing" for alert in alerts) else "resolved",
        "alerts": alerts,
        "groupLabels": {name: labels[name] for name in ("alertname", "group") if name in labels},
        "commonLabels": labels,
        "commonAnnotations": _common(alert["annotations"] for alert in alerts),
        "externalURL": str(message.data.get("externalURL", "")),
        "version": "4",
        "groupKey": str(message.data.get("groupKey") or message.incident or message.id),
        "truncatedAlerts": message.data.get("more", 0),
    }


def _alert(facts: Mapping[str, Any], summary: str) -> dict[str, Any]:
    labels = {"alertname": facts.get("rule")} | {
        name: facts.get(name) for name in ("device", "metric", "group", "severity")
    }
    notes = {"summary": summary, "number": facts.get("id")} | {
        name: facts.get(name) for name in ("value", "unit", "normal", "why", "acknowledged_by")
    }
    resolved = facts.get("state") == "resolved"
    return {
        "status": "resolved" if resolved else "firing",
        "labels": _texts(labels),
        "annotations": _texts(notes),
        "startsAt": facts.get("fired") or facts.get("started") or NEVER,
        "endsAt": (facts.get("resolved") or NEVER) if resolved else NEVER,
        "generatorURL": "",
        "fingerprint": stable_id(*(facts.get(name) for name in ("rule", "device", "metric", "group")))[:16],
    }


def _note(message: Message) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": f"alertd_{message.kind.value}", "severity": message.severity.value},
        "annotations": {"summary": clean(message.text)},
        "startsAt": datetime.fromtimestamp(message.due // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "endsAt": NEVER,
        "generatorURL": "",
        "fingerprint": stable_id(message.id)[:16],
    }


def _texts(facts: Mapping[str, Any]) -> dict[str, str]:
    """Keep what is known, as text: label values and annotations are strings in this format."""
    return {name: clean(str(value)) for name, value in facts.items() if value not in (None, "")}


def _common(many: Any) -> dict[str, str]:
    first, *others = many
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}
