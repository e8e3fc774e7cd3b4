"""What goes into the fields of a WeChat template, and how long each kind may be.

A field's name begins with its kind (`thing1`, `character_string3`); what is too long or of the wrong form makes
WeChat refuse the whole message (47003).

Source: developers.weixin.qq.com/doc/service (template messages, field kinds).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from alertd.messengers.text import begun, clean, units
from alertd.model import SECOND, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alertd.model import Message

LIMITS: Final = {"thing": 20, "character_string": 32, "time": 32, "number": 32, "phrase": 5, "short_thing": 5}
"""Kind of a field to its longest content in characters; any other kind: `OTHER`."""
OTHER: Final = 20
_PHRASES: Final = {"critical": "紧急", "warning": "警告", "info": "提示"}
_NEWS: Final = {Kind.RESOLVE: "已恢复正常", Kind.TAKEN: "已有人处理", Kind.DIGEST: "汇总"}
"""What stands in place of the severity where nobody has to do anything: normal again, taken, a summary."""
_ENDED: Final = "已结束"
_EMPTY: Final = {"phrase": "提示", "number": "0", "character_string": "-"}
_CHINA: Final = timezone(timedelta(hours=8))
"""All of China has one clock, and WeChat's service accounts reach nobody elsewhere."""
_KIND: Final = re.compile(r"[a-z_]+")


def filled(fields: Mapping[str, str], message: Message) -> dict[str, dict[str, str]]:
    """Return the template's `data`: each field with what the operator wants there, cut to its kind."""
    facts = _facts(message)
    data = {}
    for field, what in fields.items():
        found = _KIND.match(field)
        kind = found.group().rstrip("_") if found else ""
        data[field] = {"value": _fit(kind, what, facts) or _EMPTY.get(kind, "–")}
    return data


def _facts(message: Message) -> dict[str, str]:
    lines = [" ".join(line.split()) for line in clean(message.text).splitlines() if line.strip()] or ["…"]
    facts = {"what": lines[0], "short": lines[0], "since": "", "todo": "", "value": "", "normal": ""}
    facts["number"] = message.alerts[0] if message.alerts else ""
    facts["moment"] = f"{datetime.fromtimestamp(message.due // SECOND, UTC).astimezone(_CHINA):%Y-%m-%d %H:%M}"
    parts = message.data.get("parts")
    if isinstance(parts, dict):
        since, _, todo = clean(str(parts["since"])).partition(". ")
        facts |= {"since": since, "todo": todo, "value": clean(str(parts["bad"])), "number": str(parts["number"])}
        pieces = {name: " ".join(clean(str(parts.get(name, ""))).split()) for name in ("what", "short", "moment")}
        facts |= {name: text for name, text in pieces.items() if text}
    alerts = message.data.get("alerts")
    first: Any = alerts[0] if isinstance(alerts, list) and alerts else {}
    facts["normal"] = str(first.get("normal") if first.get("normal") is not None else "")
    over = message.kind is Kind.TAKEN and first.get("state") == "resolved"
    facts["severity"] = _ENDED if over else _NEWS.get(message.kind, _PHRASES[message.severity.value])
    return facts


def _fit(kind: str, what: str, facts: Mapping[str, str]) -> str:
    text = facts.get(what, "")
    if kind == "phrase":
        return text if what == "severity" else ""
    if kind == "time":
        return facts["moment"]
    if kind == "character_string":
        text = "".join(sign for sign in text if sign.isascii() and sign.isprintable() and sign != " ")
        return text[: LIMITS[kind]]
    if kind == "number":
        text = "".join(re.findall(r"-?\d+\.?\d*", text)[:1])
    limit = LIMITS.get(kind, OTHER)
    return begun(facts["short"] if what == "what" and units(text) > limit else text, limit)
