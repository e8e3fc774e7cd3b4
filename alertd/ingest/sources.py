"""What the operator writes as a source becomes shapes: a preset brings its own, a topic makes one.

From there on there is no difference; `mapping` compiles them.
"""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from alertd.ingest.names_hubs import SPARKPLUG
from alertd.ingest.presets import PRESETS
from alertd.ingest.settings import DevicePath
from alertd.ingest.shapes import Shape, Spec

if TYPE_CHECKING:
    from alertd.ingest.settings import MetricMapping, Source

CLOCKS: Final = frozenset({"ts", "time", "timestamp"})
"""Keys that are never taken for a measurement unless they are mapped."""


def shapes_of(source: Source) -> list[Shape]:
    """Return the shapes of a source, in the order in which they are asked.

    Raises:
        ValueError: what is wrong, with the key and what to write instead.
    """
    specs = tuple(spec for name, mapping in (source.metrics or {}).items() for spec in specs_of(name, mapping))
    if source.preset is None:
        return [_own_shape(source, specs)]
    preset = PRESETS.get(source.preset)
    if preset is None:
        near = difflib.get_close_matches(source.preset, PRESETS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(PRESETS)}"
        raise ValueError(f"preset: {source.preset!r} is not known; {hint}")
    whole = source.topic if source.topic and "{device}" in source.topic else None
    base = source.topic.removesuffix("/#").rstrip("/") if source.topic and not whole else preset.base
    shapes = [_completed(shape, source, specs) for shape in preset.shapes]
    if whole:  # the operator's own layout of topics, for the messages that carry measurements
        first = next(shape for shape in shapes if shape.auto or shape.namer)
        return [replace(first, topic=whole, bridge="", request="")]
    prefix = "" if base == preset.base else f"{base}/"
    return [
        replace(
            shape,
            topic=_under(base, shape.topic, preset.base),
            device=shape.device.replace("{prefix}", prefix),
            bridge=shape.bridge.replace("{prefix}", prefix),
            request=_asked(shape.request, base) if source.requests else "",
        )
        for shape in shapes
    ]


def _completed(shape: Shape, source: Source, specs: tuple[Spec, ...]) -> Shape:
    """Return a preset's shape with what the operator adds: the shapes that carry measurements take it."""
    if not (shape.auto or shape.namer):
        return shape
    shape = replace(
        shape,
        specs=(*specs, *shape.specs),
        ignore=shape.ignore | frozenset(source.ignore),
        profile=source.profile or "",
    )
    if source.time is not None:
        shape = replace(shape, time=source.time.path, time_format=source.time.format)
    if isinstance(source.device, DevicePath):
        shape = replace(shape, device=source.device.path, device_path=True)
    elif source.device is not None:
        shape = replace(shape, device=source.device)
    return shape


def _under(base: str, topic: str, usual: str) -> str:
    """Return a preset's topic below its base; a preset without a usual one takes the operator's as a prefix."""
    return f"{base}/{topic}" if base and not usual else topic.replace("{base}", base)


def _asked(request: str, base: str) -> str:
    """Return the topic of a request below the base; none where a base is not what the sender itself calls it."""
    if "{read}" not in request:
        return request.replace("{base}", base)
    return request.replace("{read}", f"{base[:-1]}R") if base.rsplit("/", maxsplit=1)[-1] == "N" else ""


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
    if source.format in ("senml", "sparkplug"):
        return _own_dialect(source, specs)
    by_path = isinstance(source.device, DevicePath)
    named = "{device}" if "{device}" in source.topic or "{device..." in source.topic else ""
    device = source.device.path if isinstance(source.device, DevicePath) else source.device or named
    if not device:
        raise ValueError(
            'device: missing; write {device} in the topic, a template such as "{barn}", or {path: animal_id}'
        )
    rows = source.each or ("[*]" if source.format == "csv" else None)
    return Shape(
        source.topic,
        format=source.format,
        each=rows,
        time=source.time.path if source.time else _clock_column(source),
        time_format=source.time.format if source.time else "auto",
        device=device,
        device_path=by_path,
        metric=metric,
        specs=specs,
        auto=source.metrics is None and not metric,
        ignore=frozenset(source.ignore),
        texts=source.format == "csv",
        columns=tuple(source.columns or ()),
        separator=source.separator,
        header=source.header,
        profiled=source.format == "json" and source.metrics is None and source.each is None,
        profile=source.profile or "",
    )


def _own_dialect(source: Source, specs: tuple[Spec, ...]) -> Shape:
    """Make the shape of a topic whose payload says device and metric itself."""
    assert source.topic is not None
    named = isinstance(source.device, str) or "{device}" in source.topic
    sparkplug = source.format == "sparkplug"
    return Shape(
        source.topic,
        format=source.format or "",
        device=source.device if isinstance(source.device, str) else "{device}" if named else "",
        dialect="sparkplug" if sparkplug else "senml",
        specs=specs,
        auto=source.metrics is None,
        names=SPARKPLUG,
        texts=sparkplug,
        ignore=frozenset(source.ignore),
    )


def _clock_column(source: Source) -> str:
    """Return the column of a CSV that is the time by its name."""
    if source.format != "csv":
        return ""
    return next((name for name in source.columns or ("time",) if name.lower() in CLOCKS), "")


def specs_of(name: str, mapping: MetricMapping) -> list[Spec]:
    """Turn a mapping into specs: a position is two metrics, three with its error."""
    unless = (mapping.skip_if,) if mapping.skip_if is not None else ()
    if mapping.lat is not None and mapping.lon is not None:
        specs = [
            Spec("latitude", mapping.lat, "deg", unless=unless),
            Spec("longitude", mapping.lon, "deg", unless=unless),
        ]
        if mapping.error is not None:
            specs.append(Spec("position_error", mapping.error, mapping.unit or "m", unless=unless))
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
            unless=unless,
            aggregate=mapping.aggregate,
        )
    ]
