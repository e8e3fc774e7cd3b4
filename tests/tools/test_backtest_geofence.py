"""A collar's latitude and longitude become one alert about where the animal is."""

from __future__ import annotations

import json
from pathlib import Path

from alertd.config.load import load
from alertd.tools.backtest import main

CONFIG = """
farm: {name: Hof, timezone: Europe/Berlin, language: en}
mqtt: {url: "mqtt://127.0.0.1"}
sources: [{preset: alertd}]
devices: [{id: cow-1, name: Berta}]
rules:
  - name: outside-pasture
    match: {metric: position}
    detect: {kind: geofence, inside: pasture.geojson, margin_m: 25}
    severity: critical
    repeat: 1h
subscribers: [{id: anna, channels: [{console: anna}], consent: 2026-11-01}]
"""
AREA = {"type": "Polygon", "coordinates": [[[10.0, 50.0], [10.01, 50.0], [10.01, 50.01], [10.0, 50.01], [10.0, 50.0]]]}


def written(folder: Path) -> Path:
    (folder / "pasture.geojson").write_text(json.dumps(AREA))
    (folder / "a.yaml").write_text(CONFIG)
    return folder / "a.yaml"


def test_two_fixes_outside_are_told_with_how_far_and_coming_home_too(tmp_path, capsys):
    lines = []
    for minute, longitude in ((0, 10.005), (15, 10.02), (30, 10.005), (45, 10.02), (60, 10.021), (75, 10.005)):
        for metric, value in (("latitude", 50.005), ("longitude", longitude)):
            time = f"2026-11-23T{minute // 60:02}:{minute % 60:02}:00Z"
            lines.append(json.dumps({"device": "cow-1", "metric": metric, "value": value, "unit": "deg", "time": time}))
    readings = tmp_path / "r.jsonl"
    readings.write_text("\n".join(lines))
    path = written(tmp_path)
    config = load(path).config
    assert config is not None
    assert main(config, path, [str(readings)], None, "jsonl") == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["event"], one["time"][11:16]) for one in found if one["event"] != "message"] == [
        ("firing", "01:00"),
        ("resolved", "01:15"),
    ]
    (fired,) = [one for one in found if one["event"] == "firing"]
    assert (fired["device"], fired["metric"], fired["unit"]) == ("cow-1", "position", "m")
    assert 780 < fired["value"] < 790
    texts = [one["text"] for one in found if one["event"] == "message"]
    assert "Berta" in texts[0]
    assert "not where it should be (786 m)" in texts[0]
    assert len(texts) == 2


def test_a_file_that_is_not_there_or_no_area_is_an_error_with_its_place(tmp_path):
    path = written(tmp_path)
    (tmp_path / "pasture.geojson").write_text("[]")
    (error,) = load(path).errors
    assert str(error).endswith(f"rules[0].detect.inside: {tmp_path}/pasture.geojson has no Polygon or MultiPolygon")
    (tmp_path / "pasture.geojson").unlink()
    (error,) = load(path).errors
    assert str(error).startswith(f"{path}:9:")
    assert str(error).endswith(f"there is no file {tmp_path}/pasture.geojson")
