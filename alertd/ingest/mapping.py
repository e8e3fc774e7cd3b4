"""Shapes become compiled routes: one per topic template.

Everything that can be wrong is found here and in `sources`, before the first message.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alertd.ingest.dialects import DIALECTS, STEADY, Dialect
from alertd.ingest.fields import Field
from alertd.ingest.formats import FORMATS, Parse, csv_parser
from alertd.ingest.paths import Path, compile_path
from alertd.ingest.profiles import Named, Profile, load_profiles
from alertd.ingest.sources import CLOCKS, shapes_of, specs_of
from alertd.ingest.topic_names import NAMERS
from alertd.ingest.topics import Template, compile_template

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from alertd.ingest.names import Name
    from alertd.ingest.settings import Source
    from alertd.ingest.shapes import Shape, Spec

Namer: TypeAlias = "Callable[[Mapping[str, str]], Name | None]"
"""Topic levels to the name of the value, None for a topic without a measurement."""


@dataclass(frozen=True, slots=True)
class NamedRows:
    """A compiled `Named`: a list whose elements say their own name."""

    rows: Path
    name: str
    values: tuple[str, ...]
    time: str | None


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
    repeat: tuple[Path, ...]
    repeat_of: str
    dialect: Dialect | None
    steady: bool
    namer: Namer | None
    later_time: Path | None
    nested: str
    device_eui: Path | None
    bridge: str
    role: str
    request: str
    twin: tuple[str, str] | None
    outer: tuple[Field, ...]
    named_only: bool
    texts: bool
    otherwise: Dialect | None
    other_names: Mapping[str, Name]
    undated: bool
    models: tuple[Path, ...]
    profiled: bool
    profile: str
    named: NamedRows | None = None
    needs: tuple[Path, ...] = ()


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
    return tuple(_compile(shape, zone) for shape in shapes_of(source))


def _compile(shape: Shape, zone: ZoneInfo) -> Route:
    template = compile_template(shape.topic)
    if shape.format not in FORMATS:
        raise ValueError(f"format: {shape.format} is not read yet; there are {', '.join(FORMATS)}")
    if shape.profile and shape.profile not in load_profiles().known:
        near = difflib.get_close_matches(shape.profile, load_profiles().known, n=1)
        raise ValueError(f"profile: there is no {shape.profile}" + (f"; did you mean {near[0]}?" if near else ""))
    if not shape.device_path and not shape.silent:
        _check_device(shape.device, template)
    whole = shape.metric == "" and not shape.namer
    fields = tuple(Field(spec) for spec in shape.specs) if whole else ()
    ignore = set(shape.ignore) | CLOCKS
    for path in (
        shape.time,
        shape.device if shape.device_path else "",
        *(spec.path or spec.metric for spec in shape.specs),
    ):
        ignore.add(path)
    return Route(
        template=template,
        parse=_parser(shape),
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
        repeat=tuple(compile_path(path) for path in shape.repeat),
        repeat_of=shape.repeat_of,
        dialect=DIALECTS[shape.dialect] if shape.dialect else None,
        steady=shape.dialect in STEADY,
        namer=NAMERS[shape.namer] if shape.namer else None,
        later_time=compile_path(shape.later_time) if shape.later_time else None,
        nested=shape.nested,
        device_eui=compile_path(shape.device_eui) if shape.device_eui else None,
        bridge=shape.bridge,
        role=shape.role,
        request=shape.request,
        twin=shape.twin,
        outer=tuple(Field(spec) for spec in shape.outer),
        named_only=shape.named_only,
        texts=shape.texts,
        otherwise=DIALECTS[shape.otherwise] if shape.otherwise else None,
        other_names=shape.other_names,
        undated=shape.undated,
        models=tuple(compile_path(path) for path in shape.models),
        profiled=shape.profiled or bool(shape.profile),
        profile=shape.profile,
    )


def with_profile(route: Route, profile: Profile) -> Route:
    """Return the route of one type of device: its own metrics first, then what the route would take anyway."""
    base = route.rows[0][0]
    rows: list[tuple[Path, Path | None]] = [(base, compile_path(profile.time) if profile.time else None)]
    if profile.history is not None:
        rows.append((base + compile_path(profile.history.path), compile_path(profile.history.time)))
    else:
        rows += route.rows[1:]
    specs = [spec for name, mapping in profile.metrics.items() for spec in specs_of(name, mapping)]
    taken = {spec.path.split(".")[0] for spec in specs} | {spec.metric for spec in specs if not spec.path}
    return replace(
        route,
        rows=tuple(rows),
        fields=(*route.fields, *(Field(spec) for spec in specs)),
        ignore=route.ignore | frozenset(profile.ignore) | taken,
        named_only=route.named_only or profile.named is not None,
        undated=profile.undated == "keep",
        named=_named(profile.named) if profile.named is not None else None,
        needs=tuple(compile_path(path) for path in profile.needs),
        profiled=False,
    )


def _named(named: Named) -> NamedRows:
    values = (named.value,) if isinstance(named.value, str) else tuple(named.value)
    return NamedRows(compile_path(named.rows), named.name, values, named.time)


def _parser(shape: Shape) -> Parse:
    if shape.format != "csv":
        return FORMATS[shape.format]
    if len(shape.separator) != 1:
        raise ValueError(f"separator: {shape.separator!r} must be one character")
    return csv_parser(shape.separator, shape.columns, header=shape.header)


def _check_device(device: str, template: Template) -> None:
    try:
        device.format_map(dict.fromkeys(template.names, "x"))
    except (KeyError, ValueError, IndexError, AttributeError):
        levels = ", ".join(f"{{{name}}}" for name in template.names) or "none"
        raise ValueError(f"device: {device!r} names a level that the topic has not (it has: {levels})") from None
