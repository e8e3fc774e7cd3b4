"""Device actions are carried out: published once, at once or never, and the device's answer waited for.

A wish comes here when its confirmation is committed, so a crash leaves one of two things: a
wish nobody confirmed, or one that is confirmed and perhaps published. The second is never tried
again; the next start reports it as unknown (`left_behind`). Nothing here waits for a connection.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog

from alertd.conversation.switching import PROMPT
from alertd.ingest.labels import clean
from alertd.model import SECOND, Stage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping

    from alertd.ingest.settings import Action
    from alertd.model import Changes, Micros, Switching
    from alertd.seams import Clock, Raw, Source

log = structlog.get_logger("alertd.switching")

CATCHING_UP: Final = 30 * SECOND
"""How long after a connect what may be old is taken for old; a busy farm's source is unsure for longer."""
SHOWN: Final = 40
"""Characters of what a device said that the log shows."""


@dataclass(slots=True)
class _Listening:
    """Somebody waits for `expect` on `topic`; `heard` is what came instead."""

    topic: str
    expect: str
    came: asyncio.Future[None]
    heard: str = ""


class Switcher:
    """Carries out the wishes of one daemon's life.

    Args:
        actions: by name; topics and payloads come from here and from nowhere else.
        source: the connection.
        clock: time.
        report: told what became of a wish: its end, and a fault (`chat.switch.fault.…`) or "".
    """

    def __init__(
        self,
        actions: Mapping[str, Action],
        source: Source,
        clock: Clock,
        report: Callable[[Switching, Stage, str], Awaitable[None]],
    ) -> None:
        self._actions = actions
        self._source = source
        self._clock = clock
        self._report = report
        self._meant: asyncio.Queue[Switching] = asyncio.Queue()
        """No bound: conversation lets few wishes through (`conversation.switching`)."""
        self._listening: list[_Listening] = []
        self._up_at: Micros = 0

    @property
    def topics(self) -> Collection[str]:
        """Return where devices say what became of it."""
        return {action.result.topic for action in self._actions.values() if action.result is not None}

    def committed(self, changes: Changes) -> None:
        """Take the wishes whose confirmation a commit has written."""
        for switching in changes.switchings.values():
            if switching.stage is Stage.CONFIRMED:
                self._meant.put_nowait(switching)

    def linked(self, at: Micros) -> None:
        """The connection came: what the broker had kept comes first."""
        self._up_at = at

    def heard(self, messages: Iterable[Raw]) -> None:
        """Look whether a device says what somebody waits for; what the broker had kept says nothing about now."""
        if not self._listening:
            return
        for raw in messages:
            kept = raw.retained or (raw.backlog and raw.received - self._up_at < CATCHING_UP)
            for one in self._listening:
                if raw.topic == one.topic and not kept and not one.came.done():
                    one.heard = raw.payload.decode("utf-8", "replace").strip()
                    if one.heard == one.expect:
                        one.came.set_result(None)

    async def run(self) -> None:
        """Carry out wishes for ever, each on its own: a slow device keeps nobody else waiting."""
        async with asyncio.TaskGroup() as group:
            while True:
                switching = await self._meant.get()
                group.create_task(self._carry_out(switching), name=f"switch {switching.action}")

    async def _carry_out(self, switching: Switching) -> None:
        stage, fault = await self._switched(switching)
        log.info("switched", action=switching.action, by=switching.by, stage=stage.value, fault=fault)
        await self._report(switching, stage, fault)

    async def _switched(self, switching: Switching) -> tuple[Stage, str]:
        action = self._actions.get(switching.action)
        if action is None:
            return Stage.FAILED, "gone"
        deadline = (switching.confirmed or switching.asked) + PROMPT
        if self._clock.now() >= deadline:
            return Stage.FAILED, "late"
        if action.result is None:
            return await self._published(action, deadline)
        expect = action.result.expect.strip()
        listening = _Listening(action.result.topic, expect, asyncio.get_running_loop().create_future())
        self._listening.append(listening)  # before the publish: a device may be quicker than the broker's answer
        try:
            stage, fault = await self._published(action, deadline)
            if stage is Stage.FAILED:
                return stage, fault
            if await self._in_time(listening.came, self._clock.now() + action.result.within):
                return Stage.DONE, ""
            if stage is Stage.UNKNOWN:
                return stage, fault
            if listening.heard:
                log.warning("device says", action=action.name, said=clean(listening.heard[:SHOWN]), expected=expect)
            return Stage.SILENT, ""
        finally:
            self._listening.remove(listening)

    async def _published(self, action: Action, deadline: Micros) -> tuple[Stage, str]:
        """Publish now; unknown where the broker may have it and did not say so in time."""
        publish = action.publish
        answer = self._source.post(publish.topic, publish.payload.encode(), qos=publish.qos, seconds=PROMPT // SECOND)
        if answer is None:
            return Stage.FAILED, "offline"
        at_once = answer.done()
        if not await self._in_time(answer, deadline):
            return Stage.UNKNOWN, "cut"
        why = answer.result()
        if not why:
            return Stage.SENT, ""
        log.warning("not published", action=action.name, why=why)
        # An answer that was there at once means nothing was written; a later one without a refusal is a lost line.
        return (Stage.FAILED, "refused") if at_once or "refused" in why else (Stage.UNKNOWN, "cut")

    async def _in_time(self, future: asyncio.Future[Any], until: Micros) -> bool:
        """Wait for a future until then; return whether it came."""
        late = asyncio.ensure_future(self._clock.sleep_until(until))
        try:
            await asyncio.wait({future, late}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            late.cancel()
        return future.done()


def left_behind(switchings: Iterable[Switching]) -> list[Switching]:
    """Return the wishes of an earlier life of which nobody can tell whether they were carried out."""
    return [one for one in switchings if one.stage is Stage.CONFIRMED]
