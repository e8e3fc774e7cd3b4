"""The three pictures of docs/charts: made-up readings, the real way from store to PNG. Part of `make docs`.

python -m alertd.tools.chart_samples FOLDER
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from alertd.alerting.settings import Rule
from alertd.audience.person import Person
from alertd.charts.drawing import Drawing
from alertd.charts.figure import chart_of
from alertd.ingest.settings import Device
from alertd.model import DAY, HOUR, MINUTE, SECOND, Alert, Batch, Series, Severity, State
from alertd.seams import Flush
from alertd.store.sqlite import SqliteStore
from alertd.wording import Words

NOW = int(datetime(2026, 11, 22, 1, 50, tzinfo=UTC).timestamp()) * SECOND
EVERY = 10 * MINUTE
DEVICES = [
    Device(id="cow-0421", name="Berta", tag="DE 09 12300421"),
    Device(id="fence", name="East fence"),
    Device(id="pigs", name="Maststall 1"),
]


def day(kind: str, hours: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return eight days of readings by hours before now."""
    if kind == "fever":
        fever = np.clip((hours + 4.8) * 0.75, 0, 1.55)
        return 38.5 + 0.12 * np.sin((hours + 6) / 24 * 2 * np.pi) + 0.09 * noise + fever
    if kind == "fence":
        lying_down = np.abs(hours + 2.35) < 0.85  # noqa: PLR2004 (from 3.2 to 1.5 h ago)
        return np.where(lying_down, 2500 + 90 * noise, 6200 + 110 * noise)
    fans_off = np.clip((hours + 1.6) * 6.5, 0, 9.5)
    return 24.5 + 1.6 * np.sin((hours + 13) / 24 * 2 * np.pi) + 0.25 * noise + fans_off


PICTURES: dict[str, tuple[str, Series, str, dict[str, float], tuple[float, float | None]]] = {
    "fever-de": ("fever", Series("cow-0421", "body_temperature", "degC"), "de", {"above": 39.5}, (3.4, None)),
    "fence-low-en": ("fence", Series("fence", "fence_voltage", "V"), "en", {"below": 3000}, (3.1, 1.5)),
    "pig-house-de": ("pigs", Series("pigs", "temperature", "degC"), "de", {"above": 32}, (0.4, None)),
}
"""Name: curve, series, language, limit, and the alert's hours before now (None: it still fires)."""


async def main(target: Path) -> None:
    """Draw all of them."""
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, (kind, series, language, limit, (began, ended))) in enumerate(PICTURES.items()):
            store = SqliteStore(Path(folder) / f"{name}.db", ballast=0)
            await store.open()
            time = NOW - np.arange(8 * DAY // EVERY, dtype=np.int64)[::-1] * EVERY
            value = day(kind, (time - NOW) / HOUR, np.random.default_rng(number).normal(size=len(time)))
            readings = Batch(np.full(len(time), 1, np.int32), time, time, value, np.zeros(len(time), np.int8))
            await store.commit(Flush(NOW, batch=readings, new_series=[(1, series)]))
            detect = {"kind": "threshold", **limit}
            rule = Rule.model_validate({"name": kind, "match": {"metric": series.metric}, "detect": detect})
            state = State.FIRING if ended is None else State.RESOLVED
            start = NOW - round(began * HOUR)
            facts = (Severity.CRITICAL, state, float(value[-1]), series.unit, None, start, start)
            alert = Alert("sample", 217, kind, series.device, series.metric, None, *facts)
            alert.resolved = None if ended is None else NOW - round(ended * HOUR)
            person = Person("anna", "Anna", language, "Europe/Berlin", None, ())
            latest = (series, float(value[-1]), NOW)
            chart = chart_of(latest, [alert], [rule], Words([], DEVICES), person, NOW, str(store.path))
            picture = await Drawing(Path(folder)).png(chart)
            await store.close()
            if picture is None:
                raise SystemExit(f"{name} was not drawn")
            (target / f"{name}.png").write_bytes(picture)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
