"""Proposals as people read them: YAML for the file, rows for the table.

Everything that came from the broker is data: names are quoted as JSON (which is YAML)
unless they are plain words, so that no topic can become a key, a comment or an anchor.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from alertd.wording.figures import figure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alertd.tools.recognising import Findings, Proposal

PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_/.+-]*")
_WORDS: Final = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
LISTED: Final = 500
"""Devices written into a proposal at most; a larger herd is better kept in a devices_file."""
SHOWN: Final = 6
"""Values of one device in the table."""
ROWS: Final = 60
"""Rows of the table at most."""


def scalar(value: Any) -> str:
    """Write one value; text that could be read as anything else is quoted."""
    if isinstance(value, str) and PLAIN.fullmatch(value) and value.lower() not in _WORDS and not value.endswith("/"):
        return value
    return json.dumps(value, ensure_ascii=not (isinstance(value, str) and value.isprintable()))


def flow(value: Any) -> str:
    """Write a value in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return scalar(value)


def sources_yaml(proposals: Sequence[Proposal]) -> str:
    """Write `sources:` with a comment of what each was seen to bring."""
    lines = ["sources:"]
    for proposal in proposals:
        count = len(proposal.devices)
        metrics = list(dict.fromkeys(reading.metric for reading in proposal.readings))
        shown = ", ".join(metrics[:6]) + (", …" if len(metrics) > 6 else "")  # noqa: PLR2004 (one line)
        lines.append(f"  # {count} device{'' if count == 1 else 's'}: {shown}")
        lines += [f"  {'- ' if number == 0 else '  '}{line}" for number, line in enumerate(_block(proposal.source))]
    return "\n".join(lines) + "\n"


def devices_yaml(found: Findings) -> str:
    """Write `devices:`; empty where nothing was recognised."""
    ids = list(dict.fromkeys(device for proposal in found.proposals for device in proposal.devices))
    if not ids:
        return ""
    lines = ["devices:"]
    for device in ids[:LISTED]:
        name = found.names.get(device)
        lines.append("  - " + flow({"id": device} | ({"name": name} if name else {})))
    if len(ids) > LISTED:
        lines.append(f"  # and {len(ids) - LISTED} more: keep them in a devices_file")
    return "\n".join(lines) + "\n"


def rows(found: Findings) -> Iterator[tuple[str, str, str]]:
    """Yield (source, device, newest values), one row a device."""
    for proposal in found.proposals:
        label = str(proposal.source.get("preset") or proposal.source.get("topic"))
        newest: dict[str, dict[str, str]] = {}
        for reading in proposal.readings:
            value = figure(reading.value, reading.unit, reading.metric, "en") or ""
            newest.setdefault(reading.device, {})[reading.metric] = f"{reading.metric} {value}"
        for device, values in newest.items():
            more = ", …" if len(values) > SHOWN else ""
            yield label, device, ", ".join(list(values.values())[:SHOWN]) + more


def _block(source: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for key, value in source.items():
        if key == "metrics" and isinstance(value, dict):
            lines.append("metrics:")
            lines += [f"  {scalar(name)}: {flow(one)}" for name, one in value.items()]
        else:
            lines.append(f"{key}: {flow(value)}")
    return lines
