"""What the store keeps, page by page: messages, readings, who switched what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alertd.desk.rows import switching, timed
from alertd.wording.alert_json import alert_json
from alertd.wording.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable

    from alertd.model import Micros
    from alertd.store.sqlite import SqliteStore
    from alertd.web.desk import Row


class Pages:
    """Each call returns rows and the cursor of the next page, None after the last. `now` gives the daemon's time."""

    def __init__(self, store: SqliteStore, now: Callable[[], Micros]) -> None:
        self._store = store
        self._now = now

    async def switchings(self, limit: int, cursor: str | None) -> tuple[list[Row], str | None]:
        """Return who switched what, newest first."""
        before = None
        if cursor is not None:
            asked, _, name = cursor.partition("-")
            before = (_number(asked) or 0, name)
        found = await self._store.switchings(limit, before)
        following = f"{found[-1].asked}-{found[-1].id}" if len(found) == limit else None
        return [switching(one) for one in found], following

    async def past_alerts(self, limit: int, before: int | None) -> list[Row]:
        """Return alerts of any state, the highest number first."""
        return [alert_json(one) for one in await self._store.alert_history(limit, before)]

    async def messages(self, limit: int, cursor: str | None) -> tuple[list[Row], str | None]:
        """Return messages, newest first."""
        rows: list[dict[str, Any]] = await self._store.messages(limit, _number(cursor))
        following = str(rows[-1]["row"]) if len(rows) == limit else None
        return [timed(row) for row in rows], following

    async def readings(
        self,
        device: str | None,
        metric: str | None,
        start: Micros | None,
        end: Micros | None,
        limit: int,
        cursor: str | None,
        *,
        labels: bool = False,
    ) -> tuple[list[Row], str | None]:
        """Return reading lines, oldest first; with `labels` also the group and labels a rule may match on."""
        # Series share times: the cursor is the last time and how many readings of that time were shown.
        last, _, shown = (cursor or "").partition("-")
        begin, skip = (_number(last) or 0, _number(shown) or 0) if cursor else (start or 0, 0)
        until = end if end is not None else self._now() + 1
        found = (await self._store.readings(device, metric, begin, until, limit + skip))[skip:]
        rows: list[Row] = [
            {
                "device": one.device,
                "metric": one.metric,
                "value": one.value,
                "unit": one.unit,
                "time": rfc3339(one.time),
                "received": rfc3339(one.received),
                "quality": one.quality.name.lower(),
                **({"group": one.group, "labels": dict(one.labels)} if labels else {}),
            }
            for one in found
        ]
        if len(found) < limit:
            return rows, None
        newest = found[-1].time
        same = sum(one.time == newest for one in found) + (skip if newest == begin else 0)
        return rows, f"{newest}-{same}"


def _number(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not cursor.isdigit():
        raise ValueError("the cursor is none of ours")
    return int(cursor)
