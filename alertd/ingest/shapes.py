"""What a preset or a written source says about one topic, in plain words: the data the mapping compiles.

What the operator writes as a source becomes the same `Shape` as a preset's, so there is
one way to read a payload.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alertd.ingest.names import Name


@dataclass(frozen=True, slots=True)
class Spec:
    """One metric of a payload: where it stands and what it means, as `MetricMapping` writes it.

    `unless` are paths of flags, each of which, when true, says that nothing was measured;
    `aggregate` says what becomes of the many values of a path with `[*]`.
    """

    metric: str
    path: str = ""
    unit: str = ""
    words: Mapping[str, float] = field(default_factory=dict)
    kind: str | None = None
    wrap: int | None = None
    missing: tuple[Any, ...] = ()
    unless: tuple[str, ...] = ()
    aggregate: str | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """Where the objects that hold the metrics stand (`path`), and where such a row says its own time."""

    path: str = ""
    time: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """How the messages of one topic template are read, in plain words.

    What a topic means: `topic` template (`{base}` is replaced by the preset's first part, levels
    such as `{_path}` become no labels); `silent`: matched and not read; `device`: template, or path
    if `device_path`; `device_eui`: path of an EUI that wins over it; `bridge`: template of the
    device that these speak through, their label `bridge`; `role`: label of the device; `{prefix}`
    is the base where it is not the preset's usual one, so that two bridges are told apart;
    `request`: topic on which the sender is asked (`ingest.requests`), `{read}` is a base `N` as
    `R`; `twin`: a topic that ends with the first says the same as the one that ends with the
    second, which is read alone once it came; `metric`: fixed name or `{metric}`; `namer`: key of
    NAMERS that names the value by its topic.

    What a payload means: `dialect`: key of DIALECTS that makes rows of it; else `rows`:
    objects with metrics; `nested`: key of such an object that travels as text; `each`: fan-out
    where row fields win over the message's; `time`: path, `later_time` where that is empty;
    `specs`: metrics to take of a row, `outer`: of the message; `auto`: and every other number,
    renamed by `names`, without `ignore` (`named_only`: nothing but those; `texts`: numbers
    come as text); `otherwise` with `other_names`: the dialect for a message without rows;
    `undated`: whether a row with an impossible time is kept.

    Around it: `labels`: label to path; `tags`: path of an object of labels; `repeat`: paths of
    an id by which a message that comes twice is known, on the same topic or (`repeat_of`) of
    the same device; `models`: paths of the device's model; `profiled`: a profile may be
    chosen by it; `profile`: this one is. `columns`, `separator`, `header`: of CSV.
    """

    topic: str
    format: str = "json"
    silent: bool = False
    rows: tuple[Rows, ...] = (Rows(),)
    each: str | None = None
    time: str = ""
    time_format: str = "auto"
    device: str = "{device}"
    device_path: bool = False
    metric: str = ""
    specs: tuple[Spec, ...] = ()
    auto: bool = False
    names: Mapping[str, Name] = field(default_factory=dict)
    ignore: frozenset[str] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)
    tags: str = ""
    repeat: tuple[str, ...] = ()
    repeat_of: str = ""
    dialect: str = ""
    namer: str = ""
    later_time: str = ""
    nested: str = ""
    device_eui: str = ""
    bridge: str = ""
    role: str = ""
    request: str = ""
    twin: tuple[str, str] | None = None
    outer: tuple[Spec, ...] = ()
    named_only: bool = False
    texts: bool = False
    otherwise: str = ""
    other_names: Mapping[str, Name] = field(default_factory=dict)
    undated: bool = True
    models: tuple[str, ...] = ()
    profiled: bool = False
    profile: str = ""
    columns: tuple[str, ...] = ()
    separator: str = ","
    header: bool = False


@dataclass(frozen=True, slots=True)
class Preset:
    """Shapes in order: the first whose topic matches reads the message. `base`: the topics' changeable first part."""

    base: str
    shapes: tuple[Shape, ...]
