"""A reader: how the payloads of one route, or of one type of device on it, are taken apart. Compiled once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alertd.ingest.auto import Finder
from alertd.ingest.labels import device_text
from alertd.ingest.paths import EVERY, MISSING, find, getter, spread
from alertd.ingest.timing import Timing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alertd.ingest.mapping import NamedRows, Route
    from alertd.ingest.names import Name


class Reader:
    """A route with what was learned of its payloads: one for the topic, one for each profile met there.

    `mapped` are (field, key, look-up) of what is taken by name; the `finder`, where there is
    one, takes what else a row offers. `outer` are fields of the message around the row.
    """

    __slots__ = (
        "base",
        "finder",
        "further",
        "mapped",
        "outer",
        "past",
        "plain",
        "route",
        "row",
        "several",
        "simple",
        "timing",
    )

    def __init__(self, route: Route, names: Mapping[str, Name] | None = None) -> None:
        """Compile a route; with `names` nothing is mapped and they say what things are called."""
        self.route = route
        fields = route.fields if names is None else ()
        self.mapped = tuple((field, field.key if field.aggregate is None else None, field.gather) for field in fields)
        self.finder: Finder | None = None
        if route.auto or route.dialect or names is not None:
            self.finder = Finder(route, {field.metric for field in fields}, names)
        self.outer = tuple((field, getter(field.path)) for field in route.outer)
        path, dated = route.rows[0]
        self.row = getter(path)
        self.base = path
        self.several = (
            route.each is not None or route.named is not None or len(route.rows) > 1 or route.dialect is not None
        )
        self.plain = route.each is None and route.named is None and dated is None and not route.needs
        """Whether a message without further rows is one row with the message's own time."""
        stems = [further[: further.index(EVERY)] if EVERY in further else further for further, _ in route.rows[1:]]
        self.past = tuple(stem[-1] for stem in stems if stem[:-1] == path)
        """Keys of a row under which further rows stand."""
        one = route.each is None and route.named is None and not route.needs
        self.simple = one and len(self.past) == len(stems) and not any(field.unless for field in fields)
        """Whether a row says all but perhaps when, where it holds no such key."""
        self.timing = Timing(route, several=self.several)
        self.further = tuple(
            (getter(path[: path.index(EVERY)] if EVERY in path else path), path, time) for path, time in route.rows[1:]
        )

    @property
    def crowded(self) -> bool:
        """Whether two keys of one row may give the same metric."""
        return self.finder is not None and self.finder.crowded

    def fans_out(self, document: Any) -> bool:
        """Whether a message holds further rows: few do."""
        return any(stem(document) is not MISSING for stem, _, _ in self.further)

    def rows(self, document: Any) -> Iterator[tuple[Any, Any, Any]]:
        """Yield (row, where time and device stand, the row's own time or None) of a message that fans out."""
        each = self.route.each
        if each is None:
            time = self.route.rows[0][1]
            row = self.row(document)
            yield row, document, None if time is None else find(row, time)
            for stem, path, time in self.further:
                if stem(document) is not MISSING:
                    for row in spread(document, path):
                        yield row, document, None if time is None else find(row, time)
            return
        if find(document, each[: each.index(EVERY)] if EVERY in each else each) is MISSING:
            yield document, document, None  # a message without history is a row itself
            return
        message = document if isinstance(document, dict) else {}
        for row in spread(document, each):
            fields = row if isinstance(row, dict) else {"value": row}
            yield fields, {**message, **fields}, None


def gather(row: dict[str, Any], named: NamedRows) -> Iterator[tuple[dict[str, Any], Any]]:
    """Yield (values by their names, time) of a list of measurements, one for each time in it."""
    groups: dict[Any, dict[str, Any]] = {}
    pending = list(spread(row, named.rows))
    for element in pending:
        for one in element if isinstance(element, list) else (element,):
            if not isinstance(one, dict):
                continue
            time = one.get(named.time, MISSING) if named.time is not None else MISSING
            values = groups.setdefault(time if isinstance(time, str | int | float) else MISSING, {})
            name = one.get(named.name)
            value = next((one[key] for key in named.values if key in one), MISSING)
            if isinstance(name, str | int) and device_text(name) and value is not MISSING:
                values[device_text(name)] = value
            else:
                values.update((key, inner) for key, inner in one.items() if key != named.time)
    for time, values in groups.items():
        yield values, time
