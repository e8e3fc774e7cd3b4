"""What operators read, and what must never be readable there."""

from __future__ import annotations

import io
import json
import logging
import os
import sys

import pytest
import structlog

from alertd.logs import MASK, configure, mask_text


@pytest.fixture
def restored():
    """Put the process's logging back as it was."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.getLogger("asyncio").level
    yield
    root.handlers[:], level, asyncio_level = before
    root.setLevel(level)
    logging.getLogger("asyncio").setLevel(asyncio_level)
    structlog.reset_defaults()


@pytest.fixture
def lines(restored):
    """Return a function that gives what was logged so far, decoded."""
    stream = io.StringIO()
    configure({}, stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_entry_is_one_json_line_with_event_and_facts(lines):
    structlog.get_logger("courier").warning("telegram unreachable", waiting=3, device="Kuh\n7")
    (entry,) = lines()
    assert entry.pop("time").endswith("Z")
    assert entry == {
        "event": "telegram unreachable",
        "waiting": 3,
        "device": "Kuh\n7",
        "level": "warning",
        "logger": "courier",
    }


def test_what_libraries_say_is_one_constant_event(lines):
    logging.getLogger("aiohttp.client").error("failed for %s", "mqtt://u:geheim@host")
    (entry,) = lines()
    assert (entry["event"], entry["logger"], entry["level"]) == ("library says", "aiohttp.client", "error")
    assert entry["text"] == f"failed for mqtt://{MASK}@host"


def test_debug_is_silent_unless_asked_for(restored):
    for debug, expected in ((False, 0), (True, 1)):
        stream = io.StringIO()
        configure({}, stream, debug=debug)
        structlog.get_logger("x").debug("detail")
        assert len(stream.getvalue().splitlines()) == expected


SECRET = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
TEXTS = {
    f"https://api.telegram.org/bot{SECRET}/getMe": f"https://api.telegram.org/bot{MASK}/getMe",
    f"token {SECRET} is wrong": f"token {MASK} is wrong",
    "mqtts://alertd:geheim@broker:8883": f"mqtts://{MASK}@broker:8883",
    "smtp://anna@host": f"smtp://{MASK}@host",
    "GET /x?access_token=abc&limit=3": f"GET /x?access_token={MASK}&limit=3",
    "https://t.me/bot_x?start=7KQ2": f"https://t.me/bot_x?start={MASK}",
    "Authorization: Bearer abc.def-1": f"Authorization: Bearer {MASK}",
    "to anna.weber@hof.example now": f"to {MASK}@hof.example now",
    "to +4915112345678 now": f"to +{MASK}78 now",
    "A-217 rose by +12.5 to 40.1 at 2026-11-22T01:40:00+01:00": "A-217 rose by +12.5 to 40.1 at 2026-11-22T01:40:00+01:00",
}


@pytest.mark.parametrize(("text", "shown"), TEXTS.items())
def test_free_text_loses_addresses_and_secrets_and_nothing_else(text, shown):
    assert mask_text(text) == shown


def test_facts_are_masked_by_name_however_deep(lines):
    structlog.get_logger("x").info(
        "told",
        address="4711",
        telegram_token="abc",
        nested={"password": "p", "to": ["a@b.example", 5]},
        n=4711,
        why=None,
    )
    (entry,) = lines()
    assert (entry["address"], entry["telegram_token"], entry["n"], entry["why"]) == (f"{MASK}11", MASK, 4711, None)
    assert entry["nested"] == {"password": MASK, "to": [f"{MASK}@b.example", 5]}


@pytest.mark.parametrize("terminal", [False, True])
def test_a_traceback_loses_its_secrets_too(restored, terminal):
    stream = io.StringIO()
    stream.isatty = lambda: terminal
    configure({}, stream)
    try:
        raise ConnectionError(f"POST https://api.telegram.org/bot{SECRET}/sendMessage")
    except ConnectionError:
        structlog.get_logger("x").exception("request failed")
    assert "ConnectionError" in stream.getvalue()
    assert "Traceback" in stream.getvalue()
    assert SECRET not in stream.getvalue()


def test_journald_learns_the_priority_of_each_line(restored, tmp_path):
    with (tmp_path / "journal").open("w+") as stream:
        status = os.fstat(stream.fileno())
        configure({"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}, stream)
        structlog.get_logger("x").error("broken", text='"level": "debug"')
        structlog.get_logger("x").info("mended")
        stream.seek(0)
        first, second = stream.read().splitlines()
    assert first.startswith("<3>{")
    assert second.startswith("<6>{")
    assert json.loads(first[3:])["event"] == "broken"


def test_stderr_is_where_it_goes_by_default(restored, capsys):
    configure({}, sys.stderr)
    structlog.get_logger("x").info("started")
    assert "started" in capsys.readouterr().err
