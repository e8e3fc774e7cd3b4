from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd.audience import invites
from alertd.model import DAY, HOUR

NOW = 1_795_312_200_000_000


@given(st.binary(min_size=5, max_size=5))
def test_every_forty_bits_make_a_code_of_their_own(random: bytes) -> None:
    code = invites.code_from(random)
    plain = invites.canonical(code)
    assert len(code) == 9
    assert plain == code.replace("-", "")
    number = 0
    for sign in code.replace("-", ""):
        number = number * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(sign)
    assert number.to_bytes(5, "big") == random


def test_a_code_needs_its_forty_bits() -> None:
    with pytest.raises(ValueError, match="5 random bytes"):
        invites.code_from(b"abcd")


@pytest.mark.parametrize("typed", ["K7Q0-1MX1", "k7q0 1mxl", "K7QO-IMXL", "k7qoimx1", " K7Q0—1MXI "])
def test_tired_fingers_are_understood(typed: str) -> None:
    assert invites.canonical(typed) == "K7Q01MX1"


@pytest.mark.parametrize("typed", ["", "K7Q0-1MX", "K7Q0-1MX12", "K7Q0-1MXU", "K7Q0-1MXß", "K7Q0-1MX٣"])
def test_what_cannot_be_a_code_is_none(typed: str) -> None:
    assert invites.canonical(typed) is None


def test_an_invite_keeps_the_hash_alone_and_ends_after_a_day() -> None:
    code, invite = invites.new("anna", b"12345", NOW)
    assert code.replace("-", "") not in repr(invite)
    assert invite.code_hash == invites.code_hash(invites.canonical(code.lower()) or "")
    assert invites.valid(invite, NOW + DAY - 1)
    assert not invites.valid(invite, NOW + DAY)
    assert not invites.valid(invites.redeemed(invite, NOW + 1), NOW + 2)


def test_five_wrong_tries_an_hour() -> None:
    assert not invites.exhausted([NOW - 1] * 4, NOW)
    assert invites.exhausted([NOW - 1] * 5, NOW)
    assert not invites.exhausted([NOW - HOUR] + [NOW - 1] * 4, NOW)


def test_links_send_the_code_with_one_press() -> None:
    assert invites.link("telegram", "@farm_bot", "K7Q2-9MXW") == "https://t.me/farm_bot?start=K7Q2-9MXW"
    assert invites.link("whatsapp", "+49 151 1", "K7Q2-9MXW") == "https://wa.me/491511?text=JOIN%20K7Q2-9MXW"
    assert invites.link("signal", "+4915112345678", "K7Q2-9MXW") == "https://signal.me/#p/+4915112345678"
    assert invites.link("matrix", "@alertd:hof.example", "K7Q2-9MXW") == "https://matrix.to/#/@alertd:hof.example"
    assert invites.link("sms", "+49", "K7Q2-9MXW") is None


def test_a_familys_link_asks_telegram_for_its_group() -> None:
    assert invites.link("telegram", "@hofbot", "K7Q2-9MXW", shared=True) == "https://t.me/hofbot?startgroup=K7Q2-9MXW"
    assert invites.link("signal", "+491511", "K7Q2-9MXW", shared=True) == "https://signal.me/#p/+491511"
