"""`alertd decode`: one payload in, readings out, one JSON object a line; what was refused goes to stderr."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from alertd.ingest.decoder import Decoder
from alertd.ingest.labels import clean
from alertd.seams import Raw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alertd.ingest.settings import Device, Limits, Source
    from alertd.model import Micros, Reading, Rejected, Series

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Farm(Protocol):
    """The part of the configuration that names the time zone."""

    @property
    def timezone(self) -> str:
        """The farm's time zone, such as Europe/Berlin."""


class Config(Protocol):
    """The parts of the configuration that decoding needs."""

    @property
    def farm(self) -> Farm:
        """The farm."""

    @property
    def sources(self) -> Sequence[Source]:
        """What to subscribe to, and how to read it."""

    @property
    def devices(self) -> Sequence[Device]:
        """The listed devices."""

    @property
    def limits(self) -> Limits:
        """Caps against hostile senders."""


def main(config: Config, topic: str, received: Micros | None, payload: bytes) -> int:
    """Print the readings of one message as the daemon would see it; always returns exit code 0.

    `received` in microseconds; None: now. A topic that no source matches prints nothing on
    stdout and one line on stderr.
    """
    rows: dict[tuple[str, str], int] = {}

    def register(series: Series) -> int:
        key = (series.device, series.metric)
        return rows.setdefault(key, len(rows)) if key in rows or len(rows) < config.limits.series else -1

    decoder = Decoder(config.sources, config.devices, config.limits, timezone=config.farm.timezone, register=register)
    arrival = time.time_ns() // 1000 if received is None else received
    decoded = decoder.decode([Raw(topic, payload, arrival)])
    for reading in decoder.to_readings(decoded):
        print(json.dumps(line(reading), ensure_ascii=False))
    for source, raw, why in decoded.rejected:
        print(_refusal(source, raw.topic, why), file=sys.stderr)
    return 0


def line(reading: Reading) -> dict[str, Any]:
    """Return a reading as it is written everywhere (CONTRACT.md section 3)."""
    return {
        "device": reading.device,
        "metric": reading.metric,
        "value": reading.value,
        "unit": reading.unit,
        "time": _moment(reading.time),
        "received": _moment(reading.received),
        "quality": reading.quality.name.lower(),
    }


def _moment(micros: Micros) -> str:
    moment = _EPOCH + timedelta(microseconds=micros)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _refusal(source: str, topic: str, why: Rejected) -> str:
    return ": ".join(part for part in (clean(source), clean(topic), why.reason, _printable(why.detail)) if part)


def _printable(text: str) -> str:
    """Return a detail as one printable line; details may quote a payload."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
