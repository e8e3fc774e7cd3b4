"""How settings are written: durations with units, secrets by reference, unknown keys are errors.

Every part keeps its own `Settings` beside its code; `alertd.config` only puts
them together.
"""

from __future__ import annotations

import os
import re
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

from alertd.model import DAY, HOUR, MINUTE, SECOND

UNITS: Final = {"ms": 1000, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_PART = re.compile(r"(\d+)(ms|[smhdw])")


class Settings(BaseModel):
    """Base of everything an operator writes: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


def parse_duration(text: object) -> int:
    """Turn `90s`, `15m`, `1h30m`, `3d`, `1w` into microseconds; a bare number is an error.

    Raises:
        ValueError: it is not a duration; the message shows how one is written.
    """
    if isinstance(text, bool) or not isinstance(text, str | int):
        raise ValueError("must be a duration such as 90s, 15m, 2h or 1h30m")  # noqa: TRY004 (pydantic wants ValueError)
    if isinstance(text, int):
        raise ValueError(f"must be a duration with a unit such as {text}s or {text}m, not a bare number")  # noqa: TRY004
    compact = text.strip()
    parts = _PART.findall(compact)
    if not parts or "".join(number + unit for number, unit in parts) != compact:
        raise ValueError(f"must be a duration such as 90s, 15m, 2h or 1h30m, not {text!r}")
    return sum(int(number) * UNITS[unit] for number, unit in parts)


def show_duration(micros: int) -> str:
    """Write a duration the way it is read: `5400000000` is `1h30m`, zero is `0s`."""
    if micros == 0:
        return "0s"
    rest, text = micros, ""
    for unit in ("w", "d", "h", "m", "s", "ms"):
        count, rest = divmod(rest, UNITS[unit])
        text += f"{count}{unit}" if count else ""
    return text


def day_or_moment(value: Any) -> Any:
    """Turn the text of a date or of a time into one; anything else stays, for the field's own type to refuse."""
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value) if len(value) <= len("2026-11-01") else datetime.fromisoformat(value)
    except ValueError:
        return value


Duration = Annotated[
    int,
    BeforeValidator(parse_duration),
    PlainSerializer(show_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^(\d+(ms|[smhdw]))+$", "examples": ["90s", "15m", "1h30m"]}),
]
"""Microseconds, written with a unit."""

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]*$", max_length=64)]
"""A word by which one part of the configuration names another."""

_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_MEANT = re.compile(r"([01]?\d|2[0-3])(?::?([0-5]\d))?")


def clock_time(value: Any) -> Any:
    """Return a time of day as written.

    Raises:
        ValueError: it is none; where it is plain which one is meant (6, "6:00", 2130), the text says how to write it.
    """
    if isinstance(value, str) and _CLOCK.fullmatch(value):
        return value
    meant = _MEANT.fullmatch(str(value)) if isinstance(value, str | int) else None
    if meant is None:
        raise ValueError('must be a time of day such as "21:30"')
    raise ValueError(f'must be a time of day, write "{int(meant[1]):02d}:{meant[2] or "00"}"')


ClockTime = Annotated[
    str,
    BeforeValidator(clock_time),
    WithJsonSchema({"type": "string", "examples": ["21:30"]}),
]
"""Local time of day, `HH:MM`, quoted."""

Text = str | dict[str, str]
"""One text for everybody, or one per language (`{en: …, de: …}`)."""


def text_in(text: Text, *languages: str) -> str:
    """Return a text in the first of these languages it has, else in English, else in any; "" if it has none."""
    if isinstance(text, str):
        return text
    return next((text[code] for code in (*languages, "en", *text) if code in text), "")


_REFERENCES: Final = ("env", "file", "credential")


class SecretMissingError(Exception):
    """A secret that cannot be read now; the message names where it was looked for."""


class Secret:
    """A secret by reference (`{env}`, `{file}`, `{credential}`) or, discouraged, as a literal.

    It never shows its value in a repr, log or error.
    """

    __slots__ = ("kind", "name")

    def __init__(self, kind: Literal["env", "file", "credential", "literal"], name: str) -> None:
        self.kind = kind
        self.name = name

    def __repr__(self) -> str:
        return "Secret(literal)" if self.kind == "literal" else f"Secret({self.kind}: {self.name})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (self.kind, self.name) == (other.kind, other.name)

    def __hash__(self) -> int:
        return hash((self.kind, self.name))

    def read(self) -> str:
        """Return the secret itself, without surrounding white space.

        Raises:
            SecretMissingError: the variable is not set, the file cannot be read, or nothing stands in it.
        """
        if self.kind == "literal":
            return self.name
        if self.kind == "env":
            if self.name not in os.environ:
                raise SecretMissingError(f"environment variable {self.name} is not set")
            return self._full(os.environ[self.name], f"environment variable {self.name}")
        if self.kind == "credential":
            folder = os.environ.get("CREDENTIALS_DIRECTORY")
            if folder is None:
                raise SecretMissingError(
                    f"credential {self.name}: $CREDENTIALS_DIRECTORY is not set"
                    f" (systemd: LoadCredential={self.name}:PATH)"
                )
            path = Path(folder) / self.name
        else:
            path = Path(self.name)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:  # ValueError: not UTF-8, or a path with a zero byte
            why = error.strerror if isinstance(error, OSError) else "not text"
            raise SecretMissingError(f"{self.kind} {path}: {why}") from None
        return self._full(text, f"{self.kind} {path}")

    @staticmethod
    def _full(text: str, where: str) -> str:
        if not text.strip():
            raise SecretMissingError(f"{where} is empty")
        return text.strip()

    @classmethod
    def parse(cls, value: Any) -> Secret:
        """Accept a string, or exactly one of `{env: …}`, `{file: …}`, `{credential: …}`."""
        match value:
            case Secret():
                return value
            case str() if value:
                return cls("literal", value)
            case {"env": str(name), **rest} if not rest:
                return cls("env", name)
            case {"file": str(name), **rest} if not rest:
                return cls("file", name)
            case {"credential": str(name), **rest} if not rest:
                return cls("credential", name)
        near = (
            get_close_matches(str(next(iter(value))), _REFERENCES, 1)
            if isinstance(value, dict) and len(value) == 1
            else []
        )
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise ValueError(f"must be {{env: NAME}}, {{file: PATH}}, {{credential: NAME}} or a string{hint}")

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.parse, serialization=core_schema.plain_serializer_function_ser_schema(repr)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        text = {"type": "string"}
        one = [
            {"type": "object", "properties": {key: text}, "required": [key], "additionalProperties": False}
            for key in ("env", "file", "credential")
        ]
        return {"anyOf": [text, *one]}
