"""Whom a reading is about: cows keep their history when collars move, and strangers displace nobody."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from farm import START, Farm
from hypothesis import given
from hypothesis import strategies as st

from alertd import recovery
from alertd.alerting.turn import Turn
from alertd.ingest.decoder import Decoder
from alertd.ingest.settings import Device, Limits, Source
from alertd.model import DAY, SECOND, Reading
from alertd.seams import Raw
from alertd.undo import Undo

COLLARS = Source.model_validate(
    {"name": "c", "topic": "c/{barn}/{device}", "format": "json", "time": "ts", "metrics": {"activity": "act"}}
)
HISTORY = Source.model_validate(
    {"topic": "h/{device}", "format": "json", "each": "rows[*]", "time": "ts", "metrics": {"activity": "act"}}
)
HERD = [
    Device.model_validate(
        {"id": "berta", "name": "Berta", "group": "dairy", "aliases": [{"id": "c7", "until": "2026-09-15"}]}
    ),
    Device.model_validate(
        {
            "id": "alma",
            "group": "dry",
            "labels": {"pen": "3"},
            "aliases": [{"id": "c7", "from": "2026-09-15"}, "bolus 1"],
        }
    ),
]


def decoder(devices=HERD, sources=(COLLARS, HISTORY), **limits) -> Decoder:
    rows: dict[tuple[str, str], int] = {}
    return Decoder(
        sources,
        devices,
        Limits(**limits),
        timezone="Europe/Berlin",
        register=lambda series: rows.setdefault((series.device, series.metric), len(rows)),
    )


def at(text: str) -> int:
    return round((datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * SECOND


def read(made: Decoder, topic: str, received: str, body: dict) -> list[Reading]:
    return made.to_readings(made.decode([Raw(topic, json.dumps(body).encode(), at(received))]))


def test_a_collar_speaks_for_the_cow_that_wore_it_when_it_measured():
    made = decoder()
    before = "2026-09-14T23:59:00+02:00"
    after = "2026-09-15T00:00:00+02:00"
    (one,) = read(made, "c/north/c7", before, {"act": 1, "ts": before})
    (two,) = read(made, "c/north/c7", after, {"act": 2, "ts": after})
    (late,) = read(made, "c/north/c7", "2026-09-15T09:00:00+02:00", {"act": 3, "ts": before})
    assert [one.device, two.device, late.device] == ["berta", "alma", "berta"]
    assert (one.group, two.group) == ("dairy", "dry")
    assert two.labels == {"barn": "north", "pen": "3"}


def test_the_rows_of_one_message_may_belong_to_two_cows():
    made = decoder()
    rows = [{"act": 1, "ts": "2026-09-14T21:00:00Z"}, {"act": 2, "ts": "2026-09-15T06:00:00Z"}]
    found = read(made, "h/c7", "2026-09-15T06:00:01+00:00", {"rows": rows})
    assert [(reading.device, reading.value) for reading in found] == [("berta", 1.0), ("alma", 2.0)]


def test_a_collar_that_changed_cows_speaks_for_both_within_one_batch():
    made = decoder()
    times = [f"2026-09-14T21:{minute}:00Z" for minute in range(54, 60)]  # the day begins at 22:00 UTC
    times += [f"2026-09-14T22:0{minute}:00Z" for minute in range(6)]
    bodies = [json.dumps({"act": number, "ts": time}).encode() for number, time in enumerate(times)]
    arrival = at("2026-09-14T22:10:00+00:00")
    batch = [Raw("c/north/c7", body, arrival + number, backlog=True) for number, body in enumerate(bodies)]
    found = made.to_readings(made.decode(batch))
    assert [(one.device, one.value) for one in found] == [
        ("berta" if number < 6 else "alma", float(number)) for number in range(12)
    ]


TWO_IDS = [Device.model_validate({"id": "berta", "aliases": ["collar 7", "bolus 7"]})]
GATEWAY = Source.model_validate({"preset": "thingsboard"})


def test_two_ids_of_one_cow_in_one_message_are_one_cow_and_the_first_of_two_values_counts():
    made = decoder(TWO_IDS, (GATEWAY,))
    now = at("2026-09-20T06:00:00+00:00")
    for number in range(5):  # the first are read the general way, the others by a pattern
        then = (now + number * 60 * SECOND) // 1000
        collar = [{"ts": then, "values": {"activity": number, "temperature": 20}}]
        bolus = [{"ts": then, "values": {"rumination": 1, "temperature": 39}}]
        body = json.dumps({"collar 7": collar, "bolus 7": bolus}).encode()
        out = made.decode([Raw("v1/gateway/telemetry", body, now + number * 60 * SECOND)])
        found = [(one.device, one.metric, one.value) for one in made.to_readings(out)]
        assert found == [
            ("berta", "activity", number),
            ("berta", "temperature", 20),
            ("berta", "rumination", 1),
        ]
        assert [why.reason for _, _, why in out.rejected] == ["conflict"]
    assert made.written("v1/gateway/telemetry")


def test_without_a_time_of_its_own_a_reading_counts_as_of_its_arrival():
    (found,) = read(decoder(), "c/north/c7", "2026-09-20T06:00:00+00:00", {"act": 1})
    assert found.device == "alma"


def test_a_collar_in_the_drawer_is_a_device_of_its_own():
    herd = [
        Device.model_validate({"id": "berta", "aliases": [{"id": "c7", "from": "2026-03-01", "until": "2026-09-15"}]})
    ]
    (unlisted,) = read(decoder(herd), "c/north/c7", "2026-10-01T06:00:00+00:00", {"act": 1})
    assert (unlisted.device, unlisted.group) == ("c7", None)
    listed = [
        *herd,
        Device.model_validate({"id": "C7", "group": "spare"}),
        Device.model_validate({"id": "c7", "group": "x"}),
    ]
    (found,) = read(decoder(listed), "c/north/c7", "2026-10-01T06:00:00+00:00", {"act": 1})
    assert (found.device, found.group) == ("c7", "x")


def test_an_alias_without_dates_is_another_spelling_and_blanks_are_part_of_it():
    (found,) = read(decoder(), "c/north/bolus 1", "2026-01-01T06:00:00+00:00", {"act": 1})
    assert found.device == "alma"


def test_an_eui_is_one_device_however_it_is_written():
    herd = [Device.model_validate({"id": "berta", "aliases": ["24:E1:24:13:6B:50:23:45"]})]
    made = decoder(herd)
    spelled = ("24e124136b502345", "24-E1-24-13-6B-50-23-45", "24E124136B502345")
    for topic in spelled:
        (found,) = read(made, f"c/north/{topic}", "2026-01-01T06:00:00+00:00", {"act": 1})
        assert found.device == "berta"
    unlisted = decoder([])
    devices = {read(unlisted, f"c/n/{one}", "2026-01-01T06:00:00+00:00", {"act": 1})[0].device for one in spelled}
    assert devices == {"24e124136b502345"}  # as it was first spelled


@given(st.lists(st.sampled_from(["berta", "c7", "bolus 1", *(f"x{n}" for n in range(9))]), max_size=40))
def test_strangers_never_displace_listed_devices_and_are_capped(names):
    made = decoder(devices_per_source=3)
    strangers: list[str] = []
    for name in names:
        found = read(made, f"c/north/{name}", "2026-09-20T06:00:00+00:00", {"act": 1})
        if name.startswith("x"):
            if name not in strangers and len(strangers) < 3:
                strangers.append(name)
            assert [reading.device for reading in found] == ([name] if name in strangers else [])
        else:
            assert len(found) == 1


def test_after_a_restart_strangers_of_old_are_let_in_whatever_came_since():
    made = decoder(devices_per_source=2)
    made.know(["old", "berta"])
    now = "2026-09-20T06:00:00+00:00"
    for name in ("new-1", "new-2", "new-3"):
        read(made, f"c/north/{name}", now, {"act": 1})
    assert read(made, "c/north/new-3", now, {"act": 1}) == []
    assert [reading.device for reading in read(made, "c/north/old", now, {"act": 1})] == ["old"]


SILENT = {
    "name": "silent",
    "match": {"metric": "temperature"},
    "detect": {"kind": "absence", "after": "2h"},
    "severity": "warning",
}


def day_of(second: float) -> str:
    return datetime.fromtimestamp((START + second * SECOND) / SECOND, UTC).isoformat()


def test_nobody_waits_to_hear_of_a_cow_whose_collar_was_taken_off():
    taken = {"id": "berta", "aliases": [{"id": "c7", "until": day_of(3600)}]}
    kept = {"id": "alma", "aliases": [{"id": "c8", "from": day_of(-DAY / SECOND)}]}
    farm = Farm(SILENT, devices=(taken, kept))
    farm.say((0, "berta", 20.0), (1, "alma", 20.0))
    farm.tick(3 * 3600)
    assert [alert.device for alert in farm.book.alerts.values()] == ["alma"]


def test_a_listed_animal_that_gets_its_collar_later_is_expected_from_then_on():
    later = {"id": "berta", "aliases": [{"id": "c7", "from": day_of(30 * 3600)}]}
    farm = Farm(SILENT, devices=(later,))
    turn = Turn(farm.book, Undo())
    recovery.expect_listed(farm.book, turn, START)
    farm.tick(26 * 3600)
    assert not farm.book.alerts
    farm.tick(49 * 3600)
    assert [alert.why for alert in farm.book.alerts.values()] == ["never heard since it was listed a day ago"]
