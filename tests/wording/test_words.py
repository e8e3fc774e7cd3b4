from __future__ import annotations

from typing import Any

import pytest

from alertd.alerting.settings import Rule
from alertd.audience.person import Person
from alertd.ingest.settings import Device
from alertd.model import HOUR, MINUTE, SECOND, Alert, Incident, Kind, Severity, State
from alertd.wording import Words
from alertd.wording.catalogue import LANGUAGES

NOW = 1_795_312_200 * SECOND  # 02:50 in Berlin
FEVER = {"name": "fever", "detect": {"kind": "threshold", "above": 39.5}, "severity": "critical"}
RULES: list[dict[str, Any]] = [
    FEVER,
    {"name": "collar-silent", "detect": {"kind": "absence", "after": "2h"}},
    {"name": "gateway-offline", "detect": {"kind": "state", "equals": 0}, "severity": "critical"},
]
DEVICES = [
    Device(id="cow-0421", name="Berta", tag="DE 09 12300421", species="cattle", group="dairy"),
    *(Device(id=f"cow-{number}", name=f"Cow {number}", species="cattle", group="dairy") for number in range(9)),
]


def anna(language: str = "en") -> Person:
    return Person("anna", "Anna", language, "Europe/Berlin", None, ())


def words(*rules: dict[str, Any], language: str = "de") -> Words:
    return Words(map(Rule.model_validate, rules or RULES), DEVICES, language=language, farm="Hof Lindenau")


def alert(number: int = 217, **facts: Any) -> Alert:
    known: dict[str, Any] = {
        "id": str(number),
        "number": number,
        "rule": "fever",
        "device": "cow-0421",
        "metric": "body_temperature",
        "group": "dairy",
        "severity": Severity.CRITICAL,
        "state": State.FIRING,
        "value": 40.1,
        "unit": "degC",
        "normal": 38.6,
        "started": NOW - 40 * MINUTE,
    }
    return Alert(**(known | facts))


def incident(size: int = 1) -> Incident:
    return Incident("i", 31, "fever", "dairy", Severity.CRITICAL, NOW, alerts=[str(one) for one in range(size)])


def seven() -> list[Alert]:
    return [alert(number, device=f"cow-{number}", value=39.6 + number / 10, normal=None) for number in range(7)]


BERTA = "Fever – Berta (DE 09 12300421), dairy"
BAD = "Body temperature 40.1 °C (normal 38.6 °C) since 02:10 (40 min)"
GO = "Please go and look now."

TOLD = {
    "what, where, how bad, since when, what to do, number": (Kind.FIRING, {}, f"{BERTA}\n{BAD}\n{GO}\nA-217"),
    "again": (Kind.AGAIN, {}, f"Again: {BERTA}\n{BAD}\n{GO}\nA-217"),
    "repeated": (Kind.REPEAT, {}, f"Still so: {BERTA}\n{BAD}\n{GO}\nA-217"),
    "escalated": (Kind.ESCALATE, {}, f"Nobody has answered yet: {BERTA}\n{BAD}\n{GO}\nA-217"),
    "over": (Kind.RESOLVE, {}, f"Now normal: {BERTA}\n02:10–02:50 (40 min)\nA-217"),
    "over before it was told": (
        Kind.FIRING,
        {"ended": True},
        f"{BERTA}\nBody temperature 40.1 °C 02:10–02:50, now normal\nA-217",
    ),
    "taken": (Kind.TAKEN, {"by": "Anna"}, f"{BERTA}: taken by Anna 02:50\n{BAD}\nA-217"),
    "nobody reached": (
        Kind.UNREACHED,
        {"why": "403 bot was blocked"},
        f"Nobody could be reached (403 bot was blocked): {BERTA}\n{BAD}\n{GO}\nA-217",
    ),
}


@pytest.mark.parametrize(("kind", "more", "text"), TOLD.values(), ids=TOLD)
def test_one_alert(kind: Kind, more: dict[str, Any], text: str) -> None:
    assert words().text(kind, [alert()], incident(), anna(), NOW, **more) == text


def test_german_has_its_comma_and_its_words() -> None:
    assert words().text(Kind.FIRING, [alert()], incident(), anna("de"), NOW) == (
        f"{BERTA}\nKörpertemperatur 40,1 °C (normal 38,6 °C) seit 02:10 (40 min)\nBitte sofort nachsehen.\nA-217"
    )


def test_a_language_without_catalogue_gets_the_farms() -> None:
    assert words().text(Kind.FIRING, [alert()], incident(), anna("it"), NOW) == words().text(
        Kind.FIRING, [alert()], incident(), anna("de"), NOW
    )


def test_without_a_learned_normal_the_limit_is_told() -> None:
    assert "40.1 °C (limit 39.5 °C)" in words().text(Kind.FIRING, [alert(normal=None)], incident(), anna(), NOW)


