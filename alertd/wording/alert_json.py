"""An alert as JSON (CONTRACT.md section 4): the same for API, webhooks, backtest and MQTT."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from alertd.wording.times import rfc3339

if TYPE_CHECKING:
    from alertd.model import Alert, Silence


def alert_json(alert: Alert) -> dict[str, Any]:
    """Return the alert's facts; times in RFC 3339 UTC, what is not known is None.

    `id` is None while it is pending: the number comes with the first firing. `snoozed_until` is the latest of
    all people's snoozes.
    """
    return {
        "id": f"A-{alert.number}" if alert.number else None,
        "rule": alert.rule,
        "device": alert.device,
        "metric": alert.metric,
        "group": alert.group,
        "severity": alert.severity.value,
        "state": alert.state.value,
        "value": _figure(alert.value),
        "unit": alert.unit,
        "normal": _figure(alert.normal),
        "started": rfc3339(alert.started),
        "fired": rfc3339(alert.fired),
        "resolved": rfc3339(alert.resolved),
        "acknowledged_by": alert.acknowledged_by,
        "snoozed_until": rfc3339(max(alert.snoozed.values(), default=None)),
        "silenced_by": alert.muted if alert.muted.startswith(("S-", "quiet time ")) else None,
        "inhibited_by": alert.muted if alert.muted.startswith("A-") else None,
        "why": alert.why,
    }


def silence_json(silence: Silence) -> dict[str, Any]:
    """Return a silence's facts; `muted` counts what it kept quiet, `alerts` are the first of them."""
    return {
        "id": f"S-{silence.number}",
        "match": silence.match,
        "reason": silence.reason,
        "by": silence.by,
        "start": rfc3339(silence.start),
        "until": rfc3339(silence.until),
        "ended": rfc3339(silence.ended),
        "ended_by": silence.ended_by,
        "muted": silence.muted,
        "alerts": [f"A-{number}" for number in silence.numbers],
    }


def _figure(value: float | None) -> float | None:
    # JSON has no NaN. Windows have single precision, conversions leave 39.700000000000003: seven digits, and of
    # large figures the thousandths, are all that was measured.
    if value is None or not math.isfinite(value):
        return None
    return round(value, max(3, 6 - math.floor(math.log10(abs(value))))) if value else 0.0
