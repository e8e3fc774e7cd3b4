from __future__ import annotations

import pytest
from barn import NOW, Barn, fever, two_fevers
from hypothesis import given
from hypothesis import strategies as st

from alertd.conversation.vocabulary import WORDS, Word, read, target
from alertd.model import HOUR, MINUTE

WHY = "Why was it false?"
FAR = 15 * HOUR + 10 * MINUTE
HELP_US = "HELP shows what you can write."
WHICH = [
    "Which one? Nothing was done yet. Write ACK with the number:",
    "A-218 Fever – Alma, dairy, 40.1 °C since 02:10",
    "A-217 Fever – Berta (DE 09 12300421), dairy, 40.1 °C since 02:10",
]

# who wrote what, what came back, which commands (action, numbers, hours until)
TRANSCRIPT = {
    "by number": ("ACK A-217", "A-217 taken by you 02:50", [("ack", (217,))]),
    "any case, no dash": ("ack a217", "A-217 taken by you 02:50", [("ack", (217,))]),
    "the bare number": ("Quitt 217", "A-217 taken by you 02:50", [("ack", (217,))]),
    "a slash and the bot's name": ("/ack@farm_bot A-217", "A-217 taken by you 02:50", [("ack", (217,))]),
    "two at once": ("ack A-217, A-218", "A-217, A-218 taken by you 02:50", [("ack", (217, 218))]),
    "an incident": (
        "ACK I-31",
        "A-217, A-218 taken by you 02:50\nA-200: already over since 01:50",
        [("ack", (217, 218))],
    ),
    "an unknown incident": ("ACK I-9", "I-9: no such alert", []),
    "already over": ("ACK A-200", "A-200: already over since 01:50", []),
    "already taken": ("ACK A-201", "A-201 already taken by Otto 02:45", []),
    "unknown": ("ACK A-9", "A-9: no such alert", []),
    "bare with two waiting": ("OK", "\n".join(WHICH), []),
    "a sentence is no ack": (
        "ok thanks",
        "Nothing was done. Write ACK A-217, or OK alone when only one alert is unanswered.",
        [],
    ),
    "a phone's own signs are no part of the word": ("“OK” 👍🏽\ufe0f", "\n".join(WHICH), []),
    "a voice that was written down": ("Ok A 217", "A-217 taken by you 02:50", [("ack", (217,))]),
    "a long dash": ("ok A–217", "A-217 taken by you 02:50", [("ack", (217,))]),
    "the words on the button": ("I’ll take it A-217", "A-217 taken by you 02:50", [("ack", (217,))]),
    "the words on a German button": ("ich übernehme a217!", "A-217 taken by you 02:50", [("ack", (217,))]),
    "a thumb alone is asked about": ("👍🏽", f"Did you mean OK? Nothing was done. {HELP_US}", []),
    "snooze until a time": ("SNOOZE until 18:00 A-217", "A-217: quiet for you until 18:00", [("snooze", (217,), FAR)]),
    "snooze until the morning": (
        "später bis morgen A-217",
        "A-217: quiet for you until 06:00",
        [("snooze", (217,), 3 * HOUR + 10 * MINUTE)],
    ),
    "snooze for hours with a comma": (
        "snooze 1,5h A-217,A-218",
        "A-217, A-218: quiet for you until 04:20",
        [("snooze", (217, 218), 90 * MINUTE)],
    ),
    "a falscher Alarm": (
        "Falscher Alarm A-217",
        f"A-217 ended as a false alarm 02:50\n{WHY}",
        [("false_alarm", (217,))],
    ),
    "a question is no ack": ("ok?", f"Did you mean OK? Nothing was done. {HELP_US}", []),
    "a mistyped word": ("SNOZE 2h", f"Did you mean SNOOZE? Nothing was done. {HELP_US}", []),
    "a short word with two letters swapped": ("AKC", f"Did you mean ACK? Nothing was done. {HELP_US}", []),
    "a word of ours is guessed before another language's": (
        "hlp",
        f"Did you mean HELP? Nothing was done. {HELP_US}",
        [],
    ),
    "chatter": ("Wie ist das Wetter?", f"I did not understand that, nothing was done. {HELP_US}", []),
    "snooze": ("SNOOZE 4h A-217", "A-217: quiet for you until 06:50", [("snooze", (217,), 4 * HOUR)]),
    "snooze in words": ("später 90 min a-217", "A-217: quiet for you until 04:20", [("snooze", (217,), 90 * MINUTE)]),
    "snooze without a time": ("SCHLUMMERN A-217", "A-217: quiet for you until 04:50", [("snooze", (217,), 2 * HOUR)]),
    "snooze taken alerts too": ("SNOOZE A-201", "A-201: quiet for you until 04:50", [("snooze", (201,), 2 * HOUR)]),
    "a number that could be hours": (
        "SNOOZE 2",
        "Nothing was done. Write SNOOZE 2h A-217 or SNOOZE until 18:00, at most SNOOZE 7d.",
        [],
    ),
    "too long": (
        "SNOOZE 8d A-217",
        "Nothing was done. Write SNOOZE 2h A-217 or SNOOZE until 18:00, at most SNOOZE 7d.",
        [],
    ),
    "false alarm": ("FALSE ALARM A-217", f"A-217 ended as a false alarm 02:50\n{WHY}", [("false_alarm", (217,))]),
    "false alarm and why": (
        "FALSE A-217 sensor",
        "A-217 ended as a false alarm 02:50\nA-217: noted (Sensor fault). Thank you.",
        [("false_alarm", (217,)), ("label", (217,))],
    ),
    "false alarm and why in German words": (
        "Fehlalarm A-217 Absicht",
        "A-217 ended as a false alarm 02:50\nA-217: noted (Moved on purpose). Thank you.",
        [("false_alarm", (217,)), ("label", (217,))],
    ),
}