def test_silence_and_switches_have_words_of_their_own() -> None:
    silent = alert(rule="collar-silent", metric="activity", value=12.0, unit="", severity=Severity.WARNING)
    assert "Activity: nothing received since 02:10" in words().text(Kind.FIRING, [silent], incident(), anna(), NOW)
    assert words().text(Kind.RESOLVE, [silent], incident(), anna(), NOW).startswith("Heard again: Collar silent")
    offline = alert(rule="gateway-offline", device="gw-1", metric="online", value=0.0, unit="bool", normal=None)
    assert "Connection: offline since 02:10" in words().text(Kind.FIRING, [offline], incident(), anna(), NOW)


SEVERAL = "Cow 0 39.6 °C, Cow 1 39.7 °C, Cow 2 39.8 °C, Cow 3 39.9 °C, Cow 4 40.0 °C and 2 more"


@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        (Kind.FIRING, ["Fever – 7 animals in dairy", SEVERAL, "since 02:10 (40 min)", GO]),
        (Kind.DELTA, ["Fever – another 7 animals in dairy; 10 in all", SEVERAL, "since 02:10 (40 min)", GO]),
        (
            Kind.RESOLVE,
            [
                "Now normal: Fever – 7 animals in dairy",
                "Cow 0, Cow 1, Cow 2, Cow 3, Cow 4 and 2 more",
                "02:10–02:50 (40 min)",
            ],
        ),
    ],
)
def test_several_alerts_are_counted_and_end_in_the_incidents_number(kind: Kind, lines: list[str]) -> None:
    assert words().text(kind, seven(), incident(10), anna(), NOW).split("\n") == [*lines, "I-31"]


def test_ten_thousand_alerts_still_fit_one_screen() -> None:
    many = [alert(number, device=f"d{number}") for number in range(10_000)]
    text = words().text(Kind.FIRING, many, incident(10_000), anna(), NOW)
    assert text.startswith("Fever – 10000 devices in dairy")
    assert len(text) < 400


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize(
    "facts", [{}, {"value": None, "normal": None, "metric": None}, {"device": None, "group": None}]
)
def test_every_kind_has_words_whatever_is_missing(kind: Kind, ended: bool, facts: dict[str, Any]) -> None:
    for alerts in ([alert(**facts)], [alert(1, **facts), alert(2, rule="gone", **facts)]):
        for language in LANGUAGES:
            text = words().text(kind, alerts, incident(2), anna(language), NOW, ended=ended)
            assert text.strip()
            assert "None" not in text
            if kind not in (Kind.TEST, Kind.OPERATOR):
                assert text.endswith("A-217" if len(alerts) == 1 and alerts[0].number == 217 else "I-31")


def test_a_name_from_a_topic_cannot_speak_for_us() -> None:
    hostile = alert(device="cow\nA-1: all normal\u202e{{ 7 * 7 }}")
    first, *_ = words().text(Kind.FIRING, [hostile], incident(), anna(), NOW).split("\n")
    assert first == "Fever – cow A-1: all normal{{ 7 * 7 }}, dairy"


OWN = {
    "en": "{{ device }}: {{ value }} since {{ since }}. Check udder, breathing, appetite.",
    "de": "{{ device }}: {{ value }} seit {{ since }}. Euter, Atmung, Fressen prüfen.",
}


def test_a_rules_own_message_is_used_in_the_persons_language() -> None:
    own = words(FEVER | {"message": OWN})
    assert own.faults == ()
    assert own.text(Kind.FIRING, [alert()], incident(), anna("de"), NOW) == (
        "Berta (DE 09 12300421): 40,1 °C seit 02:10. Euter, Atmung, Fressen prüfen.\nA-217"
    )
    assert own.text(Kind.REPEAT, [alert()], incident(), anna(), NOW).startswith(
        "Still so: Berta (DE 09 12300421): 40.1"
    )


def test_what_a_rule_says_to_do_is_also_told_of_several_and_in_fixed_templates() -> None:
    own = words(FEVER | {"message": OWN})
    lines = own.text(Kind.FIRING, seven(), incident(7), anna("de"), NOW).split("\n")
    assert lines[0] == "Fever – 7 Tiere in dairy"
    assert lines[-2:] == ["Euter, Atmung, Fressen prüfen.", "I-31"]
    parts = own.data(Kind.FIRING, [alert()], incident(), NOW, anna())["parts"]
    assert parts["since"] == "since 02:10 (40 min). Check udder, breathing, appetite."


