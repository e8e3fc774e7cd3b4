"""What the operator writes about where readings come from."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from alertd.model import MINUTE, SECOND, stable_id
from alertd.settings import Duration, Name, Secret, Settings, Text, day_or_moment

Format = Literal["json", "number", "text", "csv", "senml", "sparkplug"]


class Tls(Settings):
    """Certificates for `mqtts://` and `wss://`; without it the system's authorities are trusted."""

    ca: str | None = Field(None, description="file with the broker's certificate authority")
    cert: str | None = Field(None, description="our certificate, where the broker wants one")
    key: str | None = Field(None, description="its private key")


class Mqtt(Settings):
    """The broker. One persistent session with a fixed client id."""

    url: str = Field(description="mqtt://HOST:PORT, mqtts://, ws:// or wss://", pattern=r"^(mqtts?|wss?)://[^\s@]+$")
    client_id: str = Field("alertd", min_length=1, max_length=128, description="fixed: it names the kept session")
    username: str | None = None
    password: Secret | None = None
    protocol: Literal["5", "3.1.1", "auto"] = Field(
        "auto", description="auto: 5, and 3.1.1 where the broker refuses it"
    )
    tls: Tls | None = None
    inflight: int = Field(
        20, ge=1, le=65535, description="unacknowledged messages the broker is assumed to allow on MQTT 3.1.1"
    )
    keepalive: Duration = Field(60_000_000, description="ping interval", validate_default=False)
    status_topic: str | None = Field(None, description="default <publish.topic>/status, else none")


class MetricMapping(Settings):
    """Where one metric stands in a payload and what it means."""

    path: str | None = Field(None, description="dotted path, a[0].b; default: the metric's name")
    unit: str | None = Field(None, description="the unit in the payload; readings carry the canonical one")
    map: dict[str, float] | None = Field(None, description="words to numbers, such as {open: 1, closed: 0}")
    kind: Literal["gauge", "counter", "state"] | None = None
    wrap: int | None = Field(None, gt=0, description="counter: the value at which it starts again at 0")
    missing: list[Any] = Field(default_factory=list, description="values that mean 'no measurement'")
    aggregate: Literal["max", "min", "mean", "sum"] | None = Field(
        None, description="of a path with [*]: what becomes of its many values; default by the metric's ending (_max)"
    )
    skip_if: str | None = Field(None, description="path of a flag that, when true, says that nothing was measured")
    lat: str | None = None
    lon: str | None = None
    error: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _position_is_whole(self) -> MetricMapping:
        if (self.lat is None) != (self.lon is None):
            raise ValueError("a position needs both lat and lon")
        return self


class TimeMapping(Settings):
    """Where a payload says when it was measured."""

    path: str
    format: Literal["auto", "rfc3339", "unix_s", "unix_ms", "unix_us", "unix_ns"] = "auto"
    timezone: str | None = Field(
        None, description="for local times without zone; default the source's, then the farm's"
    )

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value


class DevicePath(Settings):
    """The device's id stands in the payload."""

    path: str


class Source(Settings):
    """What to subscribe to, and how to read it."""

    name: str | None = Field(None, description="default: the preset or the topic")
    preset: str | None = None
    topic: str | None = Field(None, description="{name} is one level and becomes a label; + and # as in MQTT")
    format: Format | None = None
    qos: Annotated[int, Field(ge=0, le=2)] = 1
    device: str | DevicePath | None = Field(None, description='template such as "{device}", or {path: animal_id}')
    time: TimeMapping | None = None
    timezone: str | None = None
    each: str | None = Field(None, description="fan-out: history[*]; fields of the row win")
    metric: str | None = Field(None, description="number, text: the metric's name when the topic has no {metric}")
    metrics: dict[str, MetricMapping] | None = None
    ignore: list[str] = Field(default_factory=list)
    requests: bool = Field(
        True, description="sparkplug_b, victron: ask nodes for their names, keep a GX talking (publishes on the broker)"
    )
    profile: str | None = None
    separator: str = ","
    columns: list[str] | None = None
    header: bool = False
    unit: str | None = Field(None, description="number: the unit in the payload")

    @model_validator(mode="after")
    def _preset_or_topic(self) -> Source:
        if self.preset is None and (self.topic is None or self.format is None):
            raise ValueError("needs preset, or topic and format")
        return self

    @property
    def label(self) -> str:
        """Return the name by which metrics and errors call this source."""
        return self.name or self.preset or self.topic or "?"


class Alias(Settings):
    """Another id under which readings of a device come; with dates, the collar an animal wears for a time."""

    id: str = Field(min_length=1, max_length=128)
    from_: date | datetime | None = Field(None, alias="from", description="a date is its midnight; default always")
    until: date | datetime | None = Field(None, description="the day it was taken off; default never")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"id": value} if isinstance(value, str) else value

    @field_validator("from_", "until", mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return day_or_moment(value)


class Device(Settings):
    """An animal, sensor or place the operator knows by name: what readings are about. Unlisted devices work too."""

    id: str = Field(min_length=1, max_length=128)
    name: str | None = None
    tag: str | None = Field(None, description="official ear tag")
    species: str | None = None
    group: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    profile: str | None = None
    aliases: list[Alias] = Field(default_factory=list, description="ids of the collars and sensors that speak for it")


class Limits(Settings):
    """Caps against hostile or broken senders."""

    series: int = Field(20_000, ge=1, le=10_000_000)
    devices_per_source: int = Field(20_000, ge=1)
    payload_bytes: int = Field(65_536, ge=16)
    depth: int = Field(32, ge=1, le=100)


class Publish(Settings):
    """alertd's own alerts on MQTT, for Home Assistant, Node-RED and displays."""

    topic: str = Field(min_length=1, pattern=r"^[^#+\s]+$")
    commands: list[str] = Field(default_factory=list, description="people who may acknowledge through <topic>/command")
    home_assistant: bool = False


class Action(Settings):
    """A device switched from the chat."""

    class Publish(Settings):
        """What is published; the topic is never built from input."""

        topic: str = Field(pattern=r"^[^#+]+$")
        payload: str
        qos: Annotated[int, Field(ge=0, le=2)] = 1

    class Result(Settings):
        """What the device must answer, and by when."""

        topic: str = Field(pattern=r"^[^#+]+$")
        expect: str = Field(description="the whole payload, white space around it left out")
        within: Duration = 10 * SECOND

        @field_validator("within")
        @classmethod
        def _soon(cls, value: int) -> int:
            if not 0 < value <= 5 * MINUTE:
                raise ValueError("must be longer than 0s and at most 5m: somebody waits for the answer")
            return value

    name: Name
    label: Text
    publish: Publish
    confirm: bool = Field(default=False, description="asks back before it publishes")
    result: Result | None = None
    allowed: list[str] = Field(default_factory=list, description="who may; default nobody")

    @property
    def key(self) -> str:
        """Return what stands for this action in the data of a button: 12 hexadecimal digits of its name."""
        return stable_id("action", self.name)[:12]
