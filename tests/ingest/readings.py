"""A decoder of written sources, and one message through it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alertd.ingest.decoder import Decoder
from alertd.ingest.settings import Limits, Source
from alertd.model import SECOND
from alertd.seams import Raw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alertd.ingest.settings import Device
    from alertd.model import Reading, Series

NOW = 1_795_400_000 * SECOND


def decoder(
    *sources: dict[str, Any], devices: Sequence[Device] = (), limits: Limits | None = None, **options: Any
) -> Decoder:
    rows: dict[tuple[str, str], int] = {}
    most = (limits or Limits()).series

    def register(series: Series) -> int:
        key = (series.device, series.metric)
        return rows.setdefault(key, len(rows)) if key in rows or len(rows) < most else -1

    made = [Source.model_validate(one) for one in sources]
    return Decoder(made, devices, limits or Limits(), timezone="Europe/Berlin", register=register, **options)


def read(made: Decoder, topic: str, payload: bytes | str, **facts: Any) -> tuple[list[Reading], list[str]]:
    """Return the readings of one message, and the reasons of what was refused."""
    body = payload.encode() if isinstance(payload, str) else payload
    out = made.decode([Raw(topic, body, facts.pop("received", NOW), **facts)])
    assert not out.poison
    return made.to_readings(out), [why.reason for _, _, why in out.rejected]


def values(made: Decoder, topic: str, payload: bytes | str, **facts: Any) -> dict[str, float]:
    """Return metric to value of one message."""
    return {one.metric: round(one.value, 4) for one in read(made, topic, payload, **facts)[0]}
