"""Alerts from the shell: list them, take one."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from alertd.shell.doors import Setting, converse
from alertd.shell.printing import DONE, USAGE, fail, plain, row, say, table
from alertd.web.answers import alert_number
from alertd.web.words import TEXTS, amount, moment

if TYPE_CHECKING:
    from pathlib import Path

    from alertd.web.client import Daemon


def alerts(config_path: Path, state: str = "open") -> int:
    """List alerts, `open` or `all`, the newest first."""
    return converse(config_path, lambda daemon, setting: _alerts(daemon, setting, state))


def ack(config_path: Path, alert: str, by: str | None = None, comment: str = "") -> int:
    """Acknowledge one alert (`A-217`)."""
    if alert_number(alert) is None:
        return fail(f"{alert} is not the number of an alert, such as A-217", USAGE)
    body = {"comment": comment} | ({"by": by} if by else {})

    async def do(daemon: Daemon, _setting: Setting) -> int:
        answer = await daemon.ask("POST", f"/api/v1/alerts/{quote(alert, safe='')}/ack", body)
        if not answer.ok:
            return fail(answer.trouble)
        number, taker = answer.body["id"], answer.body["acknowledged_by"]
        if taker is None:
            say(f"{number} is over, nobody needs to take it")
        elif by is not None and taker != by:
            say(f"{number} is acknowledged already, by {taker}")
        else:
            say(f"{number} acknowledged by {taker}")
        return DONE

    return converse(config_path, do)


async def _alerts(daemon: Daemon, setting: Setting, state: str) -> int:
    answer = await daemon.all(f"/api/v1/alerts?state={state}", "alerts")
    if not answer.ok:
        return fail(answer.trouble)
    found, now = answer.body["alerts"], time.time_ns() // 1000
    if not sys.stdout.isatty():
        keys = ("id", "state", "severity", "rule", "device", "metric", "value", "unit", "started", "acknowledged_by")
        for one in found:
            row([plain(one[key]) for key in keys])
        return DONE
    if not found:
        say(TEXTS.get(setting.language, TEXTS["en"])["calm_more"])
        return DONE
    lines: list[tuple[str, ...]] = [
        (
            one["id"] or "",
            one["severity"],
            ", taken by ".join(filter(None, (one["state"], one["acknowledged_by"]))),
            one["device"] or one["group"] or "",
            (one["metric"] or one["rule"]).replace("_", " "),
            amount(one["value"], one["unit"], setting.language),
            amount(one["normal"], one["unit"], setting.language),
            moment(one["started"], setting.zone, now, setting.language),
        )
        for one in found
    ]
    table(("alert", "severity", "state", "where", "what", "value", "normal", "since"), lines)
    return DONE
