"""Who is known: listed devices, the unlisted ones seen (up to a cap), and the rows of their series."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from alertd.ingest.assignments import ALWAYS, NEVER, worn
from alertd.ingest.labels import canonical_id
from alertd.model import Rejected, Series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from alertd.ingest.fields import Field
    from alertd.ingest.settings import Device, Limits
    from alertd.model import Micros


class Entry:
    """One device as one source sees it; `rows` are the row numbers of its series by metric.

    `sender` is the canonical form of the id that the sender itself goes by.
    `turns` are the times at which this id spoke for another device (a collar on a cow), in order.
    """

    __slots__ = ("device", "group", "labels", "rows", "sender", "turns")

    def __init__(self, device: str, group: str | None, labels: Mapping[str, str], sender: str) -> None:
        self.device = device
        self.sender = sender
        self.group = group
        self.labels = labels
        self.rows: dict[str, int] = {}
        self.turns: tuple[tuple[Micros, Micros, Entry], ...] = ()

    def at(self, time: Micros) -> Entry:
        """Return whom a reading of that time is about: this id's own entry where nobody wore it then."""
        for start, end, entry in self.turns:
            if start <= time < end:
                return entry
        return self


class Roster:
    """Listed devices are always let in; of the others each source may bring `limits.devices_per_source`.

    An unlisted device is called as it was first spelled; after a restart the store says how
    (`know`), so that neither another spelling nor a flood of new names takes its place.
    """

    def __init__(
        self, devices: Sequence[Device], limits: Limits, register: Callable[[Series], int], timezone: str = "UTC"
    ) -> None:
        """Take the listed devices; `timezone` is the farm's, for the dates of their aliases."""
        self._listed = {canonical_id(device.id): device for device in devices}
        self._worn = worn(devices, ZoneInfo(timezone))
        self._cap = limits.devices_per_source
        self._series_cap = limits.series
        self._unlisted: dict[int, set[str]] = {}
        self._spelled: dict[str, str] = {}
        self._register = register
        self.series: dict[int, Series] = {}

    def know(self, devices: Iterable[str]) -> None:
        """Remember unlisted devices from before a restart: they are let in whatever came since."""
        for device in devices:
            if (key := canonical_id(device)) not in self._listed:
                self._spelled.setdefault(key, device)

    def entry(
        self, source: int, device: str, captures: Mapping[str, str], labels: Mapping[str, str]
    ) -> Entry | Rejected:
        """Return the device that a source calls `device` (cleaned), or why it is not let in.

        `captures` are the topic's named levels, `labels` come from the payload; a listed
        device's own labels and group win over both.
        """
        if not device:
            return Rejected("no_device", "no device in topic or payload: set device: on the source")
        told = {name: level for name, level in captures.items() if name not in ("device", "metric", "group") and level}
        told.update(labels)
        group = captures.get("group") or None
        key = canonical_id(device)
        turns = self._worn.get(key, [])
        if len(turns) == 1 and turns[0][:2] == (ALWAYS, NEVER):
            return _listed_entry(turns[0][2], group, told, key)
        listed = self._listed.get(key)
        if listed is not None:
            entry = _listed_entry(listed, group, told, key)
        elif turns or self._let_in(source, key, device):
            entry = Entry(self._spelled.setdefault(key, device), group, told, key)
        else:
            return Rejected("too_many_devices", f"{device}: raise limits.devices_per_source or list it under devices")
        entry.turns = tuple((start, end, _listed_entry(wearer, group, told, key)) for start, end, wearer in turns)
        return entry

    def _let_in(self, source: int, key: str, device: str) -> bool:
        unlisted = self._unlisted.setdefault(source, set())
        if key in unlisted:
            return True
        if len(unlisted) >= self._cap and key not in self._spelled:
            return False
        self._spelled.setdefault(key, device)
        unlisted.add(key)
        return True

    def row(self, entry: Entry, field: Field) -> int:
        """Return the row of a series, registering it the first time; -1 when there is no room."""
        series = Series(entry.device, field.metric, field.unit, field.state, entry.group, entry.labels)
        row = self._register(series)
        if row >= 0:
            entry.rows[field.metric] = row
            self.series.setdefault(row, series)
        return row

    def no_room(self, entry: Entry, field: Field) -> Rejected:
        """Say that the cap of series is reached."""
        return Rejected("too_many_series", f"{field.metric} of {entry.device}: limits.series is {self._series_cap}")


def _listed_entry(device: Device, group: str | None, told: Mapping[str, str], sender: str) -> Entry:
    return Entry(device.id, device.group or group, {**told, **device.labels}, sender)
