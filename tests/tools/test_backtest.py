"""A backtest says what would have been told: the daemon's engine on recorded readings."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alertd.config.config import Config
from alertd.config.load import load
from alertd.model import MINUTE, SECOND, Batch, Quality, Series
from alertd.tools import backtest, backtest_replay
from alertd.tools.backtest_recorder import Recording
from alertd.tools.backtest_replay import Replay
from alertd.tools.backtest_variants import variants, variants_beside
from alertd.wording.times import rfc3339

START = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)
FARM = """
farm: {name: Hof, timezone: Europe/Berlin, language: en}
mqtt: {url: "mqtt://127.0.0.1:1883"}
sources: [{topic: "t/{device}", format: json, metrics: {door: {path: d, kind: state}, tank: {path: t, unit: degF}}}]
rules:
"""
PEOPLE = """
subscribers:
  - {id: anna, channels: [{console: anna}], consent: 2026-01-01}
  - {id: vet, channels: [{console: vet}], consent: 2026-01-01, subscriptions: []}
"""
FEVER = "  - {name: fever, match: {metric: body_temperature}, detect: {kind: threshold, above: 39.5, clear: 39.2, hold: 10m}, severity: critical}\n"
SILENT = "  - {name: silent, match: {metric: activity}, detect: {kind: absence, after: 2h}}\n"


def farm(folder: Path, rules: str = FEVER, more: str = "") -> Path:
    path = folder / "alertd.yaml"
    path.write_text(FARM + rules + PEOPLE + more, encoding="utf-8")
    return path


def ready(path: Path) -> Config:
    loaded = load(path)
    assert loaded.config is not None, loaded.errors
    return loaded.config


def at(minute: float) -> str:
    return (START + timedelta(minutes=minute)).isoformat().replace("+00:00", "Z")


def rows(readings: list[tuple[float, str, str, Any]]) -> str:
    return "time,device,metric,value\n" + "".join(f"{at(m)},{d},{k},{v}\n" for m, d, k, v in readings)


def told(folder: Path, recording: str, rules: str = FEVER, more: str = "", capsys=None) -> list[dict[str, Any]]:
    file = folder / "readings"
    file.write_text(recording, encoding="utf-8")
    path = farm(folder, rules, more)
    assert backtest.main(ready(path), path, [str(file)], None, "jsonl") == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def hot(start: int, end: int, device: str = "cow-1", last: int = 60) -> list[tuple[float, str, str, Any]]:
    return [(m, device, "body_temperature", 40.1 if start <= m < end else 38.6) for m in range(0, last, 5)]


def test_a_fever_fires_when_its_hold_is_over_is_told_and_resolves(tmp_path, capsys) -> None:
    lines = told(tmp_path, rows(hot(10, 40)), capsys=capsys)
    assert [(line["event"], line["time"]) for line in lines] == [
        ("firing", at(20)),
        ("message", at(20)),
        ("resolved", at(40)),
        ("message", at(40)),
    ]
    assert lines[0]["id"] == "A-1"
    assert (lines[0]["rule"], lines[0]["device"], lines[0]["metric"], lines[0]["state"]) == (
        *("fever", "cow-1", "body_temperature"),
        "firing",
    )
    assert (lines[0]["value"], lines[0]["unit"], lines[0]["started"]) == (40.1, "degC", at(10))
    assert {key: lines[1][key] for key in ("to", "messenger", "kind", "alerts")} == {
        "to": "anna",
        "messenger": "console",
        "kind": "firing",
        "alerts": ["A-1"],
    }
    assert lines[2]["resolved"] == at(40)
    assert lines[3]["kind"] == "resolve"


def test_the_same_readings_give_the_same_output_byte_for_byte(tmp_path, capsys) -> None:
    recording = rows([*hot(10, 40), *hot(15, 50, "cow-2"), *hot(20, 55, "cow-3")])
    first = told(tmp_path, recording, capsys=capsys)
    assert told(tmp_path, recording, capsys=capsys) == first


def test_a_backlog_that_ends_an_alert_before_it_arrived_resolves_it_as_of_then(tmp_path, capsys) -> None:
    """`clear_after` runs in the readings' time, so its timer is over when the reading comes that starts it."""
    rule = FEVER.replace("hold: 10m", "hold: 10m, clear_after: 1h")
    at_once = [(m, 40.1, m) for m in range(10, 60, 5)]
    backlog = [(m, 38.6, 400 + m / 100) for m in range(60, 300, 5)]
    lines = [
        {"time": at(m), "received": at(r), "device": "cow-1", "metric": "body_temperature", "value": v}
        for m, v, r in at_once + backlog
    ]
    found = told(tmp_path, "\n".join(json.dumps(line) for line in lines), rule, capsys=capsys)
    assert [(line["event"], line["time"]) for line in found if line["event"] != "message"] == [
        ("firing", at(20)),
        ("resolved", at(120)),
    ]


