"""docs/messenger-tables.md says what the code does, of every messenger and of every class of answers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from alertd.messengers import (
    MESSENGERS,
    facebook_errors,
    mail_errors,
    telegram_errors,
    twilio_errors,
    wechat_errors,
    whatsapp_errors,
)
from alertd.messengers.classes import MEANT, Class
from alertd.model import Reject, Retry, Sent, Unsure
from alertd.tools.messenger_tables import does, errors, page

PAGE = Path(__file__).parents[2] / "docs" / "messenger-tables.md"


def test_the_page_is_what_the_code_says():
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make docs`"


def test_every_messenger_has_its_line():
    for name in MESSENGERS:
        assert re.search(rf"^\| {name} \|", page(), re.MULTILINE), name


TABLES = {
    "whatsapp": whatsapp_errors.ERRORS.values(),
    "messenger": facebook_errors.ERRORS.values(),
    "wechat": wechat_errors.ERRORS.values(),
    "twilio": twilio_errors.ERRORS.values(),
    "telegram": [kind for *_, kind in telegram_errors.REFUSALS],
}


@pytest.mark.parametrize("module", [whatsapp_errors, facebook_errors, wechat_errors, twilio_errors])
def test_every_code_says_what_it_means(module):
    assert all(words for codes in module.CODES.values() for words in codes.values())


def test_every_class_of_errors_has_a_code_somewhere_and_an_outcome():
    assert {kind for kinds in TABLES.values() for kind in kinds} == set(Class) == set(MEANT)


def test_every_class_of_replies_is_used():
    found = {
        mail_errors.classify(step, code, "5.7.1")
        for step in mail_errors.PERMANENT
        for code in (*mail_errors.ANYWHERE, 450, 550)
    }
    found |= {mail_errors.classify(step, 550, "") for step in mail_errors.PERMANENT}
    assert found == set(mail_errors.Class)


def test_no_code_is_told_twice():
    for heading, rows in errors().items():
        codes = [row.code for row in rows]
        assert len(codes) == len(set(codes)), heading


def test_different_outcomes_are_told_apart():
    outcomes = (
        Sent(),
        Retry(""),
        Retry("", after=60.0),
        Retry("", whole_account=True),
        Retry("", whole_account=True, config=True),
        Reject(""),
        Reject("", gone=True),
        Reject("", ours=True),
        Unsure(""),
    )
    assert len({does(one) for one in outcomes}) == len(outcomes)
