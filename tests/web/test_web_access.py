"""Who may call, as one table, judged by the real server."""

from __future__ import annotations

import pytest
from fake_desk import FakeDesk, alert
from multidict import CIMultiDict

from alertd.web.access import Access, same_site

TOKEN = "correct horse"
GOOD = {"Authorization": f"Bearer {TOKEN}"}

#                                             headers                               no token  token set
MATRIX = {
    "a program on this machine": ({}, 200, 401),
    "the right token": (GOOD, 200, 200),
    "the scheme in small letters": ({"Authorization": f"bearer {TOKEN}"}, 200, 200),
    "a wrong token": ({"Authorization": "Bearer wrong"}, 200, 401),
    "half of the token": ({"Authorization": "Bearer correct"}, 200, 401),
    "an empty token": ({"Authorization": "Bearer "}, 200, 401),
    "a password instead": ({"Authorization": "Basic Y29ycmVjdCBob3JzZQ=="}, 200, 401),
    "a made-up session": ({"Cookie": "alertd_session=a.1.b"}, 200, 401),
    "a session with a sign of its own": ({"Cookie": "alertd_session=aaaa.99999999999999999.aaaa"}, 200, 401),
    "a page that was rebound to this machine": ({"Host": "evil.example"}, 403, 401),
    "a name that only begins like ours": ({"Host": "127.0.0.1.evil.example"}, 403, 401),
    "an account before the name": ({"Host": "127.0.0.1@evil.example"}, 403, 401),
    "an empty Host": ({"Host": ""}, 403, 401),
    "a port that is none": ({"Host": "localhost:99999999"}, 403, 401),
    "localhost by name": ({"Host": "localhost:8080"}, 200, 401),
    "this machine by IPv6": ({"Host": "[::1]:8080"}, 200, 401),
    "a page from elsewhere": ({"Origin": "https://evil.example"}, 403, 401),
    "a page without origin": ({"Origin": "null"}, 403, 401),
    "a page of another local program": ({"Host": "localhost:8080", "Origin": "http://localhost:3000"}, 403, 401),
    "our own page": ({"Host": "localhost:8080", "Origin": "http://localhost:8080"}, 200, 401),
    "a browser that says cross-site": ({"Sec-Fetch-Site": "cross-site"}, 403, 401),
    "through a proxy (Forwarded)": ({"Forwarded": "for=192.0.2.1"}, 403, 401),
    "through a proxy (X-Forwarded-For)": ({"X-Forwarded-For": "192.0.2.1"}, 403, 401),
    "through a proxy (x-forwarded-anything)": ({"x-forwarded-port": "443"}, 403, 401),
    "through a proxy (Via)": ({"Via": "1.1 relay"}, 403, 401),
    "through a proxy, with the token": (GOOD | {"X-Forwarded-For": "192.0.2.1", "Host": "alerts.example"}, 403, 200),
}


@pytest.mark.parametrize(("headers", "without", "with_token"), MATRIX.values(), ids=MATRIX)
async def test_who_may_read_and_acknowledge(site, headers, without, with_token):
    for token, expected in ((None, without), (TOKEN, with_token)):
        desk = FakeDesk(alert(217))
        async with site(desk, token=token) as farm:
            read, _ = await farm.ask("GET", "/api/v1/alerts", headers=headers)
            acknowledged, _ = await farm.ask("POST", "/api/v1/alerts/A-217/ack", headers=headers)
            health, _ = await farm.ask("GET", "/healthz", headers=headers)
        assert (read, acknowledged, health) == (expected, expected, 200)
        assert len(desk.commands) == (expected == 200)


@pytest.mark.parametrize(
    "path", ["alerts", "devices", "people", "messages", "sources", "readings", "silences", "nothing"]
)
async def test_without_the_token_nothing_of_the_api_answers(site, path):
    async with site(FakeDesk(alert(217)), token=TOKEN) as farm:
        status, body = await farm.ask("GET", f"/api/v1/{path}")
    assert (status, body["error"]["code"]) == (401, "token_missing")


async def test_a_refusal_names_its_scheme(site):
    async with site(FakeDesk(), token=TOKEN) as farm:
        _, _, answer = await farm.see("GET", "/api/v1/alerts")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_an_empty_token_file_opens_no_door():
    with pytest.raises(ValueError, match="empty"):
        Access("")


def test_without_token_another_machine_is_refused_whatever_it_says():
    refusal = Access(None).refuse(CIMultiDict(Host="127.0.0.1:8080"), "192.0.2.7")
    assert refusal is not None
    assert (refusal.status, refusal.code) == (403, "not_local")


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({"Host": "a.example"}, True),
        ({"Host": "a.example", "Origin": "https://a.example"}, True),
        ({"Host": "10.0.0.2:8080", "Origin": "https://public.example"}, True),
        ({"Host": "a.example", "Origin": "https://b.example"}, False),
        ({"Host": "a.example", "Origin": "null"}, False),
        ({"Host": "a.example", "Sec-Fetch-Site": "same-site"}, False),
    ],
)
def test_a_form_comes_from_our_own_page(headers, ours):
    assert same_site(CIMultiDict(headers), "https://public.example") is ours
