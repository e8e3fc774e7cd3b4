"""The operator at the shell, talking to a daemon that runs."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from fake_desk import FARM, NOW, FakeDesk, alert

from alertd.config.load import load
from alertd.settings import SecretMissingError
from alertd.shell import alerts, people, route, silences
from alertd.shell.doors import doors
from alertd.web.listen import listen
from alertd.web.server import build

CONFIG = """
farm: {{name: Hof, timezone: Europe/Berlin, language: en}}
mqtt: {{url: "mqtt://127.0.0.1:1883"}}
store: {{path: {store}}}
sources: [{{topic: "hof/{{device}}/{{metric}}", format: number}}]
rules: [{{name: fever, match: {{metric: body_temperature}}, detect: {{kind: threshold, above: 39.5}}, severity: warning}}]
subscribers: [{{id: anna, channels: [{{console: anna}}], consent: 2026-11-01}}]
web: {{listen: "{listen}"{token}}}
"""


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)


def write(folder: Path, address: str, token: str = "") -> Path:
    path = folder / "alertd.yaml"
    path.write_text(CONFIG.format(store=folder / "alertd.db", listen=address, token=token))
    return path


@contextmanager
def running(desk: FakeDesk, unix: Path | None, token: str | None = None):
    """Run a daemon's HTTP beside this thread, as another process would; yields its port."""
    loop, ready, port = asyncio.new_event_loop(), threading.Event(), []

    async def serve(stop: asyncio.Event) -> None:
        listening = await listen(build(desk, FARM, now=lambda: NOW, token=token), "127.0.0.1:0", unix)
        port.append(listening.port)
        ready.set()
        await stop.wait()
        await listening.close()

    stop = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(stop),))
    thread.start()
    try:
        assert ready.wait(10)
        yield port[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@pytest.fixture
def farm(tmp_path):
    """Return a daemon on its socket: (configuration, desk)."""
    desk = FakeDesk(alert(217), alert(218, device="cow\x1b[31m\n-7", value=None))
    with running(desk, tmp_path / "alertd.sock"):
        yield write(tmp_path, "off"), desk


def test_in_a_pipe_every_alert_is_one_line_whatever_its_device_is_called(farm, capsys):
    assert alerts.alerts(farm[0]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert lines[0][:7] == ["A-218", "firing", "critical", "fever", "cow[31m-7", "body_temperature", ""]
    assert lines[1][:8] == ["A-217", "firing", "critical", "fever", "cow-0421", "body_temperature", "40.1", "degC"]


def test_on_a_terminal_people_get_a_table_in_the_farms_time(farm, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "160")
    alerts.ack(farm[0], "A-217", "anna")
    assert alerts.alerts(farm[0]) == 0
    text = capsys.readouterr().out
    assert "40.1 °C" in text
    assert "02:37" in text  # 01:37 UTC
    assert "firing, taken by anna" in text


def test_a_day_of_reminders_is_one_line_for_people_and_every_one_for_programs(capsys, monkeypatch):
    reminder = {"person": "anna", "messenger": "telegram", "kind": "repeat", "why": "nobody has acknowledged"}
    told = [reminder | {"at": f"2026-11-23T{hour:02d}:00:00Z"} for hour in range(2, 22)]
    found = {"shadow": False, "told": told, "silent": []}
    route.show(found, FARM.timezone, route.LIVE)
    assert capsys.readouterr().out.count("nobody has acknowledged\n") == 20
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "160")
    route.show(found, FARM.timezone, route.LIVE)
    lines = [line for line in capsys.readouterr().out.splitlines() if "anna" in line]
    assert len(lines) == 1
    assert "2026-11-23 03:00:00" in lines[0]
    assert "19 more until 2026-11-23 22:00" in lines[0]


def test_acknowledging_reaches_the_engine_and_says_so(farm, capsys):
    assert alerts.ack(farm[0], "A-217", "anna", "on my way") == 0
    assert capsys.readouterr().out == "A-217 acknowledged by anna\n"
    assert farm[1].commands == [("ack", 217, "anna", None, "on my way", "shell")]


def test_who_comes_second_is_told_who_was_first(farm, capsys):
    assert alerts.ack(farm[0], "A-217", "anna") == 0
    assert alerts.ack(farm[0], "A-217", "vet") == 0
    assert capsys.readouterr().out.splitlines()[1] == "A-217 is acknowledged already, by anna"


def test_what_is_over_is_taken_by_nobody(tmp_path, capsys):
    with running(FakeDesk(alert(217, state="resolved")), tmp_path / "alertd.sock"):
        assert alerts.ack(write(tmp_path, "off"), "A-217") == 0
    assert capsys.readouterr().out == "A-217 is over, nobody needs to take it\n"


def test_a_narrow_terminal_wraps_the_table_and_cuts_nothing_off(farm, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    assert alerts.alerts(farm[0]) == 0
    text = capsys.readouterr().out
    assert "…" not in text
    assert "critical" in text
    assert "temperature" in text


@pytest.mark.parametrize(("number", "code", "why"), [("A-999", 1, "no alert A-999"), ("cow/../7", 2, "such as A-217")])
def test_acknowledging_what_is_not_there_fails_in_one_line(farm, capsys, number, code, why):
    assert alerts.ack(farm[0], number) == code
    error = capsys.readouterr().err
    assert why in error
    assert error.count("\n") == 1
    assert farm[1].commands == []


def test_a_silence_prints_its_number_alone_first_and_a_key_given_twice_means_any_of(farm, capsys):
    path, desk = farm
    assert silences.silence_add(path, ["barn=north", "rule=fever", "rule=restless"], "2h", "new fans", "anna") == 0
    assert capsys.readouterr().out.splitlines()[0] == "S-1"
    assert desk.commands[0][1] == {"barn": "north", "rule": ["fever", "restless"]}
    assert silences.silence_list(path) == 0
    assert capsys.readouterr().out.startswith(
        "S-1\tbarn=north rule=fever, restless\t2026-11-22T14:15:00Z\tanna\tnew fans"
    )
    assert silences.silence_end(path, "S-1") == 0
    assert capsys.readouterr().out.startswith("S-1 ended")
    assert silences.silence_list(path) == 0
    assert capsys.readouterr().out == ""


def test_a_silence_for_what_nobody_knows_is_made_and_doubted(farm, capsys):
    assert silences.silence_add(farm[0], ["device=cow-0421", "rule=fever"], "2h", "new fans") == 0
    assert capsys.readouterr().err == ""
    assert silences.silence_add(farm[0], ["device=cow-0422"], "2h", "new fans") == 0
    said = capsys.readouterr()
    assert said.out.startswith("S-2\n")
    assert said.err == "warning: no device that is known fits this: nothing is kept quiet now\n"


@pytest.mark.parametrize(
    ("wanted", "length", "why"),
    [(["barn"], "2h", "must be KEY=VALUE"), (["barn="], "2h", "must be KEY=VALUE"), (["a=b"], "soon", "duration")],
)
def test_a_silence_that_is_not_understood_is_a_usage_error_in_one_line(farm, capsys, wanted, length, why):
    assert silences.silence_add(farm[0], wanted, length, "x") == 2
    error = capsys.readouterr().err
    assert why in error
    assert error.count("\n") == 1


def test_ending_a_silence_that_is_none_fails(farm, capsys):
    assert silences.silence_end(farm[0], "S-9") == 1
    assert "no silence S-9" in capsys.readouterr().err
    assert silences.silence_end(farm[0], "A-9") == 2


def test_an_invitation_prints_the_code_alone_first_then_links_then_the_picture(farm, capsys):
    assert people.people_invite(farm[0], "anna", "telegram") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["7KQ2-9FWM", "telegram: https://t.me/lindenau_bot?start=7KQ2-9FWM"]
    assert len(lines) > 15
    assert set("".join(lines[2:])) <= set(" █▀▄")


def test_inviting_nobody_we_know_is_a_usage_error(farm, capsys):
    assert people.people_invite(farm[0], "nobody") == 2
    assert capsys.readouterr().err == "alertd: nobody has the id nobody\n"


def test_what_is_held_of_a_person_is_printed_as_json(farm, capsys):
    assert people.people_export(farm[0], "anna") == 0
    assert json.loads(capsys.readouterr().out) == {"id": "anna", "messages": []}
    assert people.people_export(farm[0], "nobody") == 2
    assert capsys.readouterr().err == "alertd: nothing is held of nobody\n"


def test_an_erasure_must_be_meant(farm, capsys):
    assert people.people_erase(farm[0], "anna", yes=False) == 2
    assert "--yes" in capsys.readouterr().err
    assert people.people_erase(farm[0], "anna", yes=True) == 0
    told = capsys.readouterr().out
    assert told.startswith("anna erased: 3 messages and 1 alerts are anonymous now\n")
    assert str(farm[0]) in told


def test_people_are_listed(farm, capsys):
    assert people.people_list(farm[0]) == 0
    assert capsys.readouterr().out == "anna\tAnna\ttelegram\nvet\tDr. Weber\t\n"


@pytest.mark.parametrize(
    ("to", "messenger", "code", "out", "err"),
    [
        ("anna", None, 0, "sent by telegram, id 99\n", ""),
        ("vet", None, 1, "", "alertd: vet has not agreed\n"),
        ("nobody", None, 2, "", "alertd: nobody has the id nobody\n"),
        ("anna", "pigeon", 2, "", "alertd: there is no messenger pigeon\n"),
    ],
)
def test_a_test_message_reports_what_became_of_it(farm, capsys, to, messenger, code, out, err):
    assert people.send_test(farm[0], to, messenger) == code
    assert tuple(capsys.readouterr()) == (out, err)


def test_more_alerts_than_one_page_are_all_listed(tmp_path, capsys):
    with running(FakeDesk(*(alert(number) for number in range(1, 1205))), tmp_path / "alertd.sock"):
        assert alerts.alerts(write(tmp_path, "off")) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1204


def test_without_the_socket_http_with_the_token_serves(tmp_path, capsys):
    with running(FakeDesk(alert(217)), None, "secret") as port:
        assert alerts.alerts(write(tmp_path, f"127.0.0.1:{port}", ", token: secret")) == 0
        assert capsys.readouterr().out.startswith("A-217\t")
        assert alerts.alerts(write(tmp_path, f"127.0.0.1:{port}", ", token: wrong")) == 1
    assert "not the token" in capsys.readouterr().err


def test_no_daemon_is_one_line_and_exit_1(tmp_path, capsys):
    assert alerts.alerts(write(tmp_path, "off")) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"alertd: alertd is not running ({tmp_path}/alertd.sock: not there)\n"


def test_a_test_message_goes_without_a_daemon_where_a_way_is_given(tmp_path):
    assert people.send_test(write(tmp_path, "off"), "anna", None, lambda: 42) == 42


def test_a_bad_configuration_is_exit_2_with_its_lines(tmp_path, capsys):
    path = tmp_path / "alertd.yaml"
    path.write_text("colour: red\n")
    assert alerts.alerts(path) == 2
    assert f"{path}:1:1: colour" in capsys.readouterr().err


def test_only_the_installed_configuration_looks_for_the_farms_daemon_in_run(tmp_path):
    config = load(write(tmp_path, "off")).config
    assert config is not None
    system = doors(config, Path("/etc/alertd/alertd.yaml"), {})
    trial = doors(config, tmp_path / "alertd.yaml", {})
    assert system.sockets == (tmp_path / "alertd.sock", Path("/run/alertd/alertd.sock"))
    assert trial.sockets == (tmp_path / "alertd.sock",)


def test_an_unreadable_token_matters_only_where_no_socket_is(tmp_path):
    config = load(write(tmp_path, "0.0.0.0:8080", ", token: {file: /nowhere/token}")).config
    assert config is not None
    with pytest.raises(SecretMissingError):
        doors(config, tmp_path / "alertd.yaml", os.environ)
    (tmp_path / "alertd.sock").touch()
    assert doors(config, tmp_path / "alertd.yaml", os.environ).url is None