@pytest.mark.parametrize(("text", "reply", "commands"), TRANSCRIPT.values(), ids=TRANSCRIPT)
def test_words_about_alerts(text: str, reply: str, commands: list[tuple[object, ...]]) -> None:
    barn = two_fevers()
    said = barn.take(barn.update(text))
    assert [one.text for one in said.replies] == [reply]
    done = [(one.action, one.numbers, *([one.until - NOW] if one.until else [])) for one in said.commands]
    assert done == commands
    assert all(one.by == "anna" and one.via == "telegram" for one in said.commands)


def test_a_bare_ok_takes_the_only_one_that_waits() -> None:
    barn = two_fevers()
    barn.alerts[1].acknowledged_by = "otto"
    said = barn.take(barn.update("Ok!"))
    assert [one.numbers for one in said.commands] == [(217,)]
    assert said.replies[0].text == "A-217 taken by you 02:50"


def test_a_reminder_of_the_same_alert_is_one_question() -> None:
    barn = Barn([fever(217)], {"m": ("anna", NOW - HOUR, (217,)), "again": ("anna", NOW, (217,))})
    assert [one.numbers for one in barn.take(barn.update("OK")).commands] == [(217,)]


def test_a_bare_ok_does_not_reach_back_beyond_twelve_hours() -> None:
    barn = Barn([fever(217)], {"m": ("anna", NOW - 12 * HOUR - 1, (217,))})
    assert barn.say("OK") == ["There is no unanswered alert of the last 12 hours. LIST shows what is open."]
    assert barn.say("OK", "4712") == [
        "In den letzten 12 Stunden ist kein Alarm unbeantwortet. LISTE zeigt, was offen ist."
    ]


def test_a_group_of_thousands_is_taken_in_one_line() -> None:
    barn = Barn([fever(number) for number in range(1, 1001)], incidents={31: tuple(range(1, 1001))})
    said = barn.take(barn.update("ACK I-31"))
    assert [len(one.numbers) for one in said.commands] == [1000]
    assert said.replies[0].text.endswith("A-9, A-10 and 990 more taken by you 02:50")


PRESSES = {
    "acknowledge": ("ack:m217", "A-217 taken by you 02:50", [("ack", (217,))]),
    "snooze": ("snz:m217", "A-217: quiet for you until 04:50", [("snooze", (217,))]),
    "false alarm": ("fa:m217", "A-217 ended as a false alarm 02:50", [("false_alarm", (217,))]),
    "an old message": ("ack:m200", "A-200: already over since 01:50", []),
    "a forgotten one": ("ack:gone", "This message is too old, nothing was done. LIST shows what is open.", []),
    "not ours": ("ack", "This message is too old, nothing was done. LIST shows what is open.", []),
    "nonsense": ("\0:m217", "This message is too old, nothing was done. LIST shows what is open.", []),
}


@pytest.mark.parametrize(("data", "text", "commands"), PRESSES.values(), ids=PRESSES)
def test_a_press_means_the_alerts_named_in_its_message(data: str, text: str, commands: list[object]) -> None:
    barn = two_fevers()
    spinning = barn.take(barn.update(data=data, callback="c"))
    asked = [WHY] if data == "fa:m217" else []
    assert (spinning.note, [one.text for one in spinning.replies]) == (text, asked)
    without = barn.take(barn.update(data=data))
    assert [one.text for one in without.replies] == ["\n".join([text, *asked])]
    for said in (spinning, without):
        assert [(one.action, one.numbers) for one in said.commands] == commands


