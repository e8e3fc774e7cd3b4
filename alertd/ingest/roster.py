"""Who is known: listed devices, the unlisted ones seen (up to a cap), and the rows of their series."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alertd.ingest.labels import canonical_id
from alertd.model import Rejected, Series

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from alertd.ingest.fields import Field
    from alertd.ingest.settings import Device, Limits


class Entry:
    """One device as one source sees it; `rows` are the row numbers of its series by metric."""

    __slots__ = ("device", "group", "labels", "rows")

    def __init__(self, device: str, group: str | None, labels: Mapping[str, str]) -> None:
        self.device = device
        self.group = group
        self.labels = labels
        self.rows: dict[str, int] = {}


class Roster:
    """Listed devices are always let in; of the others each source may bring `limits.devices_per_source`."""

    def __init__(self, devices: Sequence[Device], limits: Limits, register: Callable[[Series], int]) -> None:
        self._listed = {canonical_id(device.id): device for device in devices}
        self._cap = limits.devices_per_source
        self._series_cap = limits.series
        self._unlisted: dict[int, set[str]] = {}
        self._register = register
        self.series: dict[int, Series] = {}

    def entry(
        self, source: int, device: str, captures: Mapping[str, str], labels: Mapping[str, str]
    ) -> Entry | Rejected:
        """Return the device that a source calls `device` (cleaned), or why it is not let in.

        `captures` are the topic's named levels, `labels` come from the payload; a listed
        device's own labels and group win over both.
        """
        if not device:
            return Rejected("no_device", "no device in topic or payload: set device: on the source")
        merged = {
            name: level for name, level in captures.items() if name not in ("device", "metric", "group") and level
        }
        merged.update(labels)
        group = captures.get("group") or None
        listed = self._listed.get(canonical_id(device))
        if listed is not None:
            merged.update(listed.labels)
            return Entry(listed.id, listed.group or group, merged)
        unlisted = self._unlisted.setdefault(source, set())
        if device not in unlisted:
            if len(unlisted) >= self._cap:
                return Rejected(
                    "too_many_devices", f"{device}: raise limits.devices_per_source or list it under devices"
                )
            unlisted.add(device)
        return Entry(device, group, merged)

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