def test_json_lines_are_fed_in_the_order_of_their_arrival(tmp_path, capsys) -> None:
    lines = [
        {"time": at(m), "received": at(m), "device": "cow-1", "metric": "body_temperature", "value": v, "unit": "degC"}
        for m, v in [(40, 38.6), (10, 40.1), (20, 40.2), (30, 40.3)]
    ]
    found = told(tmp_path, "\n".join(json.dumps(line) for line in lines), capsys=capsys)
    assert [(line["event"], line["time"]) for line in found if line["event"] != "message"] == [
        ("firing", at(20)),
        ("resolved", at(40)),
    ]


def test_a_backlog_is_judged_by_how_it_ends(tmp_path, capsys) -> None:
    lines = [
        {"time": at(m), "received": at(120), "device": "cow-1", "metric": "body_temperature", "value": v}
        for m, v in [(10, 40.1), (20, 40.1), (30, 40.1), (60, 38.6)]
    ]
    assert told(tmp_path, "\n".join(json.dumps(line) for line in lines), capsys=capsys) == []


def test_group_and_labels_of_json_lines_and_further_columns_of_csv_can_be_matched(tmp_path, capsys) -> None:
    rule = "  - {name: hot, match: {metric: x, group: dairy, barn: north}, detect: {kind: threshold, above: 1}}\n"
    lines = [{"time": at(0), "device": d, "metric": "x", "value": 2, "group": g, "labels": {"barn": b}}
             for d, g, b in [("a", "dairy", "north"), ("b", "dairy", "south"), ("c", "young", "north")]]  # fmt: skip
    found = told(tmp_path, "\n".join(json.dumps(line) for line in lines), rule, capsys=capsys)
    assert [(line["device"], line["group"]) for line in found if line["event"] == "firing"] == [("a", "dairy")]
    flat = [line | line.pop("labels") for line in lines]
    found = told(tmp_path, "\n".join(json.dumps(line) for line in flat), rule, capsys=capsys)
    assert [line["device"] for line in found if line["event"] == "firing"] == ["a"], (
        "labels beside the reading's own keys"
    )
    text = f"time,device,metric,value,group,barn\n{at(0)},a,x,2,dairy,north\n{at(0)},b,x,2,dairy,south\n"
    found = told(tmp_path, text, rule, capsys=capsys)
    assert [line["device"] for line in found if line["event"] == "firing"] == ["a"]


