"""What the operator writes as a source becomes compiled routes: one per topic template.

A preset brings its shapes, a topic makes one; from there on there is no difference.
Everything that can be wrong is found here, before the first message.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alertd.ingest.fields import Field
from alertd.ingest.formats import FORMATS, Parse
from alertd.ingest.paths import EVERY, Path, compile_path
from alertd.ingest.presets import PRESETS, Shape, Spec
from alertd.ingest.settings import DevicePath
from alertd.ingest.topics import Template, compile_template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alertd.ingest.names import Name
    from alertd.ingest.settings import MetricMapping, Source

CLOCKS: Final = frozenset({"ts", "time", "timestamp"})
"""Keys that are never taken for a measurement unless they are mapped."""


@dataclass(frozen=True, slots=True)
class Route:
    """A compiled `Shape`: see there for the meaning of each part."""

    template: Template
    parse: Parse
    silent: bool
    rows: tuple[tuple[Path, Path | None], ...]
    each: Path | None
    time: Path | None
    time_format: str
    zone: ZoneInfo
    device: str
    device_path: Path | None
    metric: str
    specs: Mapping[str, Spec]
    fields: tuple[Field, ...]
    auto: bool
    names: Mapping[str, Name]
    ignore: frozenset[str]
    labels: tuple[tuple[str, Path], ...]
    tags: Path | None
    repeat: Path | None


def routes(source: Source, timezone: str) -> tuple[Route, ...]:
    """Compile a source; of several routes that match a topic the first reads the message.

    Raises:
        ValueError: what is wrong, with the key and what to write instead.
    """
    zone_name = (source.time.timezone if source.time else None) or source.timezone or timezone
    try:
        zone = ZoneInfo(zone_name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"timezone: {zone_name!r} is not known; write it as Europe/Berlin") from None
    return tuple(_compile(shape, zone) for shape in _shapes(source))


def _shapes(source: Source) -> list[Shape]:
    specs = tuple(spec for name, mapping in (source.metrics or {}).items() for spec in _specs(name, mapping))
    if source.preset is None:
        return [_own_shape(source, specs)]
    preset = PRESETS.get(source.preset)
    if preset is None:
        near = difflib.get_close_matches(source.preset, PRESETS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(PRESETS)}"
        raise ValueError(f"preset: {source.preset!r} is not known; {hint}")
    base = source.topic.removesuffix("/#").rstrip("/") if source.topic else preset.base
    shapes = []
    for shape in preset.shapes:
        if shape.auto:  # the shape that carries measurements takes what the operator adds
            ignore = shape.ignore | frozenset(source.ignore)
            shape = replace(shape, specs=(*specs, *shape.specs), ignore=ignore)  # noqa: PLW2901 (the same shape, completed)
            if source.time is not None:
                shape = replace(shape, time=source.time.path, time_format=source.time.format)  # noqa: PLW2901 (as above)
        shapes.append(replace(shape, topic=shape.topic.replace("{base}", base)))
    return shapes


def _own_shape(source: Source, specs: tuple[Spec, ...]) -> Shape:
    if source.topic is None or source.format is None:
        raise ValueError("needs preset, or topic and format")
    metric = source.metric or ("{metric}" if "{metric}" in source.topic else "")
    if source.format in ("number", "text") and not metric:
        raise ValueError("metric: a number alone has no name; write metric: NAME or {metric} in the topic")
    if source.metric and source.unit and source.metric not in (source.metrics or {}):
        specs += (Spec(source.metric, unit=source.unit),)
    elif source.unit and metric == "{metric}":
        specs += (Spec("{metric}", unit=source.unit),)
    by_path = isinstance(source.device, DevicePath)
    named = "{device}" if "{device}" in source.topic or "{device..." in source.topic else ""
    device = source.device.path if isinstance(source.device, DevicePath) else source.device or named
    if not device:
        raise ValueError(
            'device: missing; write {device} in the topic, a template such as "{barn}", or {path: animal_id}'
        )
    return Shape(
        source.topic,
        format=source.format,
        each=source.each,
        time=source.time.path if source.time else "",
        time_format=source.time.format if source.time else "auto",
        device=device,
        device_path=by_path,
        metric=metric,
        specs=specs,
        auto=source.metrics is None and not metric,
        ignore=frozenset(source.ignore),
    )


def _specs(name: str, mapping: MetricMapping) -> list[Spec]:
    """Turn a mapping into specs: a position is two metrics, three with its error."""
    if mapping.lat is not None and mapping.lon is not None:
        specs = [Spec("latitude", mapping.lat, "deg"), Spec("longitude", mapping.lon, "deg")]
        if mapping.error is not None:
            specs.append(Spec("position_error", mapping.error, mapping.unit or "m"))
        return specs
    return [
        Spec(
            name,
            mapping.path or "",
            unit=mapping.unit or "",
            words=mapping.map or {},
            kind=mapping.kind,
            wrap=mapping.wrap,
            missing=tuple(mapping.missing),
        )
    ]


def _compile(shape: Shape, zone: ZoneInfo) -> Route:
    template = compile_template(shape.topic)
    if shape.format not in FORMATS:
        raise ValueError(f"format: {shape.format} is not read yet; there are {', '.join(FORMATS)}")
    if not shape.device_path and not shape.silent:
        _check_device(shape.device, template)
    whole = shape.metric == ""
    fields = tuple(Field(spec) for spec in shape.specs) if whole else ()
    for field in fields:
        if EVERY in field.path:
            raise ValueError(f"metrics: {field.metric}: [*] spreads a message; write it under each:")
    ignore = set(shape.ignore) | CLOCKS
    for path in (
        shape.time,
        shape.device if shape.device_path else "",
        *(spec.path or spec.metric for spec in shape.specs),
    ):
        ignore.add(path)
    return Route(
        template=template,
        parse=FORMATS[shape.format],
        silent=shape.silent,
        rows=tuple((compile_path(rows.path), compile_path(rows.time) if rows.time else None) for rows in shape.rows),
        each=compile_path(shape.each) if shape.each else None,
        time=compile_path(shape.time) if shape.time else None,
        time_format=shape.time_format,
        zone=zone,
        device=shape.device,
        device_path=compile_path(shape.device) if shape.device_path else None,
        metric=shape.metric,
        specs={name: spec for spec in reversed(shape.specs) for name in (spec.path, spec.metric) if name},
        fields=fields,
        auto=shape.auto,
        names=shape.names,
        ignore=frozenset(ignore),
        labels=tuple((label, compile_path(path)) for label, path in shape.labels.items()),
        tags=compile_path(shape.tags) if shape.tags else None,
        repeat=compile_path(shape.repeat) if shape.repeat else None,
    )


def _check_device(device: str, template: Template) -> None:
    try:
        device.format_map(dict.fromkeys(template.names, "x"))
    except (KeyError, ValueError, IndexError, AttributeError):
        levels = ", ".join(f"{{{name}}}" for name in template.names) or "none"
        raise ValueError(f"device: {device!r} names a level that the topic has not (it has: {levels})") from None
