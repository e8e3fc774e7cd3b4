# ruff: noqa: T201 (a benchmark prints)
"""What `alertd backtest` costs as a command: CPU beside only reading the same file, in the same run.

    python tests/benchmarks/bench_backtest.py [READINGS] [--adaptive | --catalogue]

A herd of 200 and its gateway: temperature and activity every five minutes, an outage and a fever
now and then. The four rules of the contract's example (threshold, robust_zscore, absence, state),
with `--adaptive` one of that kind instead of the state (it is news every 300 readings), with
`--catalogue` those of config/rules/dairy.yaml: then the herd is listed as cattle in four groups and
tells minutes of rumination, too. The bare baseline is a Python process that reads the file with
csv or json and converts value and time, nothing else.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import numpy as np

RULES = """
rules:
  - {name: fever, match: {metric: body_temperature}, detect: {kind: threshold, above: 39.5, clear: 39.2, hold: 30m}, severity: critical}
  - {name: restless, match: {metric: activity}, detect: {kind: robust_zscore, window: 24h, above: 6, hold: 10m}}
  - {name: silent, match: {metric: activity}, detect: {kind: absence, after: 2h}, group_by: [group]}
"""
OFFLINE = """  - {name: offline, match: {metric: online}, detect: {kind: state, equals: 0, hold: 5m}, severity: critical}
"""
UNUSUAL = """  - {name: unusual, match: {metric: body_temperature}, detect: {kind: adaptive}, severity: info}
"""
FARM = """
farm: {name: Bench, timezone: Europe/Berlin, language: en}
mqtt: {url: "mqtt://127.0.0.1:1883"}
sources: [{topic: "t/{device}/{metric}", format: number}]
subscribers:
  - {id: anna, channels: [{console: anna}], consent: 2026-01-01, subscriptions: [{min_severity: info}]}
"""
START = datetime(2026, 11, 2, tzinfo=UTC)
COWS = 200
LISTED = "devices:\n" + "".join(
    f"  - {{id: cow-{cow:03}, species: cattle, group: g{cow % 4}}}\n" for cow in range(COWS)
)
BARE_CSV = """
import csv, sys
from datetime import datetime
total = 0.0
with open(sys.argv[1], newline="") as file:
    for row in csv.DictReader(file):
        datetime.fromisoformat(row["time"]); total += float(row["value"])
"""
BARE_JSONL = """
import json, sys
from datetime import datetime
total = 0.0
with open(sys.argv[1]) as file:
    for line in file:
        row = json.loads(line); datetime.fromisoformat(row["time"]); total += row["value"]
"""


def record(folder: Path, readings: int, *, ruminating: bool) -> tuple[Path, Path]:
    """Write the same recording as CSV and as JSON lines."""
    rng = np.random.default_rng(7)
    per_step = (3 if ruminating else 2) * COWS
    table, lines = folder / "readings.csv", folder / "readings.jsonl"
    sick = {cow: rng.integers(0, max(2, readings // per_step)) for cow in range(0, COWS, 20)}
    with table.open("w") as csv, lines.open("w") as jsonl:
        csv.write("time,device,metric,value\n")
        for step in range(readings // per_step):
            down = step % 1000 < 3
            at = f"{START + timedelta(minutes=5 * step):%Y-%m-%dT%H:%M:%SZ}"
            csv.write(f"{at},gw-1,online,{1 - down}\n")
            jsonl.write(f'{{"device":"gw-1","metric":"online","value":{1 - down},"time":"{at}"}}\n')
            warm, busy = 38.6 + rng.normal(0, 0.12, COWS), rng.gamma(4, 20, COWS)
            chews = rng.uniform(0, 3.2, COWS) if ruminating else None
            hour = (step / 12) % 24
            for cow in range(COWS):
                if cow % 50 == step // 288 % 50 and 10 < hour < 13:
                    continue  # this collar says nothing at noon
                ill = cow in sick and 0 <= step - sick[cow] < 144
                at = f"{START + timedelta(minutes=5 * step, seconds=cow):%Y-%m-%dT%H:%M:%SZ}"
                told = [
                    ("body_temperature", warm[cow] + 1.4 * ill),
                    ("activity", busy[cow] * (1.5 if 6 < hour < 20 else 0.6)),
                ]
                if chews is not None:
                    told.append(("rumination_minutes", chews[cow] * (0.4 if ill else 1)))
                for metric, value in told:
                    csv.write(f"{at},cow-{cow:03},{metric},{value:.2f}\n")
                    jsonl.write(
                        f'{{"device":"cow-{cow:03}","metric":"{metric}","value":{value:.2f},"time":"{at}","group":"g{cow % 4}"}}\n'
                    )
    return table, lines


def spent(command: list[str]) -> tuple[float, str]:
    """Return the seconds of CPU of a child, and what it said last."""
    before = getrusage(RUSAGE_CHILDREN)
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, said.rpartition("\n")[2]


def main() -> None:
    """Print one line per way."""
    given = [one for one in sys.argv[1:] if not one.startswith("--")]
    readings = int(given[0]) if given else 1_000_000
    spent([sys.executable, "-m", "alertd", "backtest", "--help"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = folder / "alertd.yaml"
        rules = RULES + (UNUSUAL if "--adaptive" in sys.argv else OFFLINE)
        catalogue = "--catalogue" in sys.argv
        if catalogue:
            rules = LISTED + f"include: [{Path(__file__).parents[2] / 'config/rules/dairy.yaml'}]\n"
        config.write_text(FARM + rules)
        table, lines = record(folder, readings, ruminating=catalogue)
        for file, bare in ((table, BARE_CSV), (lines, BARE_JSONL)):
            alone, _ = spent([sys.executable, "-c", bare, str(file)])
            print(f"{file.suffix[1:]:5} only read          {alone:6.2f} s CPU for {readings:,} readings")
            for form in ("jsonl", "table"):
                run = [sys.executable, "-m", "alertd", "backtest", "-c", str(config), str(file), "--format", form]
                cost, last = spent(run)
                note = last if form == "table" else ""
                print(
                    f"{file.suffix[1:]:5} backtest, {form:5}    {cost:6.2f} s CPU, {cost / alone:4.1f} of reading  {note}"
                )
                sys.stdout.flush()


if __name__ == "__main__":
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed alertd is compiled
    main()