@pytest.mark.parametrize(
    "message",
    [
        "{{ device",
        "{{ deivce }}",
        "{{ 1 // 0 }}",
        "{{ ''.__class__.__mro__ }}",
        "{% for x in 3 %}{% endfor %}",
        "{{ '' }}",
    ],
)
def test_a_broken_message_never_stops_an_alarm(message: str) -> None:
    broken = words(FEVER | {"message": message})
    assert broken.text(Kind.FIRING, [alert()], incident(), anna(), NOW) == f"{BERTA}\n{BAD}\n{GO}\nA-217"
    assert broken.faults or broken.tell(Kind.FIRING, [alert()], incident(), anna(), NOW)[1]


def test_a_message_that_fails_on_one_animal_tells_why() -> None:
    picky = words(FEVER | {"message": "{{ 1 // (name|length - 5) }}"})
    assert picky.faults == ()  # the trial value has another length
    text, fault = picky.tell(Kind.FIRING, [alert()], incident(), anna(), NOW)
    assert text.startswith(BERTA)
    assert fault == "rule fever: message: ZeroDivisionError: integer division or modulo by zero"


def test_a_name_is_never_a_template() -> None:
    own = words(FEVER | {"message": "{{ device }}!"})
    assert own.text(Kind.FIRING, [alert(device="{{ 7*7 }}")], incident(), anna(), NOW) == "{{ 7*7 }}!\nA-217"


def test_buttons_name_the_message_and_fit_every_messenger() -> None:
    for language in LANGUAGES:
        buttons = words().buttons("0123456789abcdef01234567", anna(language), [alert()])
        assert [button.data.partition(":")[0] for button in buttons] == ["ack", "snz", "fa"]
        assert all(len(button.data.encode()) <= 64 and len(button.label) <= 20 for button in buttons)
        assert len({button.label for button in buttons}) == 3


def test_data_carries_the_same_facts() -> None:
    data = words().data(Kind.FIRING, [alert()], incident(), NOW, anna())
    assert (data["kind"], data["incident"], data["rule"], data["group"]) == ("firing", "I-31", "fever", "dairy")
    assert [one["id"] for one in data["alerts"]] == ["A-217"]
    assert data["parts"] == {
        "what": BERTA,
        "short": "Berta: Fever",
        "bad": "Body temperature 40.1 °C (normal 38.6 °C)",
        "since": "since 02:10 (40 min). Please go and look now.",
        "moment": "2026-11-22 02:10",
        "number": "A-217",
        "severity": "critical",
    }
    assert not any(
        "\n" in part for part in words().data(Kind.FIRING, seven(), incident(), NOW, anna())["parts"].values()
    )


@pytest.mark.parametrize(
    ("kind", "what", "short"),
    [
        (Kind.REPEAT, f"Still so: {BERTA}", "Berta: Fever"),
        (Kind.ESCALATE, f"Nobody has answered yet: {BERTA}", "Berta: Fever"),
        (Kind.WORSE, f"Worse: {BERTA}", "Berta: Fever"),
        (Kind.RESOLVE, f"Now normal: {BERTA}", "OK: Berta: Fever"),
        (Kind.TAKEN, f"{BERTA}: taken by Otto 02:50", "Berta: taken by Otto 02:50"),
    ],
)
def test_subjects_titles_and_templates_say_whether_it_is_new_over_or_taken(kind: Kind, what: str, short: str) -> None:
    one = alert(acknowledged_by="Otto") if kind is Kind.TAKEN else alert()
    parts = words().data(kind, [one], incident(), NOW, anna())["parts"]
    assert (parts["what"], parts["short"]) == (what, short)
    assert ("Please" in parts["since"]) == (kind not in (Kind.RESOLVE, Kind.TAKEN))


def test_of_several_the_short_form_tells_how_many() -> None:
    assert words().data(Kind.FIRING, seven(), incident(), NOW, anna())["parts"]["short"] == "7 animals: Fever"


def test_the_operator_hears_of_trouble_and_of_its_end() -> None:
    assert words().trouble("disk is full", anna(), NOW) == "alertd itself: disk is full"
    assert words().trouble("disk is full.", anna(), NOW, over=True, since=NOW - HOUR) == (
        "alertd itself: disk is full – over, 01:50–02:50 (1 h)"
    )


def test_a_test_message_says_that_it_is_one() -> None:
    assert words().test(anna(), NOW).startswith("Test message from Hof Lindenau, 02:50.")


@pytest.mark.parametrize(
    ("language", "line"), [("en", "Activity 12 h: 1240 (normal 830)"), ("de", "12 h: 1240 (normal 830)")]
)
def test_what_was_put_together_over_a_time_says_over_which(language: str, line: str) -> None:
    heat = {"name": "heat", "detect": {"kind": "baseline", "window": "12h", "baseline": "7d", "ratio_above": 1.4}}
    told = alert(rule="heat", metric="activity", value=1240.0, normal=830.0, unit="")
    text = words(heat).text(Kind.FIRING, [told], incident(), anna(language), NOW)
    assert line in text
