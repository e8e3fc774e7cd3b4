"""Logging in holds as long as it should, for whom it should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd.model import DAY, SECOND
from alertd.web.session import Sessions

NOW = 1_795_313_700 * SECOND


def test_a_login_survives_a_restart_and_ends_after_thirty_days():
    cookie = Sessions("token").issue(NOW)
    assert Sessions("token").valid(cookie, NOW + 30 * DAY - 1)
    assert not Sessions("token").valid(cookie, NOW + 30 * DAY)


def test_a_new_token_logs_everybody_out():
    assert not Sessions("new").valid(Sessions("old").issue(NOW), NOW)


def test_without_token_a_session_is_of_this_process_only():
    assert not Sessions(None).valid(Sessions(None).issue(NOW), NOW)


def test_a_date_that_was_changed_breaks_the_signature():
    nonce, _, signature = Sessions("token").issue(NOW).split(".")
    assert not Sessions("token").valid(f"{nonce}.{NOW + DAY}.{signature}", NOW)


@pytest.mark.parametrize("cookie", [None, "", ".", "..", "a.b.c", "ä.1.ö", "\udcff.1.x"])
def test_rubbish_is_no_session(cookie):
    assert not Sessions("token").valid(cookie, NOW)


@given(st.text())
def test_nothing_guessed_is_a_session_or_a_forms_secret(text):
    sessions = Sessions("token")
    assert not sessions.valid(text, NOW)
    assert not sessions.form_matches(sessions.issue(NOW), text)


def test_the_secret_of_one_session_is_useless_in_another():
    sessions = Sessions("token")
    one, other = sessions.issue(NOW), sessions.issue(NOW)
    assert sessions.form_matches(one, sessions.form_secret(one))
    assert not sessions.form_matches(other, sessions.form_secret(one))
