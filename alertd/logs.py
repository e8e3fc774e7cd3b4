"""What happened, for operators: JSON lines for journald and pipes, colours on a terminal.

An entry is a short constant event and its facts as keys, so that a search for the
event finds all of its kind. Whatever comes in, nothing that reaches a person or opens
an account leaves: the last step before the text masks addresses and secrets, in facts,
texts and tracebacks alike.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from typing import TYPE_CHECKING, Any, Final, TextIO

import structlog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from structlog.typing import EventDict, Processor, WrappedLogger

MASK: Final = "***"
_SECRETS: Final = re.compile(
    r"token|secret|passw|authorization|cookie|signature|credential|api_?key|private_key|invite_code", re.IGNORECASE
)
_ADDRESSES: Final = frozenset({"address", "channel_address", "chat", "chat_id", "email", "phone", "sender"})
_IN_QUERY: Final = re.compile(
    r"([?&](?:[\w.-]*(?:token|secret|key|sig|signature|password|code|start|text))=)[^&\s\"']+", re.IGNORECASE
)
_PATTERNS: Final = (
    (re.compile(r"(://)[^/\s@]+@"), rf"\1{MASK}@"),  # mqtt://user:password@host
    (re.compile(r"(/bot)\d+(?::|%3A)[^/\s]+", re.IGNORECASE), rf"\1{MASK}"),  # Telegram carries its token in the path
    (_IN_QUERY, rf"\1{MASK}"),
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]+", re.IGNORECASE), rf"\1 {MASK}"),
    (re.compile(r"\b\d{6,12}:[A-Za-z0-9_-]{30,}"), MASK),  # a Telegram token by itself
    (re.compile(r"[\w.+-]+@(?=[\w-]+\.)"), f"{MASK}@"),
    (re.compile(r"\+\d[\d ()/-]{5,}(\d\d)(?!\d)"), rf"+{MASK}\1"),  # a phone; the last digits tell two apart
)
_LEVELS: Final = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
"""syslog(3) priorities, which journald reads from `<N>` at the start of a line (sd-daemon(3))."""


def configure(environ: Mapping[str, str], stream: TextIO | None = None, *, debug: bool = False) -> None:
    """Send every log line of this process to `stream` (default stderr): called once, by the composition root."""
    out = sys.stderr if stream is None else stream
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    finish: list[Processor]
    if out.isatty():
        plain = structlog.dev.plain_traceback  # the traceback is text already, so that it could be masked
        finish = [structlog.dev.ConsoleRenderer(timestamp_key="time", exception_formatter=plain)]
    else:
        finish = [structlog.processors.JSONRenderer(ensure_ascii=False)]
        if _is_journal(environ, out):
            finish.append(_with_priority)
    lines = logging.StreamHandler(out)
    lines.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _constant],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                mask,
                *finish,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [lines]
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    logging.getLogger("asyncio").setLevel(logging.WARNING)  # at debug it tells of every slow callback
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_logger_name,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def mask(_logger: WrappedLogger, _method: str, entry: EventDict) -> EventDict:
    """Take addresses and secrets out of an entry, whatever key or text they hide in."""
    return {key: _masked(key, value) for key, value in entry.items()}


def _masked(key: str, value: Any) -> Any:
    if _SECRETS.search(key):
        return MASK
    if key in _ADDRESSES:
        return MASK + str(value)[-2:] if isinstance(value, str | int) else MASK
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, dict):
        return {name: _masked(str(name), item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(key, item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return mask_text(str(value))


def mask_text(text: str) -> str:
    """Take e-mail addresses, phone numbers, tokens and credentials in URLs out of free text."""
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def _constant(_logger: WrappedLogger, _method: str, entry: EventDict) -> EventDict:
    """Libraries log sentences: those become a fact of one constant event."""
    record: logging.LogRecord = entry["_record"]
    return {**entry, "event": "library says", "logger": record.name, "text": entry["event"]}


def _with_priority(_logger: WrappedLogger, _method: str, line: Any) -> str:
    """Put the priority before the line. The level is its own key, never the text of a fact: facts are escaped JSON."""
    found = re.search(r'"level": "(\w+)"', line)
    return f"<{_LEVELS.get(found[1] if found else '', 6)}>{line}"


def _is_journal(environ: Mapping[str, str], stream: TextIO) -> bool:
    """Return whether the stream ends in journald: `$JOURNAL_STREAM` is `device:inode` of it (systemd.exec(5))."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
