"""Duty calendars in a configuration: where they may be, and whom they may name."""

from __future__ import annotations

from pathlib import Path

import pytest

from alertd.audience.calendar import Calendar, calls, named
from alertd.audience.settings import Subscriber
from alertd.config.load import Loaded, load
from alertd.model import Appointment

HEAD = """\
mqtt: {url: "mqtt://127.0.0.1:1"}
sources: [{preset: alertd}]
subscribers:
  - {id: anna, name: Anna Huber, channels: [{email: anna@farm.example}], consent: 2026-01-01}
  - {id: bob, channels: [{console: bob}], consent: 2026-01-01}
messengers: {email: {url: "smtp://127.0.0.1:1", from: farm@farm.example}}
duty:
"""


def loaded(tmp_path: Path, line: str) -> Loaded:
    path = tmp_path / "alertd.yaml"
    path.write_text(f"{HEAD}  - {line}\n", encoding="utf-8")
    return load(path)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("{calendar: 'http://calendar.example/a.ics'}", "must be https://…, http:// to this machine, or a file"),
        ("{calendar: rota.ics, names: {A: ana}}", "there is no subscriber ana (did you mean anna?)"),
        ("{calendar: rota.ics, who: [carl]}", "there is no subscriber carl"),
        ("{calendar: rota.ics, every: 1s}", "duty[0].every: must be"),
        ("{calendar: rota.ics, everi: 1h}", "unknown key (did you mean every?)"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, line, error):
    found = loaded(tmp_path, line)
    assert found.config is None
    assert any(error in str(one) for one in found.errors), found.errors


def test_a_file_is_found_beside_the_file_that_names_it(tmp_path):
    (tmp_path / "rota.ics").write_text("", encoding="utf-8")
    found = loaded(tmp_path, "{calendar: rota.ics}")
    assert found.config is not None
    (entry,) = found.config.duty
    assert isinstance(entry, Calendar)
    assert entry.calendar == str(tmp_path / "rota.ics")
    assert not [one for one in found.warnings if "duty" in one.path]
    (missing,) = [one for one in loaded(tmp_path, "{calendar: other.ics}").warnings if "duty" in one.path]
    assert str(missing).endswith(f"duty[0].calendar: there is no file {tmp_path / 'other.ics'}")


def test_an_address_in_clear_is_warned_of_and_a_secret_one_is_not(tmp_path, monkeypatch):
    monkeypatch.setenv("ROTA", "https://calendar.example/a.ics")
    clear = loaded(tmp_path, "{calendar: 'https://calendar.example/a.ics'}").warnings
    assert ["whoever has the address" in one.reason for one in clear if "duty" in one.path] == [True]
    hidden = loaded(tmp_path, "{calendar: {env: ROTA}}")
    assert hidden.config is not None
    assert not [one for one in (*hidden.warnings, *hidden.unreadable) if "duty" in one.path]


@pytest.mark.parametrize(
    ("title", "attendees", "whom"),
    [
        ("Anna Huber", (), ["anna"]),
        ("Stall: anna huber!", (), ["anna"]),
        ("Anna", (), ["anna"]),
        ("Anna Huber senior", (), ["bob"]),
        ("Anna & Bob", (), ["anna", "bob"]),
        ("Anna-Lena", (), []),
        ("Wochenende", ("ANNA@farm.example",), ["anna"]),
        ("Bob", ("anna@farm.example",), ["bob"]),
        ("Wochenende", ("stranger@farm.example",), []),
        ("Frau H.", (), ["anna"]),
        ("", (), []),
    ],
)
def test_a_title_names_people_by_whole_words_and_the_longer_name_first(title, attendees, whom):
    people = [
        Subscriber.model_validate({"id": "anna", "name": "Anna Huber", "channels": [{"email": "anna@farm.example"}]}),
        Subscriber.model_validate({"id": "bob", "name": "Anna Huber senior", "channels": []}),
    ]
    assert named(Appointment(0, 1, title, attendees), calls(people, {"Frau H.": "anna"})) == whom
