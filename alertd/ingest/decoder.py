"""From messages to readings: finds the plans of a topic and lets them read.

Pure: no I/O and no clock, and nothing but `Rejected` comes of hostile input. State
is what was learned of topics, devices and counters; decoding the same messages again
gives the same readings.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from alertd.ingest.fields import Field
from alertd.ingest.labels import canonical_id
from alertd.ingest.learned import Learned
from alertd.ingest.mapping import routes
from alertd.ingest.patterns.pattern import FEW
from alertd.ingest.plan import DialectPlan, SilentPlan, Twin, ValuePlan
from alertd.ingest.plan_object import ObjectPlan
from alertd.ingest.repeats import Repeats
from alertd.ingest.requests import Requests
from alertd.ingest.roster import Roster
from alertd.ingest.shapes import Spec
from alertd.ingest.sink import Shared
from alertd.ingest.topics import TopicIndex, covers
from alertd.model import Quality, Reading, Rejected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from alertd.ingest.mapping import Route
    from alertd.ingest.plan import Plan
    from alertd.ingest.settings import Device, Limits, Source
    from alertd.model import Micros, Series
    from alertd.seams import Raw

TOPICS: Final = 1024
"""Topics whose plans are remembered (3 to 8 KB each), or as many as there may be series: a topic without one gives
no reading. Beyond that the one met first is planned again."""


FAULT: Final = "sensor_fault"
"""The metric that is 1 with each value of a device that is no measurement."""
COLUMNS: Final = 6
"""Row, time, received, value, quality, source."""


@dataclass(slots=True)
class Decoded:
    """Readings as columns in arrival order: times in microseconds, values in canonical units.

    `row` is what `register` gave for the series, `source` an index into `Decoder.labels`;
    `rejected` are (source label or "", message, why).
    """

    row: list[int] = field(default_factory=list)
    time: list[int] = field(default_factory=list)
    received: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    quality: list[int] = field(default_factory=list)
    source: list[int] = field(default_factory=list)
    rejected: list[tuple[str, Raw, Rejected]] = field(default_factory=list)
    poison: list[tuple[Raw, str]] = field(default_factory=list)
    """Messages that made the code raise, with the traceback: for the quarantine."""
    readings: list[Any] = field(default_factory=list)
    """The columns' values in turn, six for each reading, while they are read: one list grows faster than six."""

    def close(self) -> None:
        """Make the columns."""
        self.row, self.time, self.received, self.value, self.quality, self.source = (
            self.readings[column::COLUMNS] for column in range(COLUMNS)
        )
        self.readings.clear()


