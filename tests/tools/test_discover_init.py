"""`discover` and `init` as programs, against a real broker with messages of a farm of our own."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import stat
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt
import pytest
from fake_mail import FakeMail
from fake_ntfy import FakeNtfy
from fake_telegram import FakeTelegram
from mosquitto import Mosquitto, need_mosquitto

from alertd.cli import app
from alertd.config.load import load
from alertd.tools.asking import Dialogue
from alertd.tools.first_channel import reached

pytestmark = need_mosquitto

FARM = (
    ("zigbee2mqtt/barn-2", {"temperature": 21.5, "humidity": 61, "battery": 80, "linkquality": 99}),
    ("hof/collar/c7", {"ts": 1, "act": 12, "temp": 101.4, "hr": 70}),
    ("hof/collar/c8", {"ts": 1, "act": 14, "temp": 101.9, "hr": 72}),
    ("hof/tank/level", 83.5),
    ("hof/noise", "\x00\x01"),
)


class Terminal(io.StringIO):
    """A person who types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def broker(tmp_path: Path):
    with Mosquitto(tmp_path / "broker") as running:
        yield running


async def speaking(broker: Mosquitto, stop: asyncio.Event, **login: str) -> None:
    """The farm speaks until told to stop, several times a second."""
    async with aiomqtt.Client("127.0.0.1", broker.port, **login) as client:
        while not stop.is_set():
            for topic, values in FARM:
                body = values | {"ts": time.time()} if isinstance(values, dict) and "ts" in values else values
                await client.publish(topic, json.dumps(body) if not isinstance(body, str) else body, qos=1)
            await asyncio.sleep(0.2)


