"""For how long and until when, as people write it."""

from __future__ import annotations

import pytest
from barn import NOW
from hypothesis import given
from hypothesis import strategies as st

from alertd.conversation.moments import ends_at, lasting
from alertd.model import DAY, HOUR, MINUTE

BERLIN = "Europe/Berlin"  # 02:50 on a Sunday in November


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("2h", 2 * HOUR),
        ("2 h", 2 * HOUR),
        ("1h30m", 90 * MINUTE),
        ("1 h 30 min", 90 * MINUTE),
        ("1,5 Stunden", 90 * MINUTE),
        ("1.5h", 90 * MINUTE),
        ("eine Stunde", HOUR),
        ("an hour", HOUR),
        ("2 Std.", 2 * HOUR),
        ("3 uur", 3 * HOUR),
        ("3 dni", 3 * DAY),
        ("18:00", 15 * HOUR + 10 * MINUTE),
        ("until 18:00", 15 * HOUR + 10 * MINUTE),
        ("bis 18.00", 15 * HOUR + 10 * MINUTE),
        ("bis 18 Uhr", 15 * HOUR + 10 * MINUTE),
        ("18 Uhr", 15 * HOUR + 10 * MINUTE),
        ("bis 6", 3 * HOUR + 10 * MINUTE),
        ("jusqu'à 18h", 15 * HOUR + 10 * MINUTE),
        ("tot 18 uur", 15 * HOUR + 10 * MINUTE),
        ("until 6 pm", 15 * HOUR + 10 * MINUTE),
        ("until 6am", 3 * HOUR + 10 * MINUTE),
        ("until 12 am", 21 * HOUR + 10 * MINUTE),
        ("bis 02:50", DAY),
        ("tomorrow", 3 * HOUR + 10 * MINUTE),
        ("bis morgen früh", 3 * HOUR + 10 * MINUTE),
        ("bis morgen 8 Uhr", 29 * HOUR + 10 * MINUTE),
        ("2", None),
        ("", None),
        ("0h", None),
        ("-1h", None),
        ("until", None),
        ("bis 25", None),
        ("bis 18:60", None),
        ("until 13 pm", None),
        ("later", None),
        ("2h vielleicht", None),
        ("morgen vielleicht", None),
    ],
)
def test_when_it_ends(text: str, after: int | None) -> None:
    assert ends_at(text.split(), BERLIN, NOW) == (None if after is None else NOW + after)


@given(st.lists(st.text(max_size=8) | st.sampled_from(["bis", "morgen", "2", "h", "18:00", "pm", "1,5h"]), max_size=5))
def test_nothing_written_raises_and_no_end_lies_behind(tokens: list[str]) -> None:
    end = ends_at(tokens, BERLIN, NOW)
    assert end is None or end > NOW
    assert lasting(tokens) is None or lasting(tokens) > 0
