"""E-mail against a real SMTP server: threads, subjects, each way of failing, leaving by one press."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest
from deliveries import T0, delivery
from fake_mail import FakeMail
from pydantic import ValidationError

from alertd.messengers.mail import Email, EmailSettings, subject
from alertd.messengers.mail_errors import ANYWHERE, Class, Step, classify
from alertd.messengers.mail_leaving import WORDS
from alertd.messengers.text import marked
from alertd.model import Channel, Kind, Reject, Retry, Sent, Unsure
from alertd.seams import HookCall
from alertd.wording.catalogue import LANGUAGES

ANNA = "anna@farm.example"
PASSWORD = "correct horse"
PARTS = {"what": "Fever – Berta", "bad": "40.1 °C (limit 39.5 °C)", "since": "since 02:10", "number": "A-217"}
TEXT = "Fever: Berta, 40.1 °C (limit 39.5 °C) since 02:10. Look at her.\nA-217"


@pytest.fixture
async def server():
    async with FakeMail() as server:
        yield server


def made(port, scheme="smtp", public_url=None, timeout=2.0, **facts):
    written = {"url": f"{scheme}://127.0.0.1:{port}", "from": "Hof Lindenau <alerts@hof.example>"} | facts
    return Email(EmailSettings.model_validate(written), None, lambda: T0, public_url=public_url, timeout=timeout)


def to_anna(text=TEXT, address=ANNA, **facts):
    return delivery(text, **({"channels": (Channel("email", address),), "data": {"parts": PARTS}} | facts))


async def test_an_alert_is_a_plain_mail_whose_subject_says_it_all(server):
    outcome = await made(server.port).send(to_anna(critical=True, incident="i1"))
    (mail,) = server.taken
    assert outcome == Sent(mail["Message-ID"])
    assert mail["Subject"] == "CRITICAL · Fever – Berta: 40.1 °C (limit 39.5 °C)"
    assert mail.get_content().replace("\r\n", "\n") == TEXT + "\n"
    assert mail.get_content_type() == "text/plain"
    assert mail["From"] == "Hof Lindenau <alerts@hof.example>"
    assert (mail["Auto-Submitted"], mail["Importance"]) == ("auto-generated", "high")
    assert mail["List-Unsubscribe"] == "<mailto:alerts@hof.example?subject=STOP>"
    assert mail["Date"].datetime.timestamp() == T0 // 1_000_000
    assert server.envelopes == [("alerts@hof.example", [ANNA])]
    assert server.ended == ["QUIT"]


async def test_what_follows_stands_in_the_same_thread(server):
    email = made(server.port)
    first = await email.send(to_anna(incident="i1"))
    await email.send(to_anna("Over.", id="m2", kind=Kind.RESOLVE, incident="i1", reply_to=first.ref, data={}))
    one, two = server.taken
    assert two["In-Reply-To"] == one["Message-ID"]
    root, parent = two["References"].split()
    assert (root, parent) == (one["References"], one["Message-ID"])
    assert two["Subject"] == "Over."


async def test_the_same_message_has_the_same_id_however_often_it_is_sent(server):
    email = made(server.port)
    await email.send(to_anna())
    again = to_anna(key="k2", attempt=2, resent=True)
    await email.send(replace(again, message=marked(again.message)))
    await email.send(to_anna(address="bob@farm.example"))
    first, again, other = (mail["Message-ID"] for mail in server.taken)
    assert first == again != other
    assert server.taken[1]["Subject"].startswith("Sent again: ")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"data": {}, "text": "Digest\nmore"}, "Digest"),
        ({"data": {}, "text": "\n\n"}, "alertd"),
        ({"data": {}, "text": "a\r\tb\x00c\u202ed"}, "a"),
        ({"critical": True, "language": "de"}, "KRITISCH · Fever – Berta: 40.1 °C (limit 39.5 °C)"),
        (
            {"data": {"parts": PARTS | {"what": "Now normal: Fever – Berta", "bad": "02:10–02:50 (40 min)"}}}
            | {"critical": True, "language": "de", "kind": Kind.RESOLVE},
            "Now normal: Fever – Berta: 02:10–02:50 (40 min)",
        ),
        ({"data": {"parts": PARTS | {"what": "x\r\nBcc: y@z"}}}, "x Bcc: y@z: 40.1 °C (limit 39.5 °C)"),
    ],
)
def test_subjects(facts, expected):
    assert subject(to_anna(**facts).message) == expected


@pytest.mark.parametrize("text", ["\ud800", ".\r\n.", "x" * 200_000, "\x00\x1b[2J", "שלום", "🐄" * 5000, "From x\n.y"])
async def test_any_text_arrives(server, text):
    outcome = await made(server.port).send(to_anna(f"{text}\nA-217", data={}))
    assert isinstance(outcome, Sent)
    assert server.taken[0].get_content().rstrip().endswith("A-217")


async def test_a_long_subject_begins_on_its_own_line(server):
    await made(server.port).send(to_anna("Digest " + "of many things " * 20, data={}))
    (raw,) = server.raw
    assert b"\r\nSubject: Digest of many" in raw
    head, _, text = raw.partition(b"\r\n\r\n")
    assert max(map(len, head.split(b"\r\n"))) < 998
    assert max(map(len, text.split(b"\r\n"))) <= 76


WAITS = Retry("", whole_account=True)
OURS = Retry("", whole_account=True, config=True)


@pytest.mark.parametrize(
    ("step", "reply", "expected"),
    [
        ("MAIL", "421 4.3.2 closing", WAITS),
        ("MAIL", "451 4.3.0 later", WAITS),
        ("MAIL", "530 5.7.0 authenticate first", OURS),
        ("MAIL", "550 5.7.1 not your address", OURS),
        ("RCPT", "450 4.2.0 greylisted", Retry("")),
        ("RCPT", "452 4.2.2 mailbox full", Retry("")),
        ("RCPT", "421 4.7.0 too many", WAITS),
        ("RCPT", "550 5.1.1 no such person", Reject("")),
        ("RCPT", "553 no such name", Reject("")),
        ("RCPT", "554 5.7.1 relay access denied", Reject("", ours=True)),
        ("DATA", "451 4.3.0 later", Retry("")),
        ("DATA", "452 4.3.1 no room", Retry("")),
        ("DATA", "552 5.3.4 too big", Reject("")),
        ("DATA", "554 5.7.1 taken for spam", Reject("", ours=True)),
        ("DATA", "silence", Unsure("no answer within 0.3 s")),
        ("DATA", "cut", Unsure("answer lost: SMTPServerDisconnected")),
        ("RCPT", "cut", WAITS),
        ("MAIL", "silence", WAITS),
        ("MAIL", "noise", WAITS),
    ],
)
async def test_each_way_of_failing_has_its_outcome(server, step, reply, expected):
    server.fail(step, reply)
    outcome = await made(server.port, timeout=0.3).send(to_anna())
    assert outcome == (expected if isinstance(expected, Unsure) else replace(expected, why=outcome.why))
    if reply[0].isdigit():
        assert reply in outcome.why
        assert not server.taken


async def test_an_answer_that_is_no_smtp_is_unsure(server):
    server.fail("DATA", "noise")
    assert isinstance(await made(server.port).send(to_anna()), Unsure)


def test_every_reply_of_the_table_has_a_class_at_every_step():
    for step in set(Step) - {Step.TAKEN}:
        for code in (*ANYWHERE, *range(400, 600)):
            assert isinstance(classify(step, code, ""), Class)
        assert classify(step, -1, "") is None


async def test_nobody_listening_is_not_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        outcome = await made(taken.getsockname()[1]).send(to_anna())
    assert replace(outcome, why="") == WAITS


async def test_a_login_is_given_and_a_wrong_one_keeps_the_messages():
    async with FakeMail(password=PASSWORD) as server:
        assert isinstance(await made(server.port, username="alerts", password=PASSWORD).send(to_anna()), Sent)
        outcome = await made(server.port, username="alerts", password="wrong pass").send(to_anna())
        assert replace(outcome, why="") == OURS
        assert "wrong pass" not in repr(outcome)
        outcome = await made(server.port).send(to_anna())
        assert replace(outcome, why="") == OURS, "530: it wants a login and has none"
        assert len(server.taken) == 1


async def test_a_server_without_logins_is_told_to_the_operator(server):
    outcome = await made(server.port, username="alerts", password=PASSWORD).send(to_anna())
    assert replace(outcome, why="") == OURS


async def test_without_the_encryption_that_was_asked_for_nothing_is_sent(server):
    outcome = await made(server.port, "smtp+starttls").send(to_anna())
    assert replace(outcome, why="") == OURS
    outcome = await made(server.port, "smtps", timeout=0.5).send(to_anna())
    assert replace(outcome, why="") == WAITS
    assert not server.taken


@pytest.fixture
def own_certificate(tmp_path):
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    return context


async def test_a_certificate_that_nobody_vouches_for_is_not_believed(own_certificate):
    async with FakeMail(tls=own_certificate) as server:
        outcome = await made(server.port, "smtp+starttls").send(to_anna())
        assert isinstance(outcome, Retry)
        assert outcome.whole_account
        assert "certificate" in outcome.why.lower()
        assert not server.taken


@pytest.mark.parametrize("address", ["änna@farm.example", "anna", "a@b\r\nBcc: c@d", "anna@farm.example>, <x@y"])
async def test_an_address_no_server_could_take_goes_to_the_next_channel(server, address):
    assert isinstance(await made(server.port).send(to_anna(address=address)), Reject)
    assert not server.taken


async def test_a_domain_with_umlauts_is_reached(server):
    await made(server.port).send(to_anna(address="anna@müller.example"))
    assert server.envelopes[0][1] == ["anna@xn--mller-kva.example"]


async def test_the_check_logs_in_and_sends_nothing(server):
    assert (await made(server.port).check()).startswith(f"alerts@hof.example by 127.0.0.1:{server.port}, not encrypted")
    with pytest.raises(ConnectionError, match="check url, username and password"):
        await made(server.port, username="alerts", password=PASSWORD).check()
    assert not server.taken


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "smtp://host:99999"},
        {"url": "http://host"},
        {"url": "smtp://:25"},
        {"username": "alerts"},
        {"password": PASSWORD},
        {"from": "älerts@hof.example"},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(ValidationError):
        EmailSettings.model_validate({"url": "smtp://host", "from": "a@b.example"} | wrong)


def leaving_link(mail):
    return re.search(r"<(https://[^>]+)>", mail["List-Unsubscribe"].replace("\r\n", ""))[1]


async def one_with_a_way_out():
    async with FakeMail(password=PASSWORD) as server:
        email = made(server.port, public_url="https://alerts.example/", username="alerts", password=PASSWORD)
        await email.send(to_anna())
        return email, server.taken[0]


async def test_one_press_in_the_mail_program_is_a_stop():
    email, mail = await one_with_a_way_out()
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = leaving_link(mail)
    assert url.startswith("https://alerts.example/hooks/email?")
    call = HookCall("POST", url, dict(parse_qsl(urlsplit(url).query)), {}, b"List-Unsubscribe=One-Click")
    (left,) = email.hook(call).updates
    assert (left.address, left.text, left.id) == (ANNA, "STOP", "email:stop:m1")


async def test_opening_the_link_asks_and_a_link_of_somebody_else_is_not_believed():
    email, mail = await one_with_a_way_out()
    url = leaving_link(mail)
    query = dict(parse_qsl(urlsplit(url).query))
    asked = email.hook(HookCall("GET", url, query, {}, b""))
    assert (asked.answer.status, asked.updates) == (200, ())
    assert b"<form" in asked.answer.body
    for wrong in (query | {"to": "bob@farm.example"}, query | {"sign": "ä"}, query | {"m": "m2"}, {}):
        heard = email.hook(HookCall("POST", url, wrong, {}, b""))
        assert (heard.answer.status, heard.updates) == (403, ())


@pytest.mark.parametrize("language", LANGUAGES)
async def test_who_opens_the_link_reads_a_page_in_their_language(language):
    words = WORDS[language]
    async with FakeMail(password=PASSWORD) as server:
        email = made(server.port, public_url="https://alerts.example/", username="alerts", password=PASSWORD)
        await email.send(to_anna(language=language))
        url = leaving_link(server.taken[0])
    query = dict(parse_qsl(urlsplit(url).query))
    asked, done, broken = (
        email.hook(HookCall(method, url, facts, {}, b"")).answer
        for method, facts in (("GET", query), ("POST", query), ("GET", query | {"sign": "x"}))
    )
    for answer, said in ((asked, words.ask.format(ANNA)), (done, words.done), (broken, words.broken)):
        assert answer.content_type == "text/html"
        assert said in answer.body.decode().replace("&#x27;", "'")
        assert f"<html lang={language}>" in answer.body.decode()
    assert (asked.status, done.status, broken.status) == (200, 200, 403)
    assert words.button in asked.body.decode()


async def test_without_a_public_address_mail_goes_all_the_same(server):
    email = made(server.port)
    assert email.hook is None
    assert isinstance(await email.send(to_anna()), Sent)
