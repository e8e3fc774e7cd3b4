"""Secrets in a configuration: those written in clear, those that cannot be read now, and extras that are missing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from alertd.config.problem import Keys, Problem, problem
from alertd.config.prove import at
from alertd.messengers import apprise
from alertd.settings import Secret, SecretMissingError, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alertd.config.config import Config
    from alertd.config.document import Node

_SHELL: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
"""How Docker Compose and others write what is to be taken from the environment; no secret looks so."""


def secrets(value: Any, keys: Keys = ()) -> Iterator[tuple[Keys, Secret]]:
    """Yield every secret below `value` with its path."""
    if isinstance(value, Secret):
        yield keys, value
    elif isinstance(value, Settings):
        for name, field in type(value).model_fields.items():
            yield from secrets(getattr(value, name), (*keys, field.alias or name))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from secrets(inner, (*keys, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from secrets(inner, (*keys, index))


def literal_secrets(config: Config, tree: Node) -> Iterator[Problem]:
    """Yield a warning for each secret that stands in the file itself."""
    for keys, secret in secrets(config):
        if secret.kind == "literal":
            place = (at(tree, keys) or tree).place
            reason = "a secret in clear: use {env: NAME}, {file: PATH} or {credential: NAME}"
            if found := _SHELL.fullmatch(secret.name):
                reason = f"{secret.name} is not replaced here: write {{env: {found[1]}}}"
            yield problem(place, keys, reason)


def missing_extras(config: Config, tree: Node) -> Iterator[Problem]:
    """Yield each messenger whose library is not installed: a warning in `check`, an error in `run` and `doctor`."""
    if "apprise" in config.messengers and not apprise.installed():
        node = tree.get("messengers", "apprise") or tree.get("subscribers") or tree
        yield problem(node.place, ("messengers", "apprise"), f"its library is not installed: {apprise.REMEDY}")


def unreadable_secrets(config: Config, tree: Node) -> Iterator[Problem]:
    """Yield each secret that cannot be read now: a warning in `check`, an error in `run` and `doctor`."""
    for keys, secret in secrets(config):
        try:
            secret.read()
        except SecretMissingError as error:
            yield problem((at(tree, keys) or tree).place, keys, f"cannot be read now: {error}")
