"""The farm's own kept readings: asked of the running daemon, else read from its store."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy.exc import DBAPIError

from alertd.model import HOUR
from alertd.seams import StoreDamagedError
from alertd.settings import SecretMissingError
from alertd.shell.doors import doors
from alertd.store.database import look_only
from alertd.store.pages import reading_columns
from alertd.store.settings import store_path
from alertd.tools.backtest_read import NoJournalError
from alertd.tools.backtest_recorder import Line, Recorder, Recording, by_arrival, joined
from alertd.web.client import NoDaemonError, reach
from alertd.wording.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from alertd.config.config import Config
    from alertd.model import Micros
    from alertd.tools.backtest_recorder import Complain

SPAN: Final = 6 * HOUR
"""Asked of the daemon at a time: each question makes it unpack the journal rows of that span."""


def kept_readings(config: Config, path: Path, last: Micros, complain: Complain) -> Recording:
    """Return what the farm's daemon has kept of the last so many microseconds.

    Raises:
        NoJournalError: nobody has it.
    """
    now = time.time_ns() // 1000
    try:
        rows = asyncio.run(_of_daemon(config, path, now - last, now))
    except (NoDaemonError, SecretMissingError) as error:
        return _of_store(store_path(config.store, os.environ, path), now - last, now, tried=str(error))
    recorder = Recorder(config)
    recorder.take(range(1, len(rows) + 1), [msgspec.convert(row, Line) for row in rows], complain)
    return recorder.recording()


async def _of_daemon(config: Config, path: Path, start: Micros, end: Micros) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    async with reach(doors(config, path, os.environ)) as daemon:
        for begin in range(start, end, SPAN):
            span = f"from={rfc3339(begin)}&to={rfc3339(min(begin + SPAN, end))}"
            answer = await daemon.all(f"/api/v1/readings?{span}&limit=10000&labels=true", "readings")
            if not answer.ok:
                raise NoJournalError(answer.trouble)
            found += answer.body["readings"]
    return found


def _of_store(path: Path, start: Micros, end: Micros, *, tried: str) -> Recording:
    if not path.exists():
        raise NoJournalError(f"{tried}; and there is no store at {path}")
    try:
        engine = look_only(path)
        with engine.connect() as connection:
            known, batches = reading_columns(connection, start, end)
        engine.dispose()
    except (StoreDamagedError, DBAPIError) as error:
        raise NoJournalError(f"{path}: {error.orig}" if isinstance(error, DBAPIError) else str(error)) from None
    batch = joined(batches)
    place = {number: at for at, number in enumerate(known)}
    batch.series[:] = [place[number] for number in batch.series.tolist()]
    return Recording(list(known.values()), by_arrival(batch))
