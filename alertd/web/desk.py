"""The daemon as HTTP sees it: what can be asked and what can be done.

`app.py` implements `Desk`; nothing else of the daemon is known here. Rows are plain
JSON values with times in RFC 3339 UTC, in the shapes of CONTRACT.md sections 3 to 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alertd.model import Micros

Row = dict[str, Any]
"""One JSON object: strings, finite numbers, booleans, None, lists and dicts of them."""


@dataclass(frozen=True, slots=True)
class Part:
    """How one part of the daemon is. `text` is one sentence without personal data: `/healthz` is open."""

    ok: bool
    text: str


@dataclass(frozen=True, slots=True)
class Health:
    """How the daemon is: windows, subscriptions, broker, store, couriers, unreached."""

    parts: Mapping[str, Part]

    @property
    def ok(self) -> bool:
        """Return whether every part works."""
        return all(part.ok for part in self.parts.values())


class Desk(Protocol):
    """Where HTTP and the shell bring what they want. Called on the engine's loop, one call at a time or many.

    Any awaited call may be cancelled after 15 s; what it had begun may still be done.
    """

    def health(self) -> Health:
        """Say how each part is, from memory, at once."""

    def metrics(self) -> bytes:
        """Return the Prometheus text exposition (`Metrics.render`)."""

    def alerts(self, state: str) -> list[Row]:
        """Return alerts in the JSON of CONTRACT.md section 4; `state` is `open` (pending and firing) or `all`."""

    async def past_alerts(self, limit: int, before: int | None) -> list[Row]:
        """Return alerts of any state that the store keeps, the highest number first, from below `A-<before>`."""

    def labels(self) -> set[str]:
        """Return the labels that any device or series has."""

    def people(self) -> list[Row]:
        """Return subscribers, each with at least `id`, `name` and `channels` (messengers that reach them)."""

    def devices(self) -> list[Row]:
        """Return devices listed and heard, each with at least `id` and `name` (its id where it has none)."""

    def rules(self) -> list[Row]:
        """Return the rules in force, each with at least `name`; `warming` of its `series` it cannot judge yet."""

    def sources(self) -> list[Row]:
        """Return sources, each with at least `name`."""

    def doctor(self, seconds: float) -> list[Row] | None:
        """Return what the doctor found after listening for so long; None while it is still looking."""

    def route(self, facts: Mapping[str, str], at: Micros | None) -> Row:
        """Return who would get what, when and why, if an alert fired at `at` (None: now) and nobody answered for a day.

        Raises:
            ValueError: no alert like this can be; the message is a sentence.
        """

    async def command(
        self, action: str, number: int, by: str | None, until: Micros | None, comment: str, via: str
    ) -> Row | None:
        """Carry out one command on alert `A-<number>` and return the alert after the commit, None if there is none.

        `action`: ack, unack, snooze, resolve, false_alarm. `until` only with snooze. `via`: api, page or shell.
        """

    def silences(self, state: str) -> list[Row]:
        """Return silences, `active` or `all` (also those that ended within two days), each with at least `id`."""

    async def silence(self, match: Mapping[str, Any], until: Micros, reason: str, by: str | None, via: str) -> Row:
        """Make a silence and return it after its commit."""

    async def end_silence(self, number: int, by: str | None, via: str) -> Row | None:
        """End silence `S-<number>` and return it after the commit, None if there is none; one that is over stays so."""

    async def invite(self, person: str, messenger: str | None) -> Row:
        """Make a code to join by: `{"code": …, "links": {messenger: url}}`, committed.

        Raises:
            KeyError: nobody has this id.
            ValueError: this farm has no such messenger; the message is a sentence.
        """

    async def export(self, person: str) -> Row:
        """Return everything held of a person.

        Raises:
            KeyError: nothing is.
        """

    async def erase(self, person: str) -> Row:
        """Take a person out of the store but for the consent ledger: `{"messages": n, "alerts": n, "listed": bool}`.

        `listed`: the configuration still names them; nothing is sent to them all the same.

        Raises:
            KeyError: nothing is held.
        """

    async def send_test(self, person: str, messenger: str | None) -> Row:
        """Send one test message through the real path, on the first or the named channel.

        Returns `{"messenger": …, "outcome": sent | retry | reject | unsure | refused, "ref": …, "why": …}`;
        refused: nothing was sent, for want of consent or of such a channel.

        Raises:
            KeyError: nobody has this id.
            ValueError: this farm has no such messenger; the message is a sentence.
        """

    async def switchings(self, limit: int, cursor: str | None) -> tuple[list[Row], str | None]:
        """Return at most `limit` wishes to switch a device, newest first, and the cursor of the next page.

        Raises:
            ValueError: the cursor is none of ours.
        """

    async def messages(self, limit: int, cursor: str | None) -> tuple[list[Row], str | None]:
        """Return at most `limit` messages, newest first, and the cursor of the next page.

        Raises:
            ValueError: the cursor is none of ours.
        """

    async def readings(
        self,
        device: str | None,
        metric: str | None,
        start: Micros | None,
        end: Micros | None,
        limit: int,
        cursor: str | None,
        *,
        labels: bool = False,
    ) -> tuple[list[Row], str | None]:
        """Return at most `limit` reading lines with `start` <= time < `end`, oldest first, and the next cursor.

        With `labels` also the group and labels that rules may match on.

        Raises:
            ValueError: the cursor is none of ours.
        """
