"""What Prometheus sees."""

from __future__ import annotations

import asyncio
import os

import pytest
from fake_desk import FakeDesk
from prometheus_client.parser import text_string_to_metric_families

from alertd.web.metrics import Levels, Metrics


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Read the text back as (name, labels) to value."""
    families = text_string_to_metric_families(metrics.render().decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def test_a_fresh_daemon_shows_every_name_of_the_contract():
    text = Metrics(Levels).render().decode()
    for name in (
        "alertd_readings_total",
        "alertd_decision_seconds",
        "alertd_tasks",
        "alertd_rejected_total",
        "alertd_alerts",
        "alertd_messages_total",
        "alertd_outbox_pending",
        "alertd_outbox_oldest_seconds",
        "alertd_lag_seconds",
        "alertd_unreached_total",
        "alertd_message_cost_total",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_start_time_seconds",
        "process_open_fds",
        "process_max_fds",
    ):
        assert f"# TYPE {name} " in text
    assert "_created" not in text


def test_counts_add_up_by_label():
    metrics = Metrics(Levels)
    metrics.readings("collars", 3)
    metrics.readings("collars")
    metrics.refused('bad"\n', "conflict")
    metrics.message("telegram", "sent")
    metrics.message("telegram", "sent")
    metrics.cost("EUR", 0.05)
    metrics.cost("EUR", 0.07)
    seen = samples(metrics)
    assert seen["alertd_readings_total", (("source", "collars"),)] == 4
    assert seen["alertd_rejected_total", (("reason", "conflict"), ("source", 'bad"\n'))] == 1
    assert seen["alertd_messages_total", (("messenger", "telegram"), ("outcome", "sent"))] == 2
    assert seen["alertd_message_cost_total", (("currency", "EUR"),)] == pytest.approx(0.12)


def test_decisions_fall_into_buckets_that_add_up_to_their_count():
    metrics = Metrics(Levels)
    metrics.decision(0.002, 10)  # exactly on an edge: le means less or equal
    metrics.decision(0.0021)
    metrics.decision(500.0)
    seen = samples(metrics)
    assert seen["alertd_decision_seconds_bucket", (("le", "0.001"),)] == 0
    assert seen["alertd_decision_seconds_bucket", (("le", "0.002"),)] == 10
    assert seen["alertd_decision_seconds_bucket", (("le", "0.005"),)] == 11
    assert seen["alertd_decision_seconds_bucket", (("le", "60.0"),)] == 11
    assert seen["alertd_decision_seconds_bucket", (("le", "+Inf"),)] == 12
    assert seen["alertd_decision_seconds_count", ()] == 12
    assert seen["alertd_decision_seconds_sum", ()] == pytest.approx(500.0221)


def test_levels_are_those_of_the_moment_and_zero_is_said():
    levels = [Levels(), Levels({("firing", "critical"): 2}, 5, 12.5, 0.25, 1)]
    metrics = Metrics(lambda: levels[0])
    before = samples(metrics)
    levels.pop(0)
    after = samples(metrics)
    firing = ("alertd_alerts", (("severity", "critical"), ("state", "firing")))
    assert (before[firing], after[firing]) == (0, 2)
    assert after["alertd_alerts", (("severity", "info"), ("state", "pending"))] == 0
    names = ("alertd_outbox_pending", "alertd_outbox_oldest_seconds", "alertd_lag_seconds", "alertd_unreached_total")
    assert [after[name, ()] for name in names] == [5, 12.5, 0.25, 1]


async def test_tasks_are_counted():
    before = samples(Metrics(Levels))["alertd_tasks", ()]
    waiting = asyncio.create_task(asyncio.Event().wait())
    assert samples(Metrics(Levels))["alertd_tasks", ()] == before + 1
    waiting.cancel()


def test_the_process_shows_its_own_figures():
    seen = samples(Metrics(Levels))
    assert seen["process_resident_memory_bytes", ()] > 1_000_000
    assert seen["process_open_fds", ()] >= 3
    started = os.stat(f"/proc/{os.getpid()}").st_ctime
    assert seen["process_start_time_seconds", ()] == pytest.approx(started, abs=300)


def test_two_daemons_in_one_process_do_not_share_counts():
    one, other = Metrics(Levels), Metrics(Levels)
    one.readings("collars")
    assert ("alertd_readings_total", (("source", "collars"),)) not in samples(other)


async def test_the_page_of_metrics_is_open_and_of_the_classic_format(site):
    async with site(FakeDesk(), token="secret") as farm:
        status, text, answer = await farm.see("GET", "/metrics")
    assert (status, answer.headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert "alertd_tasks " in text
