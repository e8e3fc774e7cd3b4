"""What a backtest says to people: alerts and messages by rule, person and day."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from alertd.desk.rows import rule as rule_row
from alertd.model import DAY, Kind
from alertd.settings import show_duration
from alertd.tools.backtest_variants import show_limits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alertd.alerting.book import Book
    from alertd.audience.settings import Subscriber
    from alertd.config.config import Config
    from alertd.model import Micros
    from alertd.tools.backtest_recorder import Recording
    from alertd.tools.backtest_replay import Happened
    from alertd.tools.backtest_variants import Moved

NIGHT: Final = (time(22), time(6))
"""Whose quiet hours are not set sleeps from ten to six."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Report:
    """Counts what happens, then writes it as tables."""

    def __init__(self, config: Config, recording: Recording) -> None:
        self._config = config
        self._zone = ZoneInfo(config.farm.timezone)
        batch = recording.batch
        self._readings = len(batch)
        self._series = len(recording.series)
        self._bad = recording.bad
        self._span = (int(batch.received[0]), int(batch.received[-1])) if len(batch) else (0, 0)
        self._people = {person.id: person for person in config.subscribers}
        self._rule_of: dict[str, str] = {}
        self._alerts_by_rule: Counter[str] = Counter()
        self._alerts_by_day: Counter[str] = Counter()
        self._messages_by_rule: Counter[str] = Counter()
        self._messages_by_day: Counter[tuple[str, str]] = Counter()
        self._told: defaultdict[str, list[Micros]] = defaultdict(list)
        self._digests: Counter[str] = Counter()

    def take(self, happened: Happened) -> None:
        """Count one thing that happened."""
        day = f"{self._local(happened.at):%Y-%m-%d}"
        if happened.alert is not None:
            alert = happened.alert
            self._rule_of[f"A-{alert.number}"] = alert.rule
            if happened.opened is not None:
                self._alerts_by_rule[alert.rule] += 1
                self._alerts_by_day[day] += 1
        elif happened.message is not None:
            message = happened.message
            for rule in {self._rule_of[number] for number in message.alerts if number in self._rule_of}:
                self._messages_by_rule[rule] += 1
            self._messages_by_day[day, message.subscriber] += 1
            self._told[message.subscriber].append(happened.at)
            self._digests[message.subscriber] += message.kind is Kind.DIGEST

    def text(self, moved: Mapping[str, Sequence[Moved]], book: Book, seconds: float) -> str:
        """Return everything as text of lines; `book` is how it ended, `seconds` is how long it took."""
        parts = [self._head(), self._by_rule(moved, book), self._by_person(), self._by_day(), self._foot(seconds)]
        return "\n\n".join(part for part in parts if part) + "\n"

    def _head(self) -> str:
        start, end = (f"{self._local(at):%Y-%m-%d %H:%M}" for at in self._span)
        bad = f", {self._bad} bad line{'s' if self._bad > 1 else ''} left out" if self._bad else ""
        if not self._readings:
            return f"No readings{bad}."
        lasted = _span(self._span[1] - self._span[0])
        return f"{self._readings:,} readings of {self._series:,} series, {start} to {end} ({lasted}){bad}"

    def _by_rule(self, moved: Mapping[str, Sequence[Moved]], book: Book) -> str:
        head = (
            "rule",
            "severity",
            "limit",
            "alerts",
            "messages",
            "limit 10 % lower",
            "alerts",
            "10 % higher",
            "alerts",
            "series",
            "warm-up",
            "still warming up",
        )
        warmth = {known.name: rule_row(book, number) for number, known in enumerate(book.rules)}
        lines, unfit = [], []
        for rule in self._config.rules:
            if rule.enabled:
                name = rule.name if rule.mode == "live" else f"{rule.name} (shadow)"
                facts = [name, rule.severity.value, show_limits(rule.detect)]
                facts += [str(self._alerts_by_rule[rule.name]), str(self._messages_by_rule[rule.name])]
                for one in moved.get(rule.name, ()):
                    facts += [one.limit, str(one.alerts)]
                facts += [""] * (head.index("series") - len(facts))
                known = warmth[rule.name]
                wait = "never" if known["warmup"] is None else "" if known["warmup"] == "0s" else known["warmup"]
                lines.append([*facts, str(known["series"]), wait, str(known["warming"] or "")])
                if self._readings and not known["series"] and not self._alerts_by_rule[rule.name]:
                    unfit.append(rule.name)
        return _table(head, lines) + ("\nNo reading fits these rules: " + ", ".join(unfit) if unfit else "")

    def _by_person(self) -> str:
        head = ("person", "messages", "a day", "busiest day", "at night", "longest silence", "digests")
        days = max(1.0, (self._span[1] - self._span[0]) / DAY)
        lines = []
        for name, person in self._people.items():
            told = self._told.get(name, [])
            by_day = {day: count for (day, who), count in self._messages_by_day.items() if who == name}
            busiest = max(by_day, key=lambda day: (by_day[day], day), default="")
            night = sum(self._asleep(person, at) for at in told)
            edges = [self._span[0], *sorted(told), max(self._span[1], *told) if told else self._span[1]]
            silence = max(after - before for before, after in pairwise(edges))
            shown = f"{by_day[busiest]} on {busiest}" if busiest else ""
            lines.append(
                [
                    name,
                    str(len(told)),
                    f"{len(told) / days:.1f}",
                    shown,
                    str(night),
                    _span(silence),
                    str(self._digests[name]),
                ]
            )
        return _table(head, lines)

    def _by_day(self) -> str:
        people = [name for name in self._people if self._told.get(name)]
        days = sorted({*self._alerts_by_day, *(day for day, _ in self._messages_by_day)})
        lines = []
        for day in days:
            each = [self._messages_by_day[day, name] for name in people]
            total = sum(count for (when, _), count in self._messages_by_day.items() if when == day)
            lines.append([day, str(self._alerts_by_day[day]), str(total), *(str(count) for count in each)])
        return _table(("day", "alerts", "messages", *people), lines) if lines else ""

    def _foot(self, seconds: float) -> str:
        rate = round(self._readings / max(seconds, 1e-9))
        return f"{self._readings:,} readings in {seconds:.1f} s: {rate:,} readings per second"

    def _local(self, at: Micros) -> datetime:
        return (_EPOCH + timedelta(microseconds=at)).astimezone(self._zone)

    def _asleep(self, person: Subscriber, at: Micros) -> bool:
        zone = ZoneInfo(person.timezone) if person.timezone else self._zone
        clock = (_EPOCH + timedelta(microseconds=at)).astimezone(zone).time()
        quiet = person.quiet_hours
        start, end = (time.fromisoformat(quiet.from_), time.fromisoformat(quiet.to)) if quiet else NIGHT
        return start <= clock < end if start <= end else clock >= start or clock < end


def _span(micros: Micros) -> str:
    """Write a duration with its two largest units."""
    unit = next((unit for unit in (DAY, DAY // 24, DAY // 1440) if micros >= unit), DAY // 86_400)
    smaller = {DAY: DAY // 24, DAY // 24: DAY // 1440}.get(unit, DAY // 86_400)
    return show_duration(micros // smaller * smaller)


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Lay cells out in columns, numbers to the right."""
    if not lines:
        return ""
    rows = [list(head), *([*line, *[""] * (len(head) - len(line))] for line in lines)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(head))]
    right = [all(row[at].replace(".", "").isdigit() or not row[at] for row in rows[1:]) for at in range(len(head))]
    shown = []
    for row in rows:
        cells = [
            cell.rjust(width) if flush else cell.ljust(width)
            for cell, width, flush in zip(row, widths, right, strict=True)
        ]
        shown.append("  ".join(cells).rstrip())
    return "\n".join([shown[0], "  ".join("-" * width for width in widths), *shown[1:]])