def test_a_line_that_is_no_reading_is_named_and_costs_nothing_else(tmp_path, capsys) -> None:
    path = farm(tmp_path)
    good = rows(hot(10, 40)).splitlines()
    file = tmp_path / "readings.csv"
    bad = [
        f"{at(1)},cow-1",
        "yesterday,cow-1,body_temperature,38",
        f"{at(1)},cow-1,body_temperature,NaN",
        f"{at(1)},cow-1,body_temperature,327.67",
        f'{at(1)},"cow-1,body_temperature,38',
        f"{at(1)},,body_temperature,38",
    ]
    file.write_text("\n".join([*good[:3], *bad, *good[3:]]) + "\n", encoding="utf-8")
    assert backtest.main(ready(path), path, [str(file)], None, "jsonl") == 0
    caught = capsys.readouterr()
    assert caught.out.count('"firing"') >= 1
    complaints = caught.err.splitlines()
    assert [line.split(": ")[0] for line in complaints] == [f"{file}:{n}" for n in range(4, 10)]
    assert "columns" in complaints[0]
    assert "not a time" in complaints[1]
    assert "not a measurement" in complaints[2]


def test_json_lines_may_be_bad_too(tmp_path, capsys) -> None:
    path = farm(tmp_path)
    file = tmp_path / "readings.jsonl"
    good = json.dumps({"time": at(0), "device": "cow-1", "metric": "body_temperature", "value": 40})
    file.write_text(f'{good}\n{{"time": 1\n\n{good.replace("40", "[]")}\n{good.replace(at(0), at(11))}\n')
    assert backtest.main(ready(path), path, [str(file)], None, "jsonl") == 0
    caught = capsys.readouterr()
    assert [line.split(": ")[0] for line in caught.err.splitlines()] == [f"{file}:2", f"{file}:4"]
    assert '"event":"firing"' in caught.out


