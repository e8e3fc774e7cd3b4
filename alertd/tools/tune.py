"""`alertd tune`: per rule what it told, what people thought of it, and what other limits would have told.

Alerts and the answers to them come from the store (as they happened), the other limits from the kept
readings, replayed (`backtest_variants`). Nothing is changed: whoever reads it moves the limit.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Final

from alertd.model import DAY, Alert
from alertd.store.rows import read_alert
from alertd.store.settings import store_path
from alertd.tools.backtest_journal import kept_readings
from alertd.tools.backtest_read import NoJournalError
from alertd.tools.backtest_variants import show_limits, variants
from alertd.wording.summary import MANY_FALSE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from alertd.config.config import Config
    from alertd.model import Micros
    from alertd.tools.backtest_variants import Moved

REASONS: Final = {"limit": "wrong limit", "moved": "moved on purpose", "sensor": "sensor fault"}
"""What people answer when asked why an alarm was false (`conversation.reasons`)."""


def main(config: Config, path: Path, environ: Mapping[str, str], last: Micros, rule: str | None) -> int:
    """Print the table; return 0, 1 if the store cannot be read, 2 for a rule that does not exist."""
    names = [one.name for one in config.rules if one.enabled]
    if rule is not None and rule not in names:
        there = ", ".join(sorted(names)) or "none"
        print(f"alertd tune: there is no rule {rule} (there are: {there})", file=sys.stderr)
        return 2
    try:
        alerts = kept_alerts(store_path(config.store, environ, path), time.time_ns() // 1000 - last)
    except sqlite3.Error as error:
        print(f"alertd tune: the store cannot be read: {error} (run it as the daemon's user)", file=sys.stderr)
        return 1
    moved: dict[str, list[Moved]] = {}
    note = ""
    try:
        recording = kept_readings(config, path, last, lambda _line, _why: None)
        moved = variants(config, recording, lambda _done: None)
    except NoJournalError as error:
        note = f"no kept readings to replay: {error}"
    print(f"the last {last // DAY} days\n")
    for line in table(config, alerts, moved, rule):
        print(line)
    if note:
        print(f"\n{note}", file=sys.stderr)
    return 0


def kept_alerts(store: Path, since: Micros) -> list[Alert]:
    """Return the alerts that started since then, as the store holds them.

    Raises:
        sqlite3.Error: it is not there, or may not be read.
    """
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT body FROM alerts WHERE started >= ? ORDER BY number", (since,))
        return [read_alert(body) for (body,) in rows]


def table(config: Config, alerts: Iterable[Alert], moved: Mapping[str, list[Moved]], rule: str | None) -> Iterator[str]:
    """Yield the lines: a rule with its counts, then what its limits a tenth lower and higher would have raised."""
    by_rule: dict[str, list[Alert]] = {}
    for alert in alerts:
        by_rule.setdefault(alert.rule, []).append(alert)
    for one in config.rules:
        if not one.enabled or rule not in (None, one.name):
            continue
        own = by_rule.get(one.name, [])
        false = [alert for alert in own if alert.false_alarm_by is not None]
        why = Counter(REASONS.get(alert.false_reason, "no reason given") for alert in false)
        judged = f", {len(false)} judged false ({len(false) / len(own):.0%})" if own else ""
        reasons = f": {', '.join(f'{count} {reason}' for reason, count in why.most_common())}" if why else ""
        shadow = " (shadow)" if one.mode == "shadow" else ""
        yield f"{one.name}{shadow}: {_alerts(len(own))}{judged}{reasons}"
        limits = show_limits(one.detect)
        for other in moved.get(one.name, ()):
            yield f"    {other.limit} instead of {limits}: {_alerts(other.alerts)}"
        if own and len(false) / len(own) >= MANY_FALSE and why.most_common(1)[0][0] == REASONS["limit"]:
            yield "    people say the limit is wrong: try the one that raises fewer"


def _alerts(count: int) -> str:
    return "1 alert" if count == 1 else f"{count} alerts"
