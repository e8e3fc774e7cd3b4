"""Whom messages reached: what the outbox says of them, kept in the book, so that an alert nobody got is noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alertd.model import Kind
from alertd.telling import ACTIONABLE

if TYPE_CHECKING:
    from alertd.alerting.book import Book
    from alertd.model import Settled
    from alertd.undo import Undo


def know(book: Book, event: Settled, undo: Undo) -> None:
    """Note whom a message reached; nothing to commit, the outbox knows it already."""
    if event.state not in ("merged", "dropped"):  # ended in the outbox unseen, which nobody reports live
        book.settled.add(event.message)
    book.named.setdefault(event.message, (event.subscriber, event.alerts, event.at, event.kind))
    ids = [alert.id for text in event.alerts if (alert := book.numbered(int(text.removeprefix("A-"))))]
    asks = event.kind in (*ACTIONABLE, Kind.DIGEST)
    if asks and event.state in ("sent", "unsure"):
        for alert_id in ids:
            book.reached.setdefault(alert_id, set()).add(event.message)
            book.timers.cancel(("unreached", alert_id), undo)
            book.failures.pop(alert_id, None)
    elif asks and event.state in ("dead", "expired"):
        book.failures |= dict.fromkeys(ids, f"{event.subscriber}: {event.why}")
        for alert_id in ids:
            _not_after_all(book, alert_id, event, undo)
    elif event.kind is Kind.UNREACHED:
        if event.state == "sent":
            for alert_id in ids:
                book.unreached.pop(alert_id, None)
        elif event.state in ("dead", "expired", "unsure"):
            book.unreached |= dict.fromkeys(ids, event.at)


def _not_after_all(book: Book, alert_id: str, event: Settled, undo: Undo) -> None:
    """A message that had been taken did not arrive after all: if it was the only one, nobody was reached."""
    reached = book.reached.get(alert_id)
    if reached is None:
        return
    reached.discard(event.message)
    alert = book.alerts.get(alert_id)
    if not reached:
        del book.reached[alert_id]
        if alert is not None and alert.open and alert.unreached_due is not None:
            book.timers.set(("unreached", alert_id), max(alert.unreached_due, event.at), undo)
