"""Plain sentences for what pydantic finds wrong: one for each kind of error, none in its own jargon."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from alertd.config.problem import closest, listing
from alertd.settings import parse_duration, show_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

    from alertd.config.document import Node

PATTERNS: Final = {
    r"^[A-Za-z0-9][A-Za-z0-9_.:-]*$": "must be one word of letters, digits and . _ : -",
    r"^(mqtts?|wss?)://[^\s@]+$": "must be mqtt://HOST:PORT, mqtts://, ws:// or wss://, without user name and password",
    r"^[a-z]{2}$": "must be a language such as en or de",
    r"^[^#+\s]+$": "must be a topic without +, # and spaces",
    r"^[^#+]+$": "must be a topic without + and #",
    r"^https?://": "must begin with https:// or http://",
    r"^https?://[^\s]+$": "must begin with https:// or http://",
    r"^[A-Z]{2}$": "must be a country such as DE",
    r"^[A-Z]{3}$": "must be a currency such as EUR",
    r"^\+[1-9][0-9]{6,14}$": 'must be a phone number such as "+4915112345678"',
    r"^\d+$": "must be digits in quotes",
    r"^v\d+\.\d+$": "must be a version such as v26.0",
    r"^\*[A-Z0-9]{7}$": 'must be a gateway id such as "*ALERTDX"',
    r"^(smtps?|smtp\+starttls)://[^\s@]+$": "must be smtp://HOST:PORT, smtps:// or smtp+starttls://, without user name",
    r"^[^@]*[^@\s]@[^@\s]+$": "must be an e-mail address",
}
"""What a pattern asks for, in words; `tests/config` proves that no pattern of the settings is missing."""

_SIMPLE: Final = {
    "missing": "is required",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "finite_number": "must be a finite number",
    "dict_type": "must be a mapping (key: value)",
    "model_type": "must be a mapping (key: value)",
    "model_attributes_type": "must be a mapping (key: value)",
    "union_tag_not_found": "kind is required",
    "date_type": "must be a date such as 2026-11-01",
    "date_parsing": "must be a date such as 2026-11-01",
    "date_from_datetime_parsing": "must be a date such as 2026-11-01",
    "datetime_type": "must be a date such as 2026-11-01",
    "datetime_parsing": "must be a date such as 2026-11-01",
    "datetime_from_date_parsing": "must be a date such as 2026-11-01",
}
_WITH_MORE: Final = re.compile(r"\s*[-+]?\d+([.,]\d+)?(?![\d.,])")
_LIMITS: Final = {
    "greater_than": ("gt", "must be greater than {}"),
    "greater_than_equal": ("ge", "must be at least {}"),
    "less_than": ("lt", "must be less than {}"),
    "less_than_equal": ("le", "must be at most {}"),
}


def sentence(error: ErrorDetails, node: Node | None) -> tuple[str, str]:
    """Say what is wrong and what may have been meant.

    Args:
        error: One entry of `ValidationError.errors()`.
        node: What the operator wrote there; None where something is missing.

    Returns:
        The reason, and the likely word or an empty string.
    """
    kind, context = error["type"], error.get("ctx", {})
    if kind in ("literal_error", "enum", "union_tag_invalid"):
        return _one_of(error, node)
    if kind == "string_type":
        return _text(node), ""
    if kind == "list_type":
        return _list(node), ""
    if kind in ("float_type", "float_parsing"):
        return _number(node), ""
    if kind in _SIMPLE:
        return _SIMPLE[kind], ""
    if kind in _LIMITS:
        name, words = _LIMITS[kind]
        return words.format(_limit(context[name], node)), ""
    if kind == "value_error":
        return str(context["error"]), ""
    if kind == "string_pattern_mismatch":
        return PATTERNS.get(context["pattern"], f"must look like {context['pattern']}"), ""
    if kind in ("string_too_short", "too_short", "string_too_long", "too_long"):
        return _length(kind, context), ""
    return error["msg"].replace("Input should", "must").replace("Value error, ", ""), ""


def _text(node: Node | None) -> str:
    """Ask for text; where a number, true or false was written, show the quoted form of it."""
    if node is not None and node.raw and not isinstance(node.value, str | dict | list):
        return f'must be text, write "{node.raw}"'
    return "must be text"


def _list(node: Node | None) -> str:
    """Ask for a list, and say how what was written becomes one."""
    if node is None:
        return "must be a list"
    if node.value is None:
        return "must be a list; without entries, write [] or take the line out"
    if isinstance(node.value, dict):
        return 'must be a list: begin each entry with "- "'
    return f"must be a list, write [{node.raw}]"


def _number(node: Node | None) -> str:
    """Ask for a number; where one was written with a unit, in quotes or with a comma, show it without."""
    found = _WITH_MORE.match(node.text) if node is not None and node.text is not None else None
    return f"must be a number, write {found[0].strip().replace(',', '.')}" if found else "must be a number"


def _one_of(error: ErrorDetails, node: Node | None) -> tuple[str, str]:
    context = error.get("ctx", {})
    if error["type"] == "union_tag_invalid":
        words = [word.strip(" '") for word in str(context["expected_tags"]).split(",")]
        written = str(context["tag"])
    else:
        words = expected_words(str(context["expected"]))
        written = node.raw if node is not None else ""
    if node is not None and node.raw in words and not isinstance(node.value, str):
        return f'must be text, write "{node.raw}"', ""
    return f"must be {listing(words)}", closest(written, words) if written else ""


def expected_words(expected: str) -> list[str]:
    """Split pydantic's `'a', 'b' or 'c'` into its words."""
    return [word.strip(" '") for word in expected.replace(" or ", ", ").split(",")]


def _limit(limit: Any, node: Node | None) -> str:
    """Write a limit in the unit in which the value was written: durations are microseconds inside."""
    if isinstance(limit, Enum):
        limit = limit.value
    try:
        parse_duration(node.text if node is not None else None)
    except ValueError:
        return f"{limit:g}" if isinstance(limit, float) else str(limit)
    return show_duration(int(limit))


def _length(kind: str, context: Mapping[str, Any]) -> str:
    few = "short" in kind
    count = context["min_length"] if few else context["max_length"]
    if few and count == 1:
        return "must not be empty"
    noun = "character" if kind.startswith("string") else "entry" if count == 1 else "entries"
    plural = "s" if noun == "character" and count != 1 else ""
    return f"must have at {'least' if few else 'most'} {count} {noun}{plural}"
