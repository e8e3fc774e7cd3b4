"""What the doctor says of what he sees: each finding with its remedy, and none where all is well."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from alertd.config.config import Config
from alertd.model import HOUR, MINUTE, SECOND, Quality, Reading
from alertd.rota.rota import copy_of
from alertd.seams import Raw
from alertd.tools.broker_rounds import examine_measured, examine_persistence
from alertd.tools.examining import examine_stuck, examine_subscriptions, examine_traffic, rate
from alertd.tools.finding import Finding, failed
from alertd.tools.listening import Door, Heard, Topic
from alertd.tools.machine_rounds import examine_clock, examine_disk, examine_memory
from alertd.tools.people_rounds import examine_calendars, examine_people
from alertd.tools.probing import Measured

NOW = time.time_ns() // 1000


def config(*sources: dict[str, Any], **more: Any) -> Config:
    barn = {"name": "barn", "topic": "b/{device}/{metric}", "format": "number"}
    return Config.model_validate({"mqtt": {"url": "mqtt://127.0.0.1"}, "sources": list(sources) or [barn], **more})


def heard(*messages: tuple[str, Any], qos: int = 1, retained: bool = False) -> Heard:
    found = Heard(seconds=10.0)
    for number, (name, payload) in enumerate(messages):
        topic = found.topics.setdefault(name, Topic())
        topic.count += 1
        topic.retained += retained
        topic.qos.add(qos)
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        topic.messages.append(Raw(name, body, NOW + number, retained=retained))
    return found


def said(findings: list[Finding], level: str) -> list[str]:
    return [str(finding) for finding in findings if finding.level == level]


def test_a_source_that_comes_at_qos_1_and_is_read_is_well():
    found = examine_traffic(config(), heard(("b/barn-3/temperature", b"21")))
    assert [finding.level for finding in found] == ["ok", "ok"]
    assert not failed(found)


def test_qos_0_is_named_with_what_to_set_where():
    (warning,) = said(examine_traffic(config(), heard(("b/barn-3/temperature", b"21"), qos=0)), "warn")
    assert "QoS 0 (b/barn-3/temperature): lost while alertd is away" in warning
    z2m = examine_traffic(config({"preset": "zigbee2mqtt"}), heard(("zigbee2mqtt/barn", {"temperature": 21}), qos=0))
    assert "device_options" in said(z2m, "warn")[0]


def test_of_retained_copies_alone_nobody_knows_the_qos():
    (note,) = said(examine_traffic(config(), heard(("b/barn-3/temperature", b"21"), retained=True)), "note")
    assert "only retained copies" in note


def test_a_silent_source_is_a_note_and_one_nobody_can_read_a_warning():
    (note,) = examine_traffic(config(), heard())
    assert (note.level, note.part) == ("note", "source barn")
    found = examine_traffic(config(), heard(("b/barn-3/temperature", b"hello")))
    assert "nothing of it can be read" in said(found, "warn")[0]


@pytest.mark.parametrize(
    ("topic", "payload", "words"),
    [
        ("b/c1/body_temperature", b"101.3", "in °F?"),
        ("b/b1/temperature", b"71.6", "in °F that is 22 °C"),
        ("b/b1/humidity", b"0.61", "a share from 0 to 1?"),
    ],
)
def test_units_that_look_wrong_are_said(topic, payload, words):
    found = examine_traffic(config(), heard((topic, payload)))
    assert any(words in line for line in said(found, "warn")), found


def test_readings_that_are_whole_hours_old_are_a_time_zone():
    source = {"name": "c", "topic": "c/{device}", "format": "json", "time": "ts", "metrics": {"activity": "act"}}
    old = (NOW - 2 * HOUR) / SECOND
    found = examine_traffic(config(source), heard(*(("c/c1", {"ts": old + n, "act": n}) for n in range(5))))
    assert any("2h old when they come; timezone: on the source?" in line for line in said(found, "warn"))


def test_what_the_broker_does_not_grant_is_a_failure_or_a_warning():
    found = list(examine_subscriptions({"a/#": 128, "b/#": 0, "c/#": 1}, [("a/#", 1), ("b/#", 1), ("c/#", 1)]))
    assert [finding.level for finding in found] == ["fail", "warn"]


@pytest.mark.parametrize(
    ("measured", "per_second", "levels"),
    [
        (Measured("MQTT 5", 1000, 1000, 1500, 1500), 1.0, ["ok", "ok"]),
        (Measured("MQTT 5", 1000, 1000, 1000, 1500), 0.1, ["ok", "ok"]),  # nearly three hours
        (Measured("MQTT 5", 1000, 1000, 1000, 1500), 10.0, ["ok", "warn"]),
        (Measured("MQTT 5", 1000, 1000, 0, 1500), 1.0, ["ok", "fail"]),
        (Measured("MQTT 3.1.1", 20, 1000, 1500, 1500), 0.1, ["ok", "ok"]),
        (Measured("MQTT 3.1.1", 20, 1000, 1500, 1500), 1.0, ["note", "ok"]),
        (Measured("MQTT 3.1.1", 20, 1000, 1500, 1500), 5.0, ["warn", "ok"]),
        (Measured("MQTT 3.1.1", 10, 1000, 1500, 1500), 0.1, ["warn", "ok"]),  # mqtt.inflight says 20
        (Measured("MQTT 5", why="not authorized"), 1.0, ["note"]),
    ],
)
def test_window_and_queue_mean_what_they_cost_at_this_rate(measured, per_second, levels):
    assert [finding.level for finding in examine_measured(measured, per_second, 20)] == levels


def test_the_queue_is_told_as_a_time_and_the_window_as_bytes():
    lines = [str(one) for one in examine_measured(Measured("MQTT 3.1.1", 20, 1000, 1000, 1500), 5.0, 20)]
    assert "a write every 2s, about 428 MB a day" in lines[0]
    assert "keeps 1000 messages while alertd is away: 3m at 5 a second" in lines[1]


def test_persistence_is_read_where_it_can_be_and_else_left_open(tmp_path: Path):
    assert [one.level for one in examine_persistence("10.0.0.1", tmp_path)] == ["note"]
    assert [one.level for one in examine_persistence("127.0.0.1", tmp_path / "none")] == ["note"]
    conf = tmp_path / "mosquitto.conf"
    for text, level in (
        ("listener 1883\n", "warn"),
        ("persistence true\n", "warn"),
        ("persistence true\nautosave_interval 60\n", "ok"),
        ("#persistence true\n", "warn"),
    ):
        conf.write_text(text, encoding="utf-8")
        assert [one.level for one in examine_persistence("localhost", tmp_path)] == [level], text


def readings(values: list[float], *, every: int = 20 * MINUTE, metric: str = "temperature", unit: str = "degC"):
    return [
        Reading("barn-3", metric, value, unit, NOW + n * every, NOW + n * every, Quality.LIVE)
        for n, value in enumerate(values)
    ]


def test_a_value_that_does_not_move_for_hours_is_a_stuck_sensor():
    (found,) = examine_stuck(readings([21.37] * 25))
    assert "exactly 21.37 degC for 8h" in found.text
    assert list(examine_stuck(readings([21.37] * 24 + [21.4]))) == []
    assert list(examine_stuck(readings([21.37] * 25, every=MINUTE))) == []
    assert list(examine_stuck(readings([1.0] * 25, metric="gate_open", unit="bool"))) == []


def test_memory_is_held_against_the_caps(tmp_path: Path):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 500000 kB\nMemAvailable:  300000 kB\n", encoding="ascii")
    rule = {"name": "r", "match": {"metric": "t"}, "detect": {"kind": "robust_zscore", "window": "24h", "above": 5}}
    found = examine_memory(config(rules=[rule]), meminfo, tmp_path)
    assert (found.level, found.text) == ("warn", "limits.series 20000 may take 330 MB of 307 MB")
    assert found.remedy == "limits: {series: 17700}"
    assert examine_memory(config(), meminfo, tmp_path).level == "ok"  # nothing looks back
    (tmp_path / "memory.max").write_text("150000000\n", encoding="ascii")
    assert examine_memory(config(), meminfo, tmp_path).level == "warn"
    assert examine_memory(config(), tmp_path / "none", tmp_path / "none").level == "note"


def test_the_disk_must_be_there_and_writable(tmp_path: Path):
    assert [one.level for one in examine_disk(tmp_path / "a.db")] in (["ok"], ["warn"])
    assert [one.level for one in examine_disk(tmp_path / "no" / "a.db")] == ["fail"]


def test_a_clock_that_is_set_by_the_network_is_well(tmp_path: Path):
    marker = tmp_path / "synchronized"
    marker.touch()
    assert examine_clock(marker).level == "ok"
    assert examine_clock(tmp_path / "none").level in ("ok", "note")


def test_who_has_not_agreed_is_named_with_the_way_to_ask():
    people = [
        {"id": "anna", "channels": [{"console": "x"}], "consent": "2026-11-01"},
        {"id": "bob", "channels": [{"console": "x"}]},
    ]
    found = list(examine_people(config(subscribers=people), None))
    assert [(one.level, one.part) for one in found] == [("ok", "subscriber anna"), ("warn", "subscriber bob")]
    assert "alertd people invite bob" in found[1].remedy
    assert [one.level for one in examine_people(config(), None)] == ["warn"]


async def test_a_duty_calendar_that_cannot_be_read_or_names_strangers_is_named(tmp_path: Path):
    people = [{"id": "anna", "channels": [{"console": "x"}], "consent": "2026-11-01"}]
    file = tmp_path / "rota.ics"
    entry = {"calendar": str(file)}
    farm = config(subscribers=people, duty=[entry])
    store = tmp_path / "alertd.db"
    (gone,) = await examine_calendars(farm, store)
    assert gone.level == "fail"
    assert gone.remedy.endswith("everybody counts as on duty")

    day = time.strftime("%Y%m%d", time.gmtime())
    event = f"BEGIN:VEVENT\r\nUID:{{0}}\r\nDTSTART:{day}T000000Z\r\nDURATION:P2D\r\nSUMMARY:{{0}}\r\nEND:VEVENT\r\n"
    text = f"BEGIN:VCALENDAR\r\n{event.format('Anna')}{event.format('Urlaub Carl')}END:VCALENDAR\r\n"
    file.write_text(text, encoding="utf-8")
    copy = copy_of(farm.duty[0], store)
    copy.parent.mkdir()
    copy.write_text(text, encoding="utf-8")
    found = [str(one) for one in await examine_calendars(farm, store)]
    stranger = "has events that name nobody: Urlaub Carl; write who is meant under names:, or ignore it"
    assert found == [
        f"ok   duty: the duty calendar {file} can be read: 2 events ahead, now on duty: anna",
        f"warn duty: the duty calendar {file} {stranger}",
    ]
    file.write_text("<html>", encoding="utf-8")
    (broken,) = await examine_calendars(farm, store)
    assert "until it is back the copy of 20" in broken.remedy


def test_the_rate_leaves_retained_copies_out():
    messages = heard(("b/a/temperature", b"1"), ("b/a/temperature", b"2"))
    messages.topics["b/b/temperature"] = Topic(count=1, retained=1)
    assert rate(messages) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("url", "bare", "name", "password"),
    [
        ("mqtt://anna:ge%40heim@host:1884", "mqtt://host:1884", "anna", "ge@heim"),
        ("broker.local", "mqtt://broker.local", None, None),
        ("wss://host/mqtt", "wss://host/mqtt", None, None),
    ],
)
def test_a_broker_s_address_is_read_and_its_password_never_shown(url, bare, name, password):
    door = Door.parse(url)
    assert (door.url, door.username, door.password) == (bare, name, password)
    assert password is None or password not in repr(door)
