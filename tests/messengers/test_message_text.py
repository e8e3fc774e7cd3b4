"""Cutting and marking."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alertd.messengers.text import clean, cut, sent_again, units


def test_a_text_that_fits_stays_as_it_is() -> None:
    assert cut("Berta: 40.1 °C\nA-217", 4096) == "Berta: 40.1 °C\nA-217"


def test_the_number_of_the_alert_is_never_cut_off() -> None:
    short = cut("x" * 5000 + "\nA-217", 4096)

    assert short.endswith("…\nA-217")
    assert units(short) == 4096


def test_a_single_long_line_keeps_its_end() -> None:
    short = cut("Berta " * 1000 + "(A-217)", 4096)

    assert short.startswith("Berta Berta")
    assert short.endswith("(A-217)")
    assert units(short) <= 4096


@given(st.text(min_size=0, max_size=300), st.integers(min_value=10, max_value=120))
def test_no_text_is_too_long_and_no_sign_is_halved(text, limit) -> None:
    short = cut(clean(text), limit)

    assert units(short) <= limit
    assert short.encode("utf-8").decode("utf-8") == short


def test_the_mark_speaks_the_persons_language() -> None:
    assert sent_again("x", "de").startswith("Erneut gesendet")
    assert sent_again("x", "en").startswith("Sent again")
    assert sent_again("x", "fi").startswith("Sent again")


def test_half_a_pair_of_surrogates_becomes_a_question_mark() -> None:
    assert clean("a\ud800b") == "a?b"
