"""The words of alertd, as values.

Times are whole microseconds since 1970-01-01 UTC (`Micros`), durations whole
microseconds: integers, because alert ids are hashes of times and floats at
1.8e9 seconds step by 0.24 microseconds. Everything here is data; behaviour
lives in the part that owns it.
"""

from alertd.model.alerts import MUTED, Alert, Aside, Incident, Severity, Silence, State
from alertd.model.changes import Changes
from alertd.model.events import (
    OBJECT,
    Appointment,
    Command,
    Event,
    Figures,
    Inbound,
    Link,
    Monthly,
    Rota,
    RuleFigures,
    Said,
    Settled,
    Silencing,
    Spending,
    Trouble,
)
from alertd.model.messages import (
    Button,
    Channel,
    Delivery,
    Kind,
    Message,
    Outcome,
    Receipt,
    Reject,
    Retry,
    Sent,
    Unsure,
)
from alertd.model.people import ConsentEntry, DutyWish, Invite, PersonState, Stage, Switching
from alertd.model.readings import BAD, BAND, GOOD, Batch, Quality, Reading, Rejected, Series, Verdicts
from alertd.model.time import DAY, HOUR, MINUTE, SECOND, UNTIL_RESOLVED, Micros, Move, stable_id

__all__ = [
    "BAD",
    "BAND",
    "DAY",
    "GOOD",
    "HOUR",
    "MINUTE",
    "MUTED",
    "OBJECT",
    "SECOND",
    "UNTIL_RESOLVED",
    "Alert",
    "Appointment",
    "Aside",
    "Batch",
    "Button",
    "Changes",
    "Channel",
    "Command",
    "ConsentEntry",
    "Delivery",
    "DutyWish",
    "Event",
    "Figures",
    "Inbound",
    "Incident",
    "Invite",
    "Kind",
    "Link",
    "Message",
    "Micros",
    "Monthly",
    "Move",
    "Outcome",
    "PersonState",
    "Quality",
    "Reading",
    "Receipt",
    "Reject",
    "Rejected",
    "Retry",
    "Rota",
    "RuleFigures",
    "Said",
    "Sent",
    "Series",
    "Settled",
    "Severity",
    "Silence",
    "Silencing",
    "Spending",
    "Stage",
    "State",
    "Switching",
    "Trouble",
    "Unsure",
    "Verdicts",
    "stable_id",
]
