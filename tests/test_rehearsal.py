"""`alertd route`: the live code says who would get what, when and why."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from farm import ANNA, BOB, START, Farm, hot
from ports import free_port

from alertd.model import HOUR, MINUTE
from alertd.rehearsal import NoSuchAlertError, rehearse

VET = BOB | {"id": "vet", "subscriptions": []}
NIGHT = {"quiet_hours": {"from": "00:00", "to": "23:59"}}


def rows(farm: Farm, **facts: str) -> list[tuple[int, str, str]]:
    found = rehearse(farm.engine, {"rule": "hot"} | facts, START + HOUR)
    return [((one.at - START - HOUR) // MINUTE, one.person, one.kind) for one in found.told]


def test_escalation_and_repeats_of_a_day() -> None:
    farm = Farm(hot(repeat="12h", escalate=[{"after": "15m", "to": "vet"}]), people=(ANNA, VET))
    assert rows(farm, device="barn") == [
        (0, "anna", "firing"),
        (15, "vet", "escalate"),
        (720, "anna", "repeat"),
        (720, "vet", "repeat"),
        (1440, "anna", "repeat"),
        (1440, "vet", "repeat"),
    ]


def test_what_waits_for_the_morning_says_so_and_who_hears_nothing_why() -> None:
    bob = BOB | {"subscriptions": [{"device": "barn-2"}]}
    farm = Farm(hot(severity="warning"), people=(ANNA | NIGHT, bob, VET, BOB | {"id": "dora", "consent": None}))
    found = rehearse(farm.engine, {"rule": "hot", "device": "barn"}, START + HOUR)
    assert [(one.person, one.kind, one.why) for one in found.told] == [("anna", "digest", "quiet hours are over")]
    assert found.silent == [
        ("bob", "no subscription fits"),
        ("vet", "hears of escalations only"),
        ("dora", "no channel with consent"),
    ]


def test_what_is_rehearsed_never_happened() -> None:
    farm = Farm(hot(), people=(ANNA,))
    before = (dict(farm.book.alerts), dict(farm.book.counters), len(farm.book.series))
    assert rows(farm, device="barn")
    assert (dict(farm.book.alerts), dict(farm.book.counters), len(farm.book.series)) == before


def test_a_hold_is_over_when_it_fires_and_labels_count() -> None:
    farm = Farm(hot(detect={"hold": "30m"}, match={"metric": "temperature", "role": "barn"}), people=(ANNA,))
    assert rows(farm, device="x", role="barn") == [(0, "anna", "firing")]
    with pytest.raises(NoSuchAlertError, match="does not watch"):
        rows(farm, device="x", role="fence")


def test_what_is_silenced_then_tells_nobody_and_says_by_what() -> None:
    farm = Farm(hot(), people=(ANNA, BOB))
    farm.silence(60, 3 * 24 * 3600, device="barn")
    found = rehearse(farm.engine, {"rule": "hot", "device": "barn"}, START + HOUR)
    assert (found.told, found.silent) == ([], [("anna", "muted by S-1"), ("bob", "muted by S-1")])
    assert farm.book.silences[1].muted == 0, "nothing was kept quiet"
    assert rows(farm, device="barn-2") == [(0, "anna", "firing"), (0, "bob", "firing")]


def test_what_a_silence_keeps_quiet_is_told_when_it_is_over() -> None:
    farm = Farm(hot(), people=(ANNA,))
    farm.silence(60, 2 * 3600, device="barn")
    assert rows(farm, device="barn") == [(60, "anna", "firing")]


def test_who_said_that_the_duty_is_over_hears_nothing() -> None:
    farm = Farm(hot(), people=(ANNA, BOB))
    farm.engine.people.apply([farm.engine.people.on_duty("bob", duty=False)], [])
    found = rehearse(farm.engine, {"rule": "hot", "device": "barn"}, START + HOUR)
    assert [one.person for one in found.told] == ["anna"]
    assert [person for person, _ in found.silent] == ["bob"]


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"rule": "hott", "device": "barn"}, "did you mean hot"),
        ({"rule": "hot"}, "which device"),
        ({"device": "barn", "rule": ""}, "there is no enabled rule"),
    ],
)
def test_what_cannot_be_is_named(facts: dict[str, str], why: str) -> None:
    with pytest.raises(NoSuchAlertError, match=why):
        rehearse(Farm(hot()).engine, facts, START)


def test_the_command_prints_a_line_a_message(tmp_path: Path) -> None:
    config = tmp_path / "alertd.yaml"
    config.write_text(
        "mqtt: {url: mqtt://127.0.0.1}\n"
        f"web: {{listen: '127.0.0.1:{free_port()}'}}\n"  # no alertd of this machine answers there
        "sources: [{preset: zigbee2mqtt}]\n"
        "farm: {timezone: Europe/Berlin}\n"
        "rules: [{name: hot, match: {metric: temperature}, detect: {kind: threshold, above: 3}, severity: critical}]\n"
        'subscribers: [{id: anna, channels: [{console: a}], consent: 2026-01-01, quiet_hours: {from: "21:30", to: "05:30"}}]\n'
    )
    command = [sys.executable, "-m", "alertd", "route", "-c", str(config), "--at", "2026-11-23 02:00", "rule=hot"]
    done = subprocess.run([*command, "device=barn"], capture_output=True, text=True, check=True)
    (line,) = done.stdout.splitlines()
    assert line.split("\t")[:4] == ["2026-11-23 02:00:00", "anna", "console", "firing"]
    assert "quiet hours do not count" in line
    assert done.stderr.startswith("from the configuration only: no alertd is running")
    refused = subprocess.run([*command, "barn"], capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stderr) == (2, "alertd: barn must be written key=value, such as rule=fever\n")