class Decoder:
    """All sources of one configuration."""

    def __init__(
        self,
        sources: Sequence[Source],
        devices: Sequence[Device],
        limits: Limits,
        *,
        timezone: str,
        register: Callable[[Series], int],
        patterns: int = FEW,
        faults: bool = False,
    ) -> None:
        """Compile the sources; `register` interns a series and returns its row, -1 when there is no room.

        With `faults` what is no measurement is a reading of the device's `sensor_fault`.
        With no `patterns` every message is read the general way, which gives the same readings at three times the cost.

        Raises:
            ValueError: a source that cannot be read; `faults` finds them all.
        """
        self.labels: tuple[str, ...] = tuple(source.label for source in sources)
        self._routes: list[tuple[int, Route]] = []
        self._qos: list[int] = []
        for number, source in enumerate(sources):
            compiled = routes(source, timezone)
            self._routes += [(number, route) for route in compiled]
            self._qos += [source.qos] * len(compiled)
        self._index = TopicIndex(route.template.filter for _, route in self._routes)
        named = [(device, name) for device in devices for name in (device.id, *(one.id for one in device.aliases))]
        chosen = {canonical_id(name): device.profile for device, name in named if device.profile}
        self.learned = Learned()
        self.requests = Requests()
        roster = Roster(devices, limits, register, timezone)
        fault = Field(Spec(FAULT)) if faults else None
        self._shared = Shared(roster, self.learned, self.requests, Repeats(), limits, chosen, fault, patterns)
        self.know(device.id for device in devices)
        self._plans: dict[str, tuple[Plan, ...]] = {}
        self._most = max(TOPICS, limits.series)

    def know(self, devices: Iterable[str]) -> None:
        """Remember devices from before a restart: nothing that comes now takes their place.

        Of a GX among them (`portal/service/instance`) the keepalive is owed: it may have fallen silent.
        """
        devices = list(devices)
        self._shared.roster.know(devices)
        asked = {route.request for _, route in self._routes if route.request.endswith("{portal}/keepalive")}
        portals = {device.split("/")[0] for device in devices if device.count("/") == 2} if asked else set()  # noqa: PLR2004
        for topic in sorted(request.replace("{portal}", portal) for request in asked for portal in portals):
            self.requests.keep_alive(topic)

    def filters(self) -> list[tuple[str, int]]:
        """Return the (topic filter, QoS) to subscribe to, in the order of the sources.

        A filter that another one covers is left out: brokers may deliver a message once for
        each subscription that matches it.
        """
        wanted: dict[str, int] = {}
        for (_, route), qos in zip(self._routes, self._qos, strict=True):
            wanted[route.template.filter] = max(qos, wanted.get(route.template.filter, 0))
        return [
            (one, qos)
            for one, qos in wanted.items()
            if not any(other != one and wanted[other] >= qos and covers(other, one) for other in wanted)
        ]

    def decode(self, messages: Sequence[Raw], *, clock_trusted: bool = True) -> Decoded:
        """Return the readings of messages that are ordered by `received`, and what was refused."""
        out = Decoded()
        shared, known = self._shared, self._plans
        shared.trusted, shared.arrival = clock_trusted, 0
        most = shared.limits.payload_bytes
        for raw in messages:
            plans = known.get(raw.topic)
            if plans is None:
                plans = self._plan(raw.topic)
            if not plans:
                out.rejected.append(("", raw, Rejected("no_source", "no source matches this topic")))
                continue
            if len(raw.payload) > most:
                why = Rejected("too_large", f"{len(raw.payload)} bytes: limits.payload_bytes is {most}")
                out.rejected.append((plans[0].label, raw, why))
                continue
            start, crowded = len(out.readings), len(plans) > 1
            try:
                for plan in plans:
                    told = plan.quick(raw, out)
                    if told or (told is None and plan.read(raw, out)):
                        crowded = True
            except Exception:  # noqa: BLE001 (the quarantine: one message must not cost the others)
                out.poison.append((raw, traceback.format_exc()))
                for plan in plans:
                    plan.forget()
            if crowded:
                self._once(out, start, raw)
        out.close()
        return out

    def written(self, topic: str) -> list[str]:
        """Return the functions written for the messages of a topic until now, to look at."""
        return [source for plan in self._plans.get(topic, ()) for source in plan.written()]

    def to_readings(self, decoded: Decoded) -> list[Reading]:
        """Return the columns as readable values, for tools and tests."""
        series = self._shared.roster.series
        columns = zip(
            decoded.row, decoded.time, decoded.received, decoded.value, decoded.quality, decoded.source, strict=True
        )
        return [
            Reading(
                device=series[row].device,
                metric=series[row].metric,
                value=value,
                unit=series[row].unit,
                time=time,
                received=received,
                quality=Quality(quality),
                state=series[row].state,
                source=self.labels[source],
                group=series[row].group,
                labels=series[row].labels,
            )
            for row, time, received, value, quality, source in columns
        ]

    def _plan(self, topic: str) -> tuple[Plan, ...]:
        plans: list[Plan] = []
        for number in self._index.candidates(topic):
            source, route = self._routes[number]
            if plans and plans[-1].source == source:
                continue  # an earlier route of the same source reads it
            captures = route.template.match(topic)
            if captures is not None:
                plan = _kind(route)(source, self.labels[source], route, topic, captures, self._shared)
                if route.twin is not None and topic.endswith(route.twin[0]):
                    plan = Twin(plan, topic.removesuffix(route.twin[0]) + route.twin[1], self._plans)
                plans.append(plan)
        if len(self._plans) >= self._most:
            del self._plans[next(iter(self._plans))]
        self._plans[topic] = tuple(plans)
        return self._plans[topic]

    def _once(self, out: Decoded, start: int, raw: Raw) -> None:
        """Leave one reading of each series and time of a message: the first source's, the first key's."""
        read = out.readings[start:]
        if len(set(zip(read[::COLUMNS], read[1::COLUMNS], strict=True))) * COLUMNS == len(read) and (
            len(set(read[5::COLUMNS])) < 2  # noqa: PLR2004 (one source, and no reading twice: nearly always)
        ):
            return
        owner: dict[int, int] = {}
        values: dict[tuple[int, Micros], float] = {}
        del out.readings[start:]
        for at in range(0, len(read), COLUMNS):
            reading = read[at : at + COLUMNS]
            row, time, _, value, _, source = reading
            if owner.setdefault(row, source) != source:
                continue
            first = values.get((row, time))
            if first is None:
                values[row, time] = value
                out.readings += reading
            elif first != value:
                detail = f"{self._shared.roster.series[row].metric}: {value:g} after {first:g} at the same time"
                out.rejected.append((self.labels[source], raw, Rejected("conflict", detail)))


def _kind(route: Route) -> type[Plan]:
    """Return what reads the payloads of a route."""
    if route.silent:
        return SilentPlan
    if route.dialect is not None:
        return DialectPlan
    return ValuePlan if route.metric or route.namer is not None else ObjectPlan


def faults(sources: Sequence[Source], timezone: str) -> list[tuple[int, str]]:
    """Return (index of the source, what is wrong) for every source that cannot be read: for `check`."""
    found = []
    for number, source in enumerate(sources):
        try:
            routes(source, timezone)
        except ValueError as error:
            found.append((number, str(error)))
    return found