@pytest.mark.parametrize(
    ("text", "code", "why"),
    [
        (None, 2, "No such file"),
        ("when,who,what,how\n1,2,3,4\n", 2, "missing time, device, metric, value"),
        ("time,device,metric,value\nx,y,z,1\n", 1, "no line was a reading"),
        ("", 0, ""),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error_that_says_why(tmp_path, capsys, text, code, why) -> None:
    path = farm(tmp_path)
    file = tmp_path / "readings.csv"
    if text is not None:
        file.write_text(text)
    assert backtest.main(ready(path), path, [str(file)], None, "jsonl") == code
    assert why in capsys.readouterr().err


def test_silence_counts_within_the_recording_and_not_behind_its_end(tmp_path, capsys) -> None:
    listed = "devices: [{id: cow-1}, {id: cow-2}]\n"
    cow = [(m, "cow-1", "activity", 5) for m in [*range(0, 60, 5), *range(300, 360, 5)]]
    found = told(tmp_path, rows(cow), SILENT, listed, capsys=capsys)
    alerts = [(line["event"], line["time"]) for line in found if line["event"] != "message"]
    assert alerts == [("firing", at(55 + 120)), ("resolved", at(300))]


def test_the_clock_runs_on_until_its_timers_have_ended_but_no_longer_than_a_day(tmp_path, capsys) -> None:
    rule = FEVER.replace("severity: critical", "severity: critical, repeat: 10h, escalate: [{after: 15m, to: vet}]")
    found = told(tmp_path, rows(hot(10, 60)), rule, capsys=capsys)
    messages = [(line["kind"], line["to"], line["time"]) for line in found if line["event"] == "message"]
    assert messages == [
        ("firing", "anna", at(20)),
        ("escalate", "vet", at(35)),
        ("repeat", "anna", at(20 + 600)),
        ("repeat", "vet", at(20 + 600)),
        ("repeat", "anna", at(20 + 1200)),
        ("repeat", "vet", at(20 + 1200)),
    ]


def test_what_config_says_of_a_metric_holds_for_its_recording(tmp_path, capsys) -> None:
    rules = (
        "  - {name: open, match: {metric: door}, detect: {kind: state, equals: 1, hold: 2h}}\n"
        "  - {name: warm, match: {metric: tank}, detect: {kind: threshold, above: 6}}\n"
    )
    text = rows([(0, "barn", "door", 1), (1, "barn", "tank", 7)])
    found = told(tmp_path, text, rules, capsys=capsys)
    alerts = {line["rule"]: line for line in found if line["event"] == "firing"}
    assert alerts["open"]["time"] == at(120)  # a state keeps its value: its hold ends on the clock
    assert alerts["warm"]["unit"] == "degC"


def test_a_recording_from_before_2020_is_as_good_as_any(tmp_path, capsys) -> None:
    old = [f"2019-02-01T00:{m:02}:00Z,cow-1,body_temperature,40.1" for m in range(0, 30, 5)]
    found = told(tmp_path, "time,device,metric,value\n" + "\n".join(old), capsys=capsys)
    assert found[0]["time"] == "2019-02-01T00:10:00Z"


@pytest.mark.parametrize("years", [-50, -3, 3, 100])
def test_a_reading_of_another_age_is_left_out_and_named(tmp_path, capsys, years) -> None:
    """A clock that is a century ahead would have the digests of a century replayed."""
    digest = PEOPLE.replace(
        "consent: 2026-01-01}\n  - {id: vet", 'consent: 2026-01-01, digest: "06:00"}\n  - {id: vet', 1
    )
    path = tmp_path / "alertd.yaml"
    path.write_text(FARM + FEVER + SILENT + digest, encoding="utf-8")
    recording = rows([*hot(10, 200, last=400), (0, "cow-2", "activity", 5), (1, "cow-2", "activity", 5)])
    (tmp_path / "right").write_text(recording, encoding="utf-8")
    moment = START.replace(year=START.year + years).isoformat().replace("+00:00", "Z")
    (tmp_path / "wrong").write_text(f"{recording}{moment},cow-1,body_temperature,40.1\n", encoding="utf-8")
    outputs = []
    for name in ("right", "wrong"):
        assert backtest.main(ready(path), path, [str(tmp_path / name)], None, "jsonl") == 0
        outputs.append(capsys.readouterr())
    assert outputs[1].out == outputs[0].out
    assert outputs[0].err == ""
    assert f"more than a year from all others: 1 reading, {moment}" in outputs[1].err


def test_two_seasons_in_one_recording_are_both_judged(tmp_path, capsys) -> None:
    second = [(minute + 500 * 24 * 60, *rest) for minute, *rest in hot(10, 40)]
    lines = told(tmp_path, rows([*hot(10, 40), *second]), capsys=capsys)
    assert [line["time"] for line in lines if line["event"] == "firing"] == [at(20), at(500 * 24 * 60 + 20)]


def test_the_table_is_for_people_and_ends_in_readings_per_second(tmp_path, capsys) -> None:
    path = farm(tmp_path)
    file = tmp_path / "readings.csv"
    file.write_text(rows(hot(10, 40)))
    assert backtest.main(ready(path), path, [str(file)], None, "table") == 0
    caught = capsys.readouterr()
    assert caught.err == ""
    lines = caught.out.splitlines()
    assert lines[-1].endswith("readings per second")
    rule = next(line for line in lines if line.startswith("fever"))
    assert rule.split()[:6] == ["fever", "critical", "above", "39.5", "1", "2"]
    anna = next(line for line in lines if line.startswith("anna"))
    assert anna.split()[1] == "2"


def test_a_limit_that_is_moved_raises_more_or_fewer_alerts(tmp_path) -> None:
    rule = "  - {name: busy, match: {metric: x}, detect: {kind: threshold, above: 10, clear: 9}}\n"
    config = ready(farm(tmp_path, rule))
    values = [1, 9.5, 1, 10.5, 1, 12, 1]
    moved = variants(config, made([(30 * m, "a", "x", v) for m, v in enumerate(values)]), lambda _done: None)
    assert [(one.limit, one.alerts) for one in moved["busy"]] == [("above 9", 3), ("above 11", 1)]


def test_other_limits_are_tried_on_another_processor_with_the_same_outcome(tmp_path) -> None:
    config, recording = ready(farm(tmp_path)), made([(m, "a", "body_temperature", 38 + m % 40 / 20) for m in range(90)])
    steps: list[int] = []
    with (
        variants_beside(config, recording, steps.append) as here,
        variants_beside(config, recording, steps.clear, least=1) as there,
    ):
        assert there() == here() == variants(config, recording, lambda _done: None)
    assert steps


def test_nothing_goes_on_beside_when_it_is_interrupted_and_what_dies_there_is_done_here(tmp_path) -> None:
    config, recording = ready(farm(tmp_path)), made([(m, "a", "body_temperature", 38 + m % 40 / 20) for m in range(90)])
    with pytest.raises(KeyboardInterrupt), variants_beside(config, recording, lambda _done: None, least=1):
        raise KeyboardInterrupt
    assert active_children() == []
    with variants_beside(config, recording, lambda _done: None, least=1) as there:
        for child in active_children():
            child.kill()
            child.join()
        assert there() == variants(config, recording, lambda _done: None)


def test_rules_that_no_reading_fits_are_named(tmp_path, capsys) -> None:
    damp = "  - {name: damp, match: {metric: humdity}, detect: {kind: threshold, above: 90}}\n"
    path, file = farm(tmp_path, FEVER + damp), tmp_path / "readings.csv"
    file.write_text(rows(hot(10, 40)))
    assert backtest.main(ready(path), path, [str(file)], None, "table") == 0
    assert "\nNo reading fits these rules: damp\n" in capsys.readouterr().out


def test_progress_is_shown_on_a_terminal_and_not_in_a_pipe(tmp_path) -> None:
    path, file = farm(tmp_path), tmp_path / "readings.csv"
    file.write_text(rows(hot(10, 40)))
    command = [sys.executable, "-m", "alertd", "backtest", "-c", str(path), str(file)]
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "wb") as terminal:
        shown = subprocess.run(command, stdout=subprocess.PIPE, stderr=terminal, check=True)
    seen = os.read(ours, 65_536).decode()
    os.close(ours)
    assert re.search(r"12 readings read\r.*trying other limits\r", seen.replace("\x1b[K", ""))
    assert seen.endswith("\r\x1b[K")  # the line is gone when the table stands there
    piped = subprocess.run(command, capture_output=True, check=True)
    assert piped.stderr == b""
    assert piped.stdout.splitlines()[:-1] == shown.stdout.splitlines()[:-1]


def test_the_table_says_how_long_a_rule_warms_up_and_how_many_series_it_does_not_judge_yet(tmp_path, capsys) -> None:
    odd = "  - {name: odd, match: {metric: body_temperature}, detect: {kind: robust_zscore, window: 24h, above: 5}}\n"
    path, file = farm(tmp_path, FEVER + odd), tmp_path / "readings.csv"
    file.write_text(rows([*hot(10, 40, last=100), *hot(10, 40, "cow-2", last=15)]))
    assert backtest.main(ready(path), path, [str(file)], None, "table") == 0
    lines = capsys.readouterr().out.splitlines()
    head = lines[2]
    cells = {line.split()[0]: line[head.index("series") :].split() for line in lines[4:6]}
    assert cells == {"fever": ["2"], "odd": ["2", "1h", "1"]}


def test_a_daily_digest_is_counted_for_who_gets_it(tmp_path, capsys) -> None:
    minor = "  - {name: warm, match: {metric: x}, detect: {kind: threshold, above: 10}, severity: info}\n"
    path, file = farm(tmp_path, minor), tmp_path / "readings.csv"
    path.write_text(path.read_text().replace("consent: 2026-01-01", "consent: 2026-01-01, budget: {per_day: 1}", 1))
    file.write_text(rows([(30 * n, "abc"[n % 3], "x", 11.0 if 6 <= n < 15 else 9.0) for n in range(150)]))
    assert backtest.main(ready(path), path, [str(file)], None, "table") == 0
    lines = capsys.readouterr().out.splitlines()
    assert next(line for line in lines if line.startswith("person")).endswith("digests")
    assert next(line for line in lines if line.startswith("anna")).split()[-1] == "1"


# --- cut wherever: a step may be long only because nothing happens within it ------------------


def made(readings: list[tuple[float, str, str, float]]) -> Recording:
    """A recording without files."""
    names = sorted({(device, metric) for _, device, metric, _ in readings})
    times = np.array([START.timestamp() * SECOND + minute * MINUTE for minute, *_ in readings], np.int64)
    rows = np.array([names.index((device, metric)) for _, device, metric, _ in readings], np.int32)
    values = np.array([value for *_, value in readings], np.float64)
    order = np.argsort(times, kind="stable")
    batch = Batch(rows, times, times, values, np.full(len(times), Quality.LIVE, np.int8)).take(order)
    return Recording([Series(device, metric) for device, metric in names], batch)


STORY_RULES = """
  - {name: high, match: {metric: x}, detect: {kind: threshold, above: 8, clear: 6, hold: 3m, clear_after: 2m}, severity: critical, repeat: 7m, group_by: [device], escalate: [{after: 4m, to: vet}]}
  - {name: low, match: {metric: x}, detect: {kind: threshold, below: 2}, group_by: [rule]}
  - {name: silent, match: {metric: x}, detect: {kind: absence, after: 20m}, group_wait: 1m}
  - {name: slow, match: {metric: x}, detect: {kind: absence, after: {intervals: 3}}, severity: info}
  - {name: tried, match: {metric: x}, detect: {kind: threshold, above: 1, clear: 0, hold: 3m}, mode: shadow}
  - {name: odd, match: {metric: x}, detect: {kind: robust_zscore, window: 3h, above: 2, min_samples: 4}, severity: info}
  - {name: many, match: {metric: x}, detect: {kind: fraction, of: high, by: group, above: 0.4, window: 10m}, severity: critical}
"""


@pytest.fixture(scope="module")
def story_farm(tmp_path_factory) -> Config:
    return ready(
        farm(tmp_path_factory.mktemp("story"), STORY_RULES, "devices: [{id: a, group: g}, {id: b, group: g}]\n")
    )


@example(
    readings=[(minute, "b", "x", value) for minute, value in ((0, 9.0), (60, 6.0), (182, 3.0), (223, 9.0), (256, 4.0))]
    + [(177, "a", "x", 2.0), (248, "a", "x", 10.0)]
    + [(minute, "c", "x", value) for minute, value in ((65, 8.0), (94, 3.0), (247, 2.0), (307, 9.0))],
    size=9,
)
@example(readings=[(0, "a", "x", 0.0), (21, "a", "x", 0.0), (21, "b", "x", 0.0)], size=1)
@settings(max_examples=12, deadline=None)
@given(
    readings=st.lists(
        st.tuples(st.integers(0, 400), st.sampled_from("abc"), st.just("x"), st.integers(0, 10).map(float)),
        min_size=1,
        max_size=80,
    ),
    size=st.integers(1, 30),
)
def test_long_steps_tell_exactly_what_steps_of_one_reading_tell(story_farm, readings, size) -> None:
    whole = seen(story_farm, readings, backtest_replay.MOST)
    assert seen(story_farm, readings, 1) == whole
    assert seen(story_farm, readings, size) == whole
    assert [one[0] for one in whole] == sorted(one[0] for one in whole)


def seen(config: Config, readings: list[tuple[float, str, str, float]], size: int) -> list[tuple[Any, ...]]:
    replay = Replay(config, made(readings), most=size)
    return [
        (rfc3339(one.at), one.event, one.alert)
        if one.alert
        else (rfc3339(one.at), one.event, one.message.id, one.message.text)
        for one in replay.run()
    ]
