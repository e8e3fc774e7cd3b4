"""An alert told to nobody ends as any other does, however many of its readings come in one batch."""

from __future__ import annotations

import numpy as np
import pytest
from farm import Farm, hot

SIGNS = {".": 20.0, "!": 35.0, "-": 29.0}
SPELLS = ("!" * 50, "!" * 40 + "." * 10, "!" * 20 + "-" * 20 + "!" * 20, "." * 40 + "!" * 40, "!.!" * 20)


def ended(spell: str, size: int, mode: str) -> list[object]:
    farm = Farm(hot(mode=mode, detect={"hold": "1m"}))
    farm.say((-120, "barn", 35))
    farm.say((-60, "barn", 35))
    told = [(30 * n, "barn", SIGNS[sign] + n / 1000) for n, sign in enumerate(spell)]
    for start in range(0, len(told), size):
        farm.say(*told[start : start + size])
    return [
        (one.id, one.number, one.state, one.value, one.fired, one.resolved, one.flaps, one.why)
        for one in farm.engine.book.alerts.values()
    ]


@pytest.mark.parametrize("spell", SPELLS)
def test_what_a_shadow_alert_shows_in_the_end_is_what_every_reading_by_itself_leads_to(spell):
    assert ended(spell, len(spell), "shadow") == ended(spell, 1, "shadow") == ended(spell, 7, "shadow")


def test_what_people_are_told_of_takes_every_reading_and_ends_the_same():
    assert ended(SPELLS[2], 60, "live") == ended(SPELLS[2], 1, "live")
    assert np.isclose(ended(SPELLS[0], 50, "shadow")[0][3], 35.049)