def test_the_same_update_makes_the_same_ids_and_others_do_not() -> None:
    barn = two_fevers()
    update = barn.update("ACK A-217")
    first, second, other = barn.take(update), barn.take(update, NOW + 1), barn.take(barn.update("ACK A-217"))
    assert first.commands[0].id == second.commands[0].id != other.commands[0].id
    assert first.replies[0].id == second.replies[0].id != other.replies[0].id


def test_in_a_group_authority_is_the_senders() -> None:
    barn = two_fevers()
    anna = barn.take(barn.update("OK", "4711", address="-100"))
    assert [(one.by, one.numbers) for one in anna.commands] == [("anna", (217,))]
    assert anna.replies[0].channels[0].address == "-100"
    stranger = barn.take(barn.update("ACK A-217", "999", address="-100"))
    assert stranger.commands == []
    pressed = barn.take(barn.update(sender="999", address="-100", data="ack:g", callback="c"))
    assert (pressed.commands, "A-217" in pressed.note) == ([], False)
    assert barn.say("ok let us have dinner then", "999", address="-200") != []
    assert barn.say("see you at eight", "4711", address="-100") == []


@pytest.mark.parametrize(
    ("about", "numbers"), [("m217", [(217,)]), ("m218", [(218,)]), ("", []), ("forgotten", [])], ids=str
)
def test_an_answer_that_quotes_a_message_means_the_alerts_named_there(about: str, numbers: list[object]) -> None:
    barn = two_fevers()
    assert [one.numbers for one in barn.take(barn.update("OK", about=about)).commands] == numbers
    named = barn.take(barn.update("OK A-218", about=about)).commands
    assert [one.numbers for one in named] == [(218,)], "what is written counts"


def test_in_a_group_everybody_reads_who_did_it() -> None:
    barn = two_fevers()
    assert barn.say("ACK A-217", "4711", address="-100") == ["A-217 taken by Anna 02:50"]
    assert barn.say("FALSE A-218", "4712", address="-100")[0].startswith("A-218 ended as a false alarm by Otto 02:50")


def test_a_snooze_in_a_group_quiets_the_group_too() -> None:
    barn = two_fevers()
    quiet = "A-217: quiet in this group until 04:50, by Anna"
    said = barn.take(barn.update(sender="4711", address="-100", data="snz:g", callback="c"))
    assert [(one.action, one.by, one.numbers) for one in said.commands] == [
        ("snooze", "anna", (217,)),
        ("snooze", "family", (217,)),
    ]
    assert (said.note, [one.text for one in said.replies]) == (quiet, [quiet])


def test_a_group_nobody_listed_learns_nothing() -> None:
    barn = two_fevers()
    assert barn.say("LIST", "4711", address="-555")[0].startswith("Hello! I do not know you yet")


ACTING = {Word.STOP, Word.ACK, Word.SNOOZE, Word.FALSE, Word.DUTY, Word.LANGUAGE}
SPELLINGS = [spelling for spellings in WORDS.values() for spelling in spellings.split()]


@given(
    st.text()
    | st.lists(st.sampled_from([*SPELLINGS, "A-217", "2h", "on", "de", "/"]) | st.text(max_size=5)).map(" ".join)
)
def test_nothing_written_raises_and_only_words_act(text: str) -> None:
    barn = two_fevers()
    said = barn.take(barn.update(text))
    if read(text).word not in ACTING:
        assert not said.commands
        assert not said.people
    assert barn.take(barn.update(text, "999")).commands == []


@given(st.text(max_size=60))
def test_no_press_raises(data: str) -> None:
    barn = two_fevers()
    assert len(barn.take(barn.update(data=data or "x", callback="c")).note) <= 200


@given(st.sampled_from([Word.ACK, Word.SNOOZE, Word.FALSE]), st.text())
def test_what_stands_after_a_word_is_clear_or_not(word: Word, rest: str) -> None:
    found = target(word, rest)
    assert found.clear or not found.alerts


def test_a_key_that_passes_on_means_what_is_open_and_taken_by_nobody() -> None:
    barn = two_fevers()
    message = next(iter(barn.messages))
    named = barn.messages[message][2]
    said = barn.take(barn.update(data=f"esc:{message}", callback="c1"))
    assert [(one.action, one.numbers, one.by) for one in said.commands] == [("escalate", named, "anna")]
    assert "who comes next" in said.note
    assert barn.take(barn.update(data="esc:unknown", callback="c2")).commands == []
