"""Alertmanager's webhook, signed."""

from __future__ import annotations

import hashlib
import hmac
import json

import aiohttp
import pytest
from aiohttp import web
from deliveries import delivery
from serving import serving

from alertd.messengers.webhook import NEVER, Webhook, WebhookSettings, alertmanager, why_not
from alertd.model import Channel, Kind, Sent
from alertd.settings import Secret

FEVER = {
    "id": "A-217",
    "rule": "fever",
    "device": "cow-0421",
    "metric": "body_temperature",
    "group": "dairy",
    "severity": "critical",
    "state": "firing",
    "value": 40.1,
    "unit": "degC",
    "normal": 38.6,
    "started": "2026-11-22T02:10:00Z",
    "fired": "2026-11-22T02:40:00Z",
    "resolved": None,
}


def body(*alerts: dict, **facts) -> dict:
    return alertmanager(
        delivery("Berta: 40.1 °C\nA-217", data={"alerts": list(alerts)}, **facts).message, receiver="anna"
    )


def test_the_body_is_alertmanagers() -> None:
    shown = body(FEVER, incident="i9")

    assert shown == {
        "receiver": "anna",
        "status": "firing",
        "alerts": [
            {
                "status": "firing",
                "labels": {
                    "alertname": "fever",
                    "device": "cow-0421",
                    "metric": "body_temperature",
                    "group": "dairy",
                    "severity": "critical",
                },
                "annotations": {
                    "summary": "Berta: 40.1 °C\nA-217",
                    "number": "A-217",
                    "value": "40.1",
                    "unit": "degC",
                    "normal": "38.6",
                },
                "startsAt": "2026-11-22T02:40:00Z",
                "endsAt": NEVER,
                "generatorURL": "",
                "fingerprint": shown["alerts"][0]["fingerprint"],
            }
        ],
        "groupLabels": {"alertname": "fever", "group": "dairy"},
        "commonLabels": shown["alerts"][0]["labels"],
        "commonAnnotations": shown["alerts"][0]["annotations"],
        "externalURL": "",
        "version": "4",
        "groupKey": "i9",
        "truncatedAlerts": 0,
    }
    assert len(shown["alerts"][0]["fingerprint"]) == 16


def test_a_resolved_alert_has_the_same_fingerprint_and_an_end() -> None:
    fired, ended = body(FEVER), body(FEVER | {"state": "resolved", "resolved": "2026-11-22T02:50:00Z", "value": 38.9})

    assert ended["status"] == ended["alerts"][0]["status"] == "resolved"
    assert ended["alerts"][0]["endsAt"] == "2026-11-22T02:50:00Z"
    assert ended["alerts"][0]["fingerprint"] == fired["alerts"][0]["fingerprint"]


def test_a_group_is_over_when_its_last_alert_is() -> None:
    ended = FEVER | {"state": "resolved", "resolved": "2026-11-22T02:50:00Z"}
    message = delivery("Berta: normal", data={"alerts": [ended], "open": 1, "more": 2}).message
    shown = alertmanager(message, receiver="anna")

    assert (shown["status"], shown["alerts"][0]["status"]) == ("firing", "resolved")
    assert shown["truncatedAlerts"] == 2
    message.data["open"] = 0
    assert alertmanager(message, receiver="anna")["status"] == "resolved"


def test_several_alerts_share_what_they_have_in_common() -> None:
    shown = body(FEVER, FEVER | {"id": "A-218", "device": "cow-0422"})

    assert "device" not in shown["commonLabels"]
    assert shown["commonLabels"]["alertname"] == "fever"
    assert "number" not in shown["commonAnnotations"]


def test_a_message_about_no_alert_is_one_all_the_same() -> None:
    shown = body(kind=Kind.TEST)

    assert [alert["labels"]["alertname"] for alert in shown["alerts"]] == ["alertd_test"]


@pytest.mark.parametrize(
    ("address", "fine"),
    [
        ("https://example.org/hook", True),
        ("http://127.0.0.1:9/hook", True),
        ("http://[::1]:9/hook", True),
        ("http://localhost/hook", True),
        ("http://192.168.1.5/hook", False),
        ("http://localhost.example.org/", False),
        ("http://2130706433/", False),
        ("ftp://example.org/", False),
        ("file:///etc/passwd", False),
        ("anna", False),
        ("https://", False),
        ("http://[::1", False),
    ],
)
def test_only_https_leaves_this_machine(address, fine) -> None:
    assert (why_not(address) == "") == fine
    assert "hook" not in why_not(address).removeprefix("webhook address")


@pytest.fixture
async def received():
    """Every request as (headers, body), and where to send it."""
    requests = []

    async def take(request: web.Request) -> web.Response:
        requests.append((request.headers, await request.read()))
        if request.path == "/moved":
            raise web.HTTPTemporaryRedirect("/hook")
        return web.Response(status=202, text="thanks")

    app = web.Application()
    app.router.add_post("/{path}", take)
    async with serving(app) as port:
        yield requests, f"http://127.0.0.1:{port}"


async def test_the_receiver_can_prove_who_sent_it_and_drop_repeats(received) -> None:
    requests, base = received
    async with aiohttp.ClientSession() as http:
        webhook = Webhook(WebhookSettings(secret=Secret.parse("s3cret")), http)
        attempt = delivery(channels=(Channel("webhook", f"{base}/hook"),), data={"alerts": [FEVER]}, key="k-9")
        outcomes = [await webhook.send(attempt), await webhook.send(attempt)]

    assert outcomes == [Sent(), Sent()]
    (headers, raw), (_, same) = requests
    assert headers["X-Alertd-Signature-256"] == "sha256=" + hmac.new(b"s3cret", raw, hashlib.sha256).hexdigest()
    assert headers["Idempotency-Key"] == "k-9"
    assert raw == same
    assert json.loads(raw)["version"] == "4"


async def test_a_redirect_is_refused_and_not_followed(received) -> None:
    requests, base = received
    async with aiohttp.ClientSession() as http:
        outcome = await Webhook(WebhookSettings(), http).send(delivery(channels=(Channel("webhook", f"{base}/moved"),)))

    assert type(outcome).__name__ == "Reject"
    assert len(requests) == 1
    assert "X-Alertd-Signature-256" not in requests[0][0]
