"""What is well written and still wrong: time zones, languages, addresses, templates, files that are not there."""

from __future__ import annotations

import ipaddress
import re
import zoneinfo
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from alertd.config.names import entries
from alertd.config.problem import Keys, Problem, closest, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alertd.config.document import Node

_PHONE: Final = (re.compile(r"\+[1-9]\d{6,14}"), 'must be a phone number such as "+4915112345678"')
_ADDRESSES: Final = {
    "telegram": (re.compile(r"[^+\s]\S*"), 'must be a chat id such as "4711", not a phone number'),
    "whatsapp": (re.compile(r"\+[1-9]\d{6,14}|[A-Za-z]\S+"), _PHONE[1]),
    "messenger": (re.compile(r"[^+\s]\S*"), "must be a page-scoped id, not a phone number"),
    "threema": (re.compile(r"[A-Z0-9]{8}"), 'must be a Threema id such as "ABCD1234"'),
    "signal": (re.compile(r"\+[1-9]\d{6,14}|[A-Za-z0-9+/]{43}="), _PHONE[1] + ", or a group's id in base64"),
    "sms": _PHONE,
    "call": _PHONE,
    # Ids of rooms of version 12 and later name no server (spec.matrix.org, room version 12).
    "matrix": (re.compile(r"![^\s:]+(:\S+)?|#[^\s:]+:\S+|@[^\s:]+:\S+"), 'must be a room such as "!room:server"'),
    "email": (re.compile(r"[^\s@]+@[^\s@]+"), "must be an e-mail address"),
    "ntfy": (re.compile(r"[-\w]{1,64}", re.ASCII), "must be a topic of letters, digits, - and _"),
    "apprise": (re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE), "must be an Apprise URL (scheme://…)"),
}
_LANGUAGE: Final = re.compile(r"[a-z]{2}")


def check_forms(tree: Node) -> Iterator[Problem]:
    """Yield everything wrong with the form of values that pydantic takes as they are."""
    yield from _zones(tree)
    for keys, subscriber in entries(tree, "subscribers"):
        yield from _addresses(keys, subscriber)
    for keys, rule in entries(tree, "rules"):
        yield from _texts(rule.get("message"), (*keys, "message"))
    for keys, action in entries(tree, "actions"):
        yield from _texts(action.get("label"), (*keys, "label"))


def _zones(tree: Node) -> Iterator[Problem]:
    places: list[tuple[Keys, Node | None]] = [(("farm", "timezone"), tree.get("farm", "timezone"))]
    for keys, subscriber in entries(tree, "subscribers"):
        places.append(((*keys, "timezone"), subscriber.get("timezone")))
    for keys, source in entries(tree, "sources"):
        places.append(((*keys, "timezone"), source.get("timezone")))
        places.append(((*keys, "time", "timezone"), source.get("time", "timezone")))
    for keys, node in places:
        if node is None or node.text is None:
            continue
        try:
            zoneinfo.ZoneInfo(node.text)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # OSError: `Europe` is a folder
            hint = closest(node.text, zoneinfo.available_timezones())
            yield problem(node.place, keys, f"there is no time zone {node.text}", hint)


def _addresses(keys: Keys, subscriber: Node) -> Iterator[Problem]:
    channels = subscriber.get("channels")
    for index, channel in enumerate(channels.items() if channels is not None else []):
        where = (*keys, "channels", index)
        for messenger, address in channel.mapping().items():
            if address.text is None:
                continue
            form, reason = _ADDRESSES.get(messenger, (re.compile(r".*\S.*", re.DOTALL), "must not be empty"))
            if not form.fullmatch(address.text):
                yield problem(address.place, (*where, messenger), reason)
            elif messenger == "webhook" and not _safe_url(address.text):
                yield problem(address.place, (*where, messenger), "must be https://…, or http:// to this machine")


def _safe_url(text: str) -> bool:
    """Return whether a webhook goes over TLS, or does not leave this machine."""
    try:
        url = urlsplit(text)
        host = url.hostname or ""
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback if url.scheme == "http" else False
    except ValueError:
        return False
    return bool(host) and (url.scheme == "https" or loopback)


def _texts(node: Node | None, keys: Keys) -> Iterator[Problem]:
    """Check a text for everybody, or one per language: its language, and that it is a template."""
    if node is None:
        return
    for language, text in node.mapping().items():
        if not _LANGUAGE.fullmatch(language):
            assert node.keys is not None
            yield problem(node.keys[language], (*keys, language), "must be a language such as en or de")
        yield from _template(text, (*keys, language))
    yield from _template(node, keys)


def _template(node: Node, keys: Keys) -> Iterator[Problem]:
    if node.text is None or "{" not in node.text:
        return
    from jinja2 import TemplateSyntaxError  # noqa: PLC0415 (most labels are no templates)
    from jinja2.sandbox import SandboxedEnvironment  # noqa: PLC0415

    try:
        SandboxedEnvironment().parse(node.text)
    except TemplateSyntaxError as error:
        yield problem(node.place, keys, f"is not a template: {error.message}")
