"""Everything that Apprise reaches (over a hundred services): one way, by a library of its own, as an extra.

Apprise blocks, and takes seconds to load, so each message has a thread; it says yes or no, so what a
"no" meant is read from what it logs while it sends. What is not clear stays unsure.

Source: github.com/caronc/apprise (wiki: Development_API), tried with 2.2.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import re
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, ClassVar, Final

from alertd.messengers.exchange import REQUEST_TIMEOUT, Answer, judge
from alertd.messengers.text import clean, cut
from alertd.messengers.unpolled import Unpolled
from alertd.model import Kind, Reject, Retry, Sent, Severity, Unsure
from alertd.seams import Abilities
from alertd.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    import aiohttp

    from alertd.model import Delivery, Message, Micros, Outcome
    from alertd.seams import Hook

REMEDY: Final = "pip install 'alertd[apprise]'"
LIMIT: Final = 4000
"""Characters; services that take less cut it themselves."""
_STATUS: Final = re.compile(r"error=(\d{3})\b")
_NEVER_LEFT: Final = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeout|Failed to establish|Connection refused|SSLError"
)
"""How the library `requests` says that there was no connection."""
_GRAVITY: Final = {Severity.CRITICAL: "failure", Severity.WARNING: "warning", Severity.INFO: "info"}


_HEARING: ContextVar[_Heard | None] = ContextVar("hearing", default=None)
"""Who listens to what is logged here: the library hands the context on to its own threads."""


def installed() -> bool:
    """Tell whether the extra is there."""
    return importlib.util.find_spec("apprise") is not None


class AppriseSettings(Settings):
    """Everything Apprise can reach; the channel's address says all."""


class Apprise(Unpolled):
    """An address is a URL of Apprise's, with its secrets."""

    name = "apprise"
    settings: ClassVar[type[Settings]] = AppriseSettings
    abilities = Abilities(limit=LIMIT)
    hook: Hook | None = None

    def __init__(
        self,
        settings: AppriseSettings | None = None,  # noqa: ARG002 (every messenger is built with these)
        http: aiohttp.ClientSession | None = None,  # noqa: ARG002
        now: Callable[[], Micros] | None = None,  # noqa: ARG002
        *,
        timeout: float = REQUEST_TIMEOUT,
    ) -> None:
        """Take what every messenger takes; the library is loaded with the first message."""
        self._timeout = timeout

    async def send(self, delivery: Delivery) -> Outcome:
        """Hand one message to the library; a thread that takes too long is left to end by itself."""
        if not installed():
            return Retry(f"the extra is missing: {REMEDY}", whole_account=True, config=True)
        attempt = _Attempt()
        try:
            async with asyncio.timeout(self._timeout):
                work = asyncio.to_thread(_hand_over, delivery.channel.address, delivery.message, self._timeout, attempt)
                return await work
        except TimeoutError:
            if attempt.give_up():
                return Retry("Apprise is still loading its services")
            return Unsure(f"no answer within {self._timeout:g} s")

    async def check(self) -> str:
        """Return the library's version; the addresses belong to people and are not called.

        Raises:
            ConnectionError: the extra is missing, with the remedy.
        """
        if not installed():
            raise ConnectionError(f"apprise: the extra is missing: {REMEDY}")
        from importlib.metadata import version  # noqa: PLC0415 (only for this line)

        return f"apprise {version('apprise')}"


class _Attempt:
    """Whether the message may still go: the thread asks before it sends, we ask when the time is over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun = self._given_up = False

    def begin(self) -> bool:
        """Return whether it is still wanted, and from now on it may be told."""
        with self._lock:
            self._begun = not self._given_up
            return self._begun

    def give_up(self) -> bool:
        """Return whether it will not be told: nothing was sent, and nothing will be."""
        with self._lock:
            self._given_up = not self._begun
            return self._given_up


class _Heard(logging.Handler):
    """What the library logs of this message, in whatever thread of its own."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        _HEARING.set(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line."""
        if _HEARING.get() is self:
            self.lines.append(record.getMessage())


def _hand_over(address: str, message: Message, seconds: float, attempt: _Attempt) -> Outcome:
    """Send in this thread. The library's log holds addresses with secrets: it ends here."""
    import apprise  # noqa: PLC0415 (heavy, and an extra)

    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.INFO)
    heard = _Heard()
    logger.addHandler(heard)
    try:
        service = apprise.Apprise(asset=apprise.AppriseAsset(async_mode=False))
        known = service.add(_hurried(address, seconds)) and len(service) == 1
        if not known:
            return Reject("Apprise does not know this address")
        if not attempt.begin():
            return Retry("given up")
        title, body, gravity = _written(message)
        if service.notify(body, title, apprise.NotifyType(gravity), body_format=apprise.NotifyFormat.TEXT):
            return Sent()
    except Exception as error:  # noqa: BLE001 (its plugins are many; what they raise must not end the courier)
        return Unsure(f"{type(error).__name__} in Apprise")
    finally:
        logger.removeHandler(heard)
    return _meaning("\n".join(heard.lines))


def _hurried(address: str, seconds: float) -> str:
    """Have the library give up before we do: connecting (`cto`) and reading (`rto`) share the time."""
    if re.search(r"[?&][cr]to=", address):
        return address
    return f"{address}{'&' if '?' in address else '?'}cto={seconds * 0.4:g}&rto={seconds * 0.5:g}"


def _written(message: Message) -> tuple[str, str, str]:
    """Return title, text and gravity."""
    parts = message.data.get("parts")
    title = str(parts.get("what", "")) if isinstance(parts, dict) else ""
    gravity = "success" if message.kind is Kind.RESOLVE else _GRAVITY[message.severity]
    return " ".join(clean(title).split()), cut(clean(message.text), LIMIT), gravity


def _meaning(log: str) -> Retry | Reject | Unsure:
    """Say what a "no" meant."""
    status = _STATUS.search(log)
    if status is not None:
        outcome = judge(Answer(int(status[1]), {}), f"HTTP {status[1]}")
        return outcome if not isinstance(outcome, Retry) else Retry(outcome.why)
    if _NEVER_LEFT.search(log):
        return Retry("no connection")
    return Unsure("Apprise says no more than that it failed")
