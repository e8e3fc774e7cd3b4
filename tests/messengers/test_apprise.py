"""Apprise: the real library against a real HTTP server, and what its "no" meant."""

from __future__ import annotations

import asyncio
import logging
import socket

import pytest
from aiohttp import web
from deliveries import delivery
from serving import serving

from alertd.messengers.apprise import Apprise, _Attempt, _hand_over
from alertd.model import Channel, Kind, Reject, Retry, Sent, Severity, Unsure

pytest.importorskip("apprise", reason="the extra apprise is not installed")

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # what Python 3.11 says of a shim of theirs

PARTS = {"what": "Fever – Berta", "bad": "40.1 °C", "since": "since 02:10", "number": "A-217"}


class Service:
    """What takes Apprise's `json://` messages."""

    def __init__(self) -> None:
        self.taken: list[dict] = []
        self.status = 200
        self.port = 0
        self.silent = False
        self.over = asyncio.Event()

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.taken.append(await request.json())
        if self.silent:
            await self.over.wait()
        return web.Response(status=self.status)


@pytest.fixture
async def service():
    service = Service()
    app = web.Application()
    app.router.add_post("/{path:.*}", service.take)
    async with serving(app) as service.port:
        yield service
        service.over.set()


def to(port, path="s3cret-path", text="Fever – Berta\n40.1 °C\nA-217", **facts):
    channel = Channel("apprise", f"json://127.0.0.1:{port}/{path}")
    return delivery(text, **({"channels": (channel,), "data": {"parts": PARTS}} | facts))


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({"severity": Severity.CRITICAL}, "failure"),
        ({"severity": Severity.WARNING}, "warning"),
        ({"severity": Severity.INFO}, "info"),
        ({"severity": Severity.CRITICAL, "kind": Kind.RESOLVE}, "success"),
    ],
)
async def test_a_message_arrives_with_title_and_gravity(service, facts, kind):
    assert await Apprise().send(to(service.port, **facts)) == Sent()
    (taken,) = service.taken
    assert (taken["title"], taken["message"], taken["type"]) == ("Fever – Berta", "Fever – Berta\n40.1 °C\nA-217", kind)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, Reject),
        (403, Reject),
        (404, Reject),
        (410, Reject),
        (429, Retry),
        (500, Retry),
        (503, Retry),
        (502, Unsure),
    ],
)
async def test_what_a_no_meant_is_read_from_the_status(service, status, expected):
    service.status = status
    outcome = await Apprise().send(to(service.port))
    assert isinstance(outcome, expected), outcome
    assert not getattr(outcome, "whole_account", False), "every address is a service of its own"
    assert len(service.taken) == 1, "a messenger never retries"


async def test_nobody_listening_is_not_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        outcome = await Apprise().send(to(taken.getsockname()[1]))
    assert outcome == Retry("no connection")


async def test_a_service_that_does_not_answer_is_unsure(service):
    service.silent = True
    assert isinstance(await Apprise(timeout=0.4).send(to(service.port)), Unsure)
    assert len(service.taken) == 1


@pytest.mark.parametrize("address", ["nonsense://x", "json://", "anna", "ftp://a/b"])
async def test_an_address_it_does_not_know_goes_to_the_next_channel(address):
    outcome = await Apprise().send(to(1, channels=(Channel("apprise", address),)))
    assert outcome == Reject("Apprise does not know this address")


@pytest.mark.parametrize("text", ["\ud800", "x" * 200_000, "\x00\x1b[2J", "שלום", "🐄" * 5000, "<b>&"])
async def test_any_text_arrives(service, text):
    assert await Apprise().send(to(service.port, text=f"{text}\nA-217")) == Sent()
    assert service.taken[0]["message"].endswith("A-217")


class Log(logging.Handler):
    """What a log of everything would hold."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def everything():
    log, root = Log(), logging.getLogger()
    before = root.level
    root.addHandler(log)
    root.setLevel(logging.DEBUG)
    yield log
    root.removeHandler(log)
    root.setLevel(before)


async def test_neither_outcome_nor_log_shows_the_address(service, everything):
    for status in (200, 400, 500, 502):
        service.status = status
        assert "s3cret-path" not in repr(await Apprise().send(to(service.port)))
    logging.getLogger("test").debug("one line")
    assert "one line" in everything.lines
    assert "s3cret-path" not in "".join(everything.lines)


async def test_two_at_once_are_judged_each_by_its_own(service):
    first = asyncio.create_task(Apprise().send(to(service.port)))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        second = await Apprise().send(to(taken.getsockname()[1]))
    assert (await first, second) == (Sent(), Retry("no connection"))


async def test_what_was_given_up_while_the_library_was_loading_is_not_sent(service):
    one, attempt = to(service.port), _Attempt()
    assert attempt.give_up()
    outcome = await asyncio.to_thread(_hand_over, one.channel.address, one.message, 1.0, attempt)
    assert isinstance(outcome, Retry)
    assert not service.taken
    under_way = _Attempt()
    assert under_way.begin()
    assert not under_way.give_up(), "nobody knows whether it was told"


async def test_the_check_names_the_library():
    assert (await Apprise().check()).startswith("apprise ")