async def program(folder: Path, *words: str, say: str = "") -> tuple[int, str, str]:
    """The program itself, in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "alertd", *words),
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate(say.encode())
    return process.returncode or 0, out.decode(), err.decode()


@pytest.fixture
def alertd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The same command line, in a thread of this process: a start costs a second."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "Europe/Berlin")
    monkeypatch.setenv("LANG", "en_GB.UTF-8")

    async def call(*words: str, say: str = "") -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        monkeypatch.setattr(sys, "stdin", io.StringIO(say))

        def run() -> int:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                try:
                    app(args=list(words), prog_name="alertd")
                except SystemExit as end:
                    return int(end.code or 0)
            return 0

        code = await asyncio.to_thread(run)
        return code, out.getvalue(), err.getvalue()

    return call


@pytest.fixture
async def farm(broker: Mosquitto) -> AsyncIterator[Mosquitto]:
    stop = asyncio.Event()
    task = asyncio.create_task(speaking(broker, stop))
    yield broker
    stop.set()
    await task


async def test_discover_shows_what_it_read_and_proposes_sources_that_check_accepts(farm, tmp_path, alertd):
    code, out, err = await program(
        tmp_path, "discover", "--mqtt", farm.url, "--seconds", "1.5", "--write", "found.yaml"
    )
    assert code == 0, err
    assert "body_temperature 38.6 °C" in out or "body_temperature 38.8 °C" in out
    assert "hof/noise" in out  # named among what could not be read
    assert out == (tmp_path / "found.yaml").read_text(encoding="utf-8")
    loaded = load(tmp_path / "found.yaml")
    assert loaded.errors == []
    assert loaded.config is not None
    assert [source.label for source in loaded.config.sources] == [
        "zigbee2mqtt",
        "hof/collar/{device}",
        "hof/{device}/{metric}",
    ]
    assert {device.id for device in loaded.config.devices} == {"barn-2", "c7", "c8", "tank"}


async def test_discover_never_overwrites_and_fills_an_empty_file(farm, tmp_path, alertd):
    (tmp_path / "mine.yaml").write_text("mine: 1\n", encoding="utf-8")
    code, out, err = await alertd("discover", "--mqtt", farm.url, "--seconds", "1", "--write", "mine.yaml")
    assert (code, out) == (2, "")
    assert "mine.yaml exists" in err
    assert (tmp_path / "mine.yaml").read_text(encoding="utf-8") == "mine: 1\n"


async def test_discover_says_in_one_line_what_is_wrong_and_never_a_password(tmp_path, alertd):
    code, out, err = await alertd("discover", "--mqtt", "mqtt://anna:geheim@127.0.0.1:1", "--seconds", "1")
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "127.0.0.1:1 refused the connection" in err
    assert "geheim" not in err
    code, _, err = await alertd("discover", "--mqtt", "http://x:geheim@host", "--seconds", "1")
    assert code == 2
    assert "mqtt://" in err
    assert "geheim" not in err


async def test_discover_with_nothing_to_hear_says_so(broker, tmp_path, alertd):
    code, _, err = await alertd("discover", "--mqtt", broker.url, "--seconds", "0.5")
    assert code == 1
    assert "0 messages on 0 topics" in err


async def test_init_in_a_pipe_writes_a_configuration_that_check_accepts_and_sends_a_first_message(
    farm, tmp_path, alertd
):
    code, out, err = await alertd("init", "--seconds", "1.5", say=f"{farm.url}\nHof Lindenau\n\nde\nAnna Weber\n")
    assert code == 0, err
    path = tmp_path / "config" / "alertd.yaml"
    loaded = load(path)
    assert loaded.errors == []
    config = loaded.config
    assert config is not None
    assert (config.farm.name, config.farm.timezone, config.farm.language) == ("Hof Lindenau", "Europe/Berlin", "de")
    assert [person.id for person in config.subscribers] == ["anna-weber"]
    assert {"fever", "restless", "battery-low", "silent"} <= {rule.name for rule in config.rules}
    assert "Hof Lindenau" in out.partition("── terminal · info · test ──")[2]
    assert "Next: alertd run -c config/alertd.yaml" in out
    assert (await alertd("check"))[0] == 0
    assert path.read_text(encoding="utf-8").count("#") > 20


async def test_init_leaves_an_existing_configuration_alone_unless_told_otherwise(farm, tmp_path, alertd):
    path = tmp_path / "config" / "alertd.yaml"
    path.parent.mkdir()
    path.write_text("mine: 1\n", encoding="utf-8")
    code, out, _ = await alertd("init", "--seconds", "1", "--mqtt", farm.url)
    assert code == 0
    assert path.read_text(encoding="utf-8") == "mine: 1\n"
    assert "config/alertd-1.yaml is written" in out
    code, _, _ = await alertd("init", "--seconds", "1", "--mqtt", farm.url, say="y\n")
    assert code == 0
    assert load(path).errors == []
    assert (path.parent / "alertd.yaml.old").read_text(encoding="utf-8") == "mine: 1\n"


async def test_init_on_a_quiet_broker_still_ends_in_a_configuration(broker, tmp_path, alertd):
    code, out, _ = await alertd("init", "--seconds", "0.3", "--mqtt", broker.url, "-c", "a/b.yaml")
    assert code == 0
    assert "0 messages" in out
    assert load(tmp_path / "a" / "b.yaml").errors == []


async def test_init_without_a_broker_writes_nothing(tmp_path, alertd):
    code, out, err = await alertd("init", say="mqtt://127.0.0.1:1\n" * 3)
    assert code == 1
    assert "refused the connection" in out
    assert err.startswith("alertd: no broker")
    assert not (tmp_path / "config").exists()


async def test_init_by_ntfy_needs_no_account_and_the_first_message_is_on_the_phone(broker, tmp_path, alertd):
    async with FakeNtfy(token=None) as api:
        said = f"Hof\n\nen\nAnna\nntfy\n{api.base}\n\n\n"
        code, out, err = await alertd("init", "--seconds", "0.3", "--mqtt", broker.url, "-c", "a.yaml", say=said)
        assert (code, err) == (0, "")
        loaded = load(tmp_path / "a.yaml")
        assert loaded.errors == []
        assert loaded.config is not None
        topic = loaded.config.subscribers[0].channels[0]["ntfy"]
        assert len(topic) > 16  # nobody guesses it
        assert f"subscribe to {api.base}/{topic}" in out
        assert [message["topic"] for message in api.taken] == [topic]


async def test_a_refused_token_is_asked_for_again_and_a_pipe_goes_on_with_it(capsys, monkeypatch):
    async with FakeTelegram() as api:
        told = {"token": "1:wrong", "api_base": api.base}
        monkeypatch.setattr("sys.stdin", Terminal("\ny\n"))
        assert await asyncio.to_thread(reached, Dialogue(), "telegram", told) is None
        assert "the token is wrong; ask @BotFather" in capsys.readouterr().out
        kept = await asyncio.to_thread(reached, Dialogue(), "telegram", told)
        monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
        assert await asyncio.to_thread(reached, Dialogue(), "telegram", told) == kept
    assert kept is not None
    assert kept.hidden == {"token": "1:wrong"}


async def test_init_by_mail_keeps_the_password_apart_and_sends_the_first_message(broker, tmp_path, alertd):
    async with FakeMail(password="geheim") as server:
        url = f"smtp://127.0.0.1:{server.port}"
        said = f"Hof\n\nfr\nAnna\nemail\n{url}\nfarm@hof.example\nalerts\ngeheim\nanna@hof\n"
        code, out, err = await alertd("init", "--seconds", "0.3", "--mqtt", broker.url, "-c", "a.yaml", say=said)
        assert (code, err) == (0, ""), out
        assert [to for _, to in server.envelopes] == [["anna@hof"]]
    assert "geheim" not in (tmp_path / "a.yaml").read_text(encoding="utf-8")
    assert (tmp_path / "a.email-password").read_text(encoding="utf-8") == "geheim\n"


async def test_init_by_whatsapp_asks_what_meta_wants_to_know(broker, tmp_path, alertd):
    said = "Hof\n\nen\nAnna\nwhatsapp\nnope\nt\ns\nv\n\n106540352242922\nt\ns\nv\n\n0151\n+4915112345678\nn\n"
    code, out, _ = await alertd("init", "--seconds", "0.3", "--mqtt", broker.url, "-c", "a.yaml", say=said)
    assert code == 0
    assert "phone_number_id: " in out  # and asks again
    assert "with its country" in out
    loaded = load(tmp_path / "a.yaml")
    assert loaded.errors == []
    assert loaded.config is not None
    assert loaded.config.subscribers[0].channels == [{"whatsapp": "+4915112345678"}]


async def test_init_asks_who_we_are_where_the_broker_wants_to_know_and_keeps_the_password_apart(tmp_path, alertd):
    passwords = tmp_path / "passwords"
    # mosquitto_passwd -b, of the password "geheim" (pbkdf2, 101 rounds)
    process = await asyncio.create_subprocess_exec("mosquitto_passwd", "-b", "-c", str(passwords), "anna", "geheim")
    assert await process.wait() == 0
    passwords.chmod(0o644)
    config = ["allow_anonymous false", f"password_file {passwords}"]
    with Mosquitto(tmp_path / "broker", config) as broker:
        stop = asyncio.Event()
        task = asyncio.create_task(speaking(broker, stop, username="anna", password="geheim"))
        code, out, err = await alertd(
            "init", "--seconds", "1", "--mqtt", broker.url, "-c", "a.yaml", say="anna\ngeheim\n"
        )
        stop.set()
        await task
    assert code == 0, err
    text = (tmp_path / "a.yaml").read_text(encoding="utf-8")
    assert "geheim" not in text
    assert "username: anna" in text
    kept = tmp_path / "a.mqtt-password"
    assert kept.read_text(encoding="utf-8") == "geheim\n"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    loaded = load(tmp_path / "a.yaml")
    assert (loaded.errors, loaded.unreadable) == ([], [])
    assert "zigbee2mqtt" in out
