"""Duty calendars: files are found beside the file that names them, addresses go over TLS, the extra is there."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from alertd.audience.calendar import Calendar
from alertd.config.problem import Problem, problem
from alertd.rota.rota import REMEDY, installed
from alertd.settings import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alertd.config.config import Config
    from alertd.config.document import Node
    from alertd.config.problem import Keys

SAFE: Final = ("https", "webcal", "webcals")


def with_calendars(config: Config, tree: Node) -> tuple[Config, list[Problem], list[Problem]]:
    """Return the configuration with the calendars' files found, what is wrong with them, and warnings."""
    duty, errors, warnings = list(config.duty), [], []
    for keys, index, entry, node in _calendars(config, tree):
        if isinstance(entry.calendar, Secret):
            continue
        if "://" in entry.calendar:
            if not _safe(entry.calendar):
                errors.append(problem(node.place, keys, "must be https://…, http:// to this machine, or a file"))
            else:
                reason = "whoever has the address of a calendar can read it: use {env: NAME} or {credential: NAME}"
                warnings.append(problem(node.place, keys, reason))
            continue
        file = (Path(node.place.file).parent / entry.calendar).absolute()
        if not file.is_file():
            warnings.append(problem(node.place, keys, f"there is no file {file}"))
        duty[index] = entry.model_copy(update={"calendar": str(file)})
    return config.model_copy(update={"duty": duty}), errors, warnings


def missing_library(config: Config, tree: Node) -> Iterator[Problem]:
    """Yield that the library for calendars is not installed, where one is wanted."""
    for keys, _, _, node in _calendars(config, tree):
        if not installed():
            yield problem(node.place, keys, f"its library is not installed: {REMEDY}")
            return


def _calendars(config: Config, tree: Node) -> Iterator[tuple[Keys, int, Calendar, Node]]:
    listed = tree.get("duty")
    for index, entry in enumerate(config.duty):
        if isinstance(entry, Calendar):
            assert listed is not None  # the entry was made of it
            node = listed.items()[index].get("calendar")
            assert node is not None
            yield ("duty", index, "calendar"), index, entry, node


def _safe(where: str) -> bool:
    try:
        url = urlsplit(where)
        host = url.hostname or ""
        loopback = url.scheme == "http" and (host == "localhost" or ipaddress.ip_address(host).is_loopback)
    except ValueError:
        return False
    return bool(host) and (url.scheme in SAFE or loopback)
