"""What a person said is taken over: consent, channels, language, wishes to switch something, and what is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alertd.audience.erasing import anonymous_alert, anonymous_incident, anonymous_switching, names_person

if TYPE_CHECKING:
    from alertd.alerting.turn import Turn
    from alertd.audience.people import People
    from alertd.model import Said


def take_over(turn: Turn, said: Said, people: People) -> None:
    """Take over what a person said, once: what was heard before (a hook delivered twice) only moves the position."""
    changes, book = turn.changes, turn.book
    if said.position is not None:
        changes.positions[said.position[0]] = said.position[1]
    if said.update in book.commands:
        return
    turn.undo.item(book.commands, said.update)
    book.commands[said.update] = said.at
    changes.commands.append(said.update)
    if said.people or said.invites:
        turn.undo.call(people.apply(said.people, said.invites))
        changes.people |= {state.id: state for state in said.people}
        changes.invites |= {invite.code_hash: invite for invite in said.invites}
    for switching in said.switchings:
        turn.undo.item(book.switchings, switching.id)
        book.switchings[switching.id] = switching
        changes.switchings[switching.id] = switching
        fault = f": {switching.why}" if switching.why else ""
        changes.why.append(f"{switching.action}: {switching.stage} by {switching.by}{fault}")
    changes.consents += said.consents
    changes.messages += said.replies
    if said.erases is not None:
        _erase(turn, said.erases)


def _erase(turn: Turn, person: str) -> None:
    """Take a person out of what the book knows; the store does the same with what is older."""
    book, changes = turn.book, turn.changes
    for key, alert in list(book.alerts.items()):
        if names_person(alert, person):
            turn.undo.item(book.alerts, key)
            changes.alerts[key] = book.alerts[key] = anonymous_alert(alert, person)
    for key, incident in list(book.incidents.items()):
        if person in incident.told or any(one.person == person for one in incident.aside):
            turn.undo.item(book.incidents, key)
            changes.incidents[key] = book.incidents[key] = anonymous_incident(incident, person)
    for key, switching in [pair for pair in book.switchings.items() if pair[1].by == person]:
        turn.undo.item(book.switchings, key)
        changes.switchings[key] = book.switchings[key] = anonymous_switching(switching)
