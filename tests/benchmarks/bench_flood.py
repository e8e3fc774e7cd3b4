"""Ten thousand alerts at once over ten groups: messages a subscriber, their sizes, CPU to the first and the last.

    python tests/benchmarks/bench_flood.py [ALERTS]

The engine alone, without broker and store; seconds of CPU. Twice as many alerts must not take four times as
long: the last column is the time an alert takes, which should stay about the same.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from farm import ANNA, BOB, Farm, hot

from alertd.model import Kind, Message

GROUPS = 10
VET = {"id": "vet", "name": "Vet", "channels": [{"console": "vet"}], "consent": "2026-01-01", "subscriptions": []}


def flood(count: int, severity: str) -> None:
    """Fire, escalate, remind and resolve them all, and say what that came to."""
    devices = tuple({"id": f"cow-{n}", "group": f"group-{n % GROUPS}"} for n in range(count))
    rule = hot(severity=severity, repeat="1h", escalate=[{"after": "20m", "to": "vet"}])
    farm = Farm(rule, people=(ANNA, BOB, VET), devices=devices)
    rows = [(0.5, f"cow-{n}", 40.0) for n in range(count)]
    batch, over = farm.batch(rows), [(4000, device, 20.0) for _, device, _ in rows]
    began = time.process_time()
    told = farm.step(1, batch)
    first = time.process_time() - began
    told += farm.tick(11)
    fired = time.process_time() - began
    show(f"{count} {severity}: fired", told, fired, count)
    say(f"  first step {first:.2f} s, {sum(len(one.alerts) for one in told)} alerts named, none lost")
    for what, second in (("escalated", 1201), ("reminded", 3601)):
        began = time.process_time()
        show(f"  {what}", farm.tick(second), time.process_time() - began, count)
    batch = farm.batch(over)
    began = time.process_time()
    told = farm.step(4001, batch)
    told += farm.tick(4400)
    show("  resolved", told, time.process_time() - began, count)


def show(title: str, told: list[Message], seconds: float, count: int) -> None:
    """Print messages a person by kind, the longest text, and the time."""
    people = Counter((one.subscriber, Kind(one.kind).value) for one in told)
    each = ", ".join(f"{who} {number} {kind}" for (who, kind), number in sorted(people.items()))
    longest = max((len(one.text) for one in told), default=0)
    say(f"{title}: {each}; longest {longest} characters; {seconds:.2f} s, {seconds / count * 1e6:.0f} µs an alert")


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    for size in (most // 2, most):
        for how_bad in ("critical", "warning"):
            flood(size, how_bad)
