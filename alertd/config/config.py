"""The configuration as one value: the parts' own settings, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field, model_validator
from pydantic_core import CoreSchema, core_schema

from alertd.alerting.settings import Inhibit, QuietTime, Rule
from alertd.audience.duty import DutyEntry
from alertd.audience.settings import Subscriber
from alertd.conversation.settings import Conversation
from alertd.detect.derived import Derived
from alertd.ingest.settings import Action, Device, Limits, Mqtt, Publish, Source
from alertd.messengers import SETTINGS
from alertd.settings import Settings
from alertd.store.settings import StoreSettings
from alertd.web.settings import Web

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler

UNCONFIGURED: Final = frozenset({"console", "apprise"})
"""Messengers whose channels need nothing under `messengers:`."""


class _OneEach:
    """Makes pydantic read `messengers:` as one entry a messenger, each with that messenger's settings."""

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.typed_dict_schema(
            {
                name: core_schema.typed_dict_field(handler.generate_schema(settings), required=False)
                for name, settings in SETTINGS.items()
            },
            extra_behavior="forbid",
        )


class Farm(Settings):
    """Whose animals, and the defaults for people without their own."""

    name: str = Field("Farm", min_length=1)
    timezone: str = Field("UTC", description="IANA name such as Europe/Berlin")
    language: str = Field("en", pattern=r"^[a-z]{2}$", description="for people without their own")


class Privacy(Settings):
    """How careful to be with people."""

    double_opt_in: bool = Field(
        default=False, description="`consent:` in the file counts on a channel only after JOIN or START from there"
    )


class Config(Settings):
    """Everything an operator writes. A small file needs `mqtt`, a source, a rule and a subscriber.

    Relative paths of `include`, `devices_file` and `geofence` start at the file that names them;
    `store.path` starts at the working directory.
    """

    include: list[str] = Field(default_factory=list, description="files or patterns whose lists are added to these")
    farm: Farm = Field(default_factory=Farm)
    mqtt: Mqtt
    store: StoreSettings = Field(default_factory=StoreSettings)
    sources: list[Source] = Field(min_length=1)
    devices: list[Device] = Field(default_factory=list)
    devices_file: str | None = Field(None, description="CSV with the same columns; further columns are labels")
    derived: list[Derived] = Field(default_factory=list)
    rules: list[Rule] = Field(default_factory=list)
    inhibit: list[Inhibit] = Field(default_factory=list)
    quiet_times: list[QuietTime] = Field(default_factory=list, description="planned quiet that comes back")
    messengers: Annotated[dict[str, Settings], _OneEach] = Field(default_factory=dict)
    subscribers: list[Subscriber] = Field(default_factory=list)
    duty: list[DutyEntry] = Field(default_factory=list, description="who is on duty when; not named: always")
    operator: str | None = Field(None, description="who is told of alertd's own trouble; default: the first subscriber")
    privacy: Privacy = Field(default_factory=Privacy)
    actions: list[Action] = Field(default_factory=list)
    conversation: Conversation = Field(default_factory=Conversation)
    publish: Publish | None = None
    web: Web = Field(default_factory=Web)
    limits: Limits = Field(default_factory=Limits)

    @model_validator(mode="after")
    def _nothing_to_set(self) -> Config:
        """Give channels on messengers that need no settings those messengers."""
        used = {name for person in self.subscribers for channel in person.channels for name in channel}
        for name in sorted(used & UNCONFIGURED):
            self.messengers.setdefault(name, SETTINGS[name]())
        return self
