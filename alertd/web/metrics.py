"""Figures for Prometheus, under the names of CONTRACT.md section 5.

Counters are plain integers, added to on the hot path, and become families only when
somebody scrapes. What is a state rather than a count (open alerts, outbox, lag) is
asked for at that moment. No global registry: two daemons in one test do not meet.
"""

from __future__ import annotations

import asyncio
import os
import time
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from alertd.model import SECOND, Severity, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from prometheus_client.core import Metric

    from alertd.model import Micros

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Seconds. The goals are 5 ms and 20 ms (DESIGN.md section 5); a backlog takes up to a flush of 30 s."""


@dataclass(frozen=True, slots=True)
class Levels:
    """How things stand at the moment of a scrape.

    `alerts` counts open alerts by (state, severity); `outbox_oldest` and `lag` are
    seconds; `unreached` counts alerts that reached nobody since the start.
    """

    alerts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    outbox_pending: int = 0
    outbox_oldest: float = 0.0
    lag: float = 0.0
    unreached: int = 0


class Metrics(Collector):
    """What happened since the start, and how things stand."""

    def __init__(self, levels: Callable[[], Levels] = Levels) -> None:
        """Take the function that is asked at every scrape; it must not wait for anything."""
        self.levels = levels
        self._readings: Counter[str] = Counter()
        self._rejected: Counter[tuple[str, str]] = Counter()
        self._messages: Counter[tuple[str, str]] = Counter()
        self._cost: dict[str, float] = {}
        self._decided = [0] * (len(BUCKETS) + 1)
        self._decision_seconds = 0.0
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        self._registry.register(Process())

    def readings(self, source: str, n: int = 1) -> None:
        """Count readings (not messages) once judged, late ones included."""
        self._readings[source] += n

    def judged(
        self, counts: Mapping[int, int], labels: Sequence[str], done: Micros, received: Sequence[Micros]
    ) -> None:
        """Count a batch judged at `done`: `counts` by the number of a source's label, `received` when each came."""
        for label, count in counts.items():
            self.readings(labels[label], count)
        if received:
            self.decision((done - received[0]) / SECOND, len(received))

    def refused(self, source: str, reason: str, n: int = 1) -> None:
        """Count what gave no reading; `reason` is one of the constant strings of `Rejected`."""
        self._rejected[source, reason] += n

    def decision(self, seconds: float, n: int = 1) -> None:
        """Record that `n` readings took `seconds` from arrival to verdict (to commit, where it changed an alert)."""
        self._decided[bisect_left(BUCKETS, seconds)] += n
        self._decision_seconds += seconds * n

    def message(self, messenger: str, outcome: str) -> None:
        """Count one attempt; `outcome` as in the delivery log: sent, retry, reject, unsure, expired, dropped."""
        self._messages[messenger, outcome] += 1

    def cost(self, currency: str, amount: float) -> None:
        """Add what a message cost, in whole units of `currency` (EUR)."""
        self._cost[currency] = self._cost.get(currency, 0.0) + amount

    def render(self) -> bytes:
        """Return everything as Prometheus text."""
        return generate_latest(self._registry)

    def collect(self) -> Iterable[Metric]:
        """Yield the families, for the registry."""
        now = self.levels()
        yield _counter(
            "alertd_readings", "Readings judged.", ("source",), (((s,), n) for s, n in self._readings.items())
        )
        yield _counter("alertd_rejected", "What gave no reading.", ("source", "reason"), self._rejected.items())
        yield _counter(
            "alertd_messages", "Attempts to tell somebody.", ("messenger", "outcome"), self._messages.items()
        )
        cost = (((currency,), amount) for currency, amount in self._cost.items())
        yield _counter("alertd_message_cost", "Spent on messages.", ("currency",), cost)
        yield _counter("alertd_unreached", "Alerts that reached nobody in time.", (), [((), now.unreached)])
        yield self._histogram()
        alerts = GaugeMetricFamily("alertd_alerts", "Open alerts.", labels=("state", "severity"))
        for state in (State.PENDING, State.FIRING):
            for severity in Severity:  # zeros too: a series that comes and goes cannot be alarmed on
                alerts.add_metric((state.value, severity.value), now.alerts.get((state.value, severity.value), 0))
        yield alerts
        yield GaugeMetricFamily("alertd_outbox_pending", "Messages committed and not settled.", now.outbox_pending)
        yield GaugeMetricFamily("alertd_outbox_oldest_seconds", "How long the oldest is due.", now.outbox_oldest)
        yield GaugeMetricFamily("alertd_lag_seconds", "How far behind its input the engine is.", now.lag)
        yield GaugeMetricFamily("alertd_tasks", "Tasks of the event loop.", _tasks())

    def _histogram(self) -> Metric:
        total, buckets = 0, []
        for edge, count in zip((*map(str, BUCKETS), "+Inf"), self._decided, strict=True):
            total += count
            buckets.append((edge, float(total)))
        help_text = "Arrival of a reading to its verdict, or to the commit where it changed an alert."
        return HistogramMetricFamily("alertd_decision_seconds", help_text, buckets, self._decision_seconds)


class Process(Collector):
    """The usual `process_*` figures of this process.

    Not prometheus_client's own collector: that one reads the boot time from /proc/stat
    and says nothing at all under `ProcSubset=pid`, which our unit file sets.
    """

    def collect(self) -> Iterable[Metric]:
        """Yield what /proc/self says; nothing on systems without it."""
        me = Path("/proc/self")
        try:
            # fields after the command name, which may hold spaces (proc_pid_stat(5)): utime is the 12th
            fields = (me / "stat").read_text().rpartition(")")[2].split()
            files = len(os.listdir(me / "fd"))  # noqa: PTH208 (a count of names, not paths)
        except OSError:
            return
        ticks = os.sysconf("SC_CLK_TCK")
        booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        cpu = (int(fields[11]) + int(fields[12])) / ticks
        resident = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
        yield CounterMetricFamily("process_cpu_seconds", "Processor time used.", cpu)
        yield GaugeMetricFamily("process_resident_memory_bytes", "Memory in use.", resident)
        yield GaugeMetricFamily("process_virtual_memory_bytes", "Address space.", int(fields[20]))
        yield GaugeMetricFamily("process_start_time_seconds", "Start, since 1970.", booted + int(fields[19]) / ticks)
        yield GaugeMetricFamily("process_open_fds", "Open files.", files)
        yield GaugeMetricFamily("process_max_fds", "Open files allowed.", os.sysconf("SC_OPEN_MAX"))


def _counter(
    name: str, text: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], float]]
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return family


def _tasks() -> int:
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:  # no loop: a test or a tool that only wants the text
        return 0
