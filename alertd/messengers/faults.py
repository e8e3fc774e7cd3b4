"""Which messengers fail: logged and reported once, and once more when they work again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from alertd.messengers.policy import BUDGETED
from alertd.model import Reject, Retry, Sent, Trouble

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from alertd.model import Delivery, Micros, Outcome
    from alertd.seams import Settlement

log = structlog.get_logger("alertd.courier")


class Faults:
    """What is wrong with whom; `report` is told of every change."""

    def __init__(self, now: Callable[[], Micros], report: Callable[[Trouble], Awaitable[None]]) -> None:
        self._now = now
        self._report = report
        self._told: set[str] = set()
        self.failing: dict[str, Retry] = {}
        """By messenger: why it takes nothing now."""

    async def budget(self, delivery: Delivery, outcome: Outcome | Settlement) -> None:
        """Tell the operator when a month's budget is spent, and when what it held back is sent again."""
        key = f"budget:{delivery.channel.messenger}"
        match outcome:
            case Reject(unpaid=True, why=why):
                ways = "Critical messages are sent, others take the next channel or wait for the digest until it ends."
                await self.once(key, f"{delivery.channel.messenger}: {why}. {ways}")
            case Sent() if key in self._told and not delivery.message.critical and delivery.message.kind in BUDGETED:
                self._told.discard(key)
                over = f"{delivery.channel.messenger}: the monthly budget has room again."
                await self._report(Trouble(key, self._now(), over, over=True))

    async def watch(self, name: str, outcome: Outcome) -> None:
        """Log and report when a messenger begins and ceases to fail; once per change."""
        key = f"messenger:{name}"
        match outcome:
            case Retry(whole_account=True, why=why) | Retry(config=True, why=why):
                if name not in self.failing or self.failing[name].why != why:
                    log.warning("messenger fails", messenger=name, why=why)
                self.failing[name] = outcome
                if outcome.config:
                    await self.once(key, f"{name}: {why}. Messages wait until it is mended.")
            case Reject(ours=True, why=why):
                log.warning("messenger refuses what we send", messenger=name, why=why)
                await self.once(key, f"{name}: {why}. Messages take the next channel until it is mended.")
            case Sent() | Reject():
                if self.failing.pop(name, None) is not None:
                    log.info("messenger works again", messenger=name)
                if key in self._told:
                    self._told.discard(key)
                    await self._report(Trouble(key, self._now(), f"{name} works again.", over=True))

    async def once(self, key: str, text: str) -> None:
        """Report a trouble that has not been reported yet."""
        if key not in self._told:
            self._told.add(key)
            await self._report(Trouble(key, self._now(), text))
