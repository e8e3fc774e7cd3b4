"""What an operator can write in a rule's own message, and what it is kept from."""

from __future__ import annotations

import pytest

from alertd.alerting.settings import Rule
from alertd.audience.person import Person
from alertd.ingest.settings import Device
from alertd.model import MINUTE, SECOND, Alert, Incident, Kind, Severity, State
from alertd.wording import Words
from alertd.wording.templates import advice_in
from alertd.wording.values import as_ear_tag

NOW = 1_795_312_200 * SECOND  # 02:50 in Berlin
BERTA = Device(id="cow-0421", name="Berta", tag="DE0912300421", species="cattle", group="dairy")


def told(message: str, language: str = "en", **facts) -> tuple[str, str | None]:
    """What a person reads of a fever of 40.1 °C since 02:10, without the number."""
    rule = Rule.model_validate({"name": "fever", "detect": {"kind": "threshold", "above": 39.5}, "message": message})
    known = {"id": "x", "number": 217, "rule": "fever", "device": "cow-0421", "metric": "body_temperature"}
    known |= {"group": "dairy", "severity": Severity.CRITICAL, "state": State.FIRING, "value": 40.1, "unit": "degC"}
    known |= {"normal": 38.6, "started": NOW - 40 * MINUTE}
    alert = Alert(**(known | facts))
    person = Person("anna", "Anna", language, "Europe/Berlin", None, ())
    incident = Incident("i", 31, "fever", "dairy", Severity.CRITICAL, NOW, alerts=["x"])
    text, fault = Words([rule], [BERTA], language="en").tell(Kind.FIRING, [alert], incident, person, NOW)
    return text.removesuffix("\nA-217"), fault


WRITTEN = {
    "a value as it is": ("{{ value }}", "40.1 °C", "40,1 °C"),
    "a value without its unit": ("{{ value | number }}", "40.1", "40,1"),
    "a value with two decimals": ("{{ value | number(2) }}", "40.10", "40,10"),
    "a value for an American": ('{{ value | unit("degF") }}', "104.2 °F", "104,2 °F"),
    "its own unit": ("{{ value | unit }}", "40.1 °C", "40,1 °C"),
    "the limit": ("{{ limit }}", "39.5 °C", "39,5 °C"),
    "how far from normal": ("{{ delta }} ({{ ratio }})", "+1.5 °C (104 %)", "+1,5 °C (104 %)"),
    "since when": ("{{ since }}", "02:10", "02:10"),
    "since when and how long": ("{{ since | since }}", "since 02:10 (40 min)", "seit 02:10 (40 min)"),
    "how long ago": ("{{ since | ago }}, {{ duration }}", "40 minutes ago, 40 min", "vor 40 Minuten, 40 min"),
    "the ear tag as it is printed": ("{{ tag | ear_tag }}", "DE 09 123 00421", "DE 09 123 00421"),
    "the big digits of the ear tag": ("{{ name }} {{ tag | ear_tag(5) }}", "Berta 00421", "Berta 00421"),
    "words by value": ("{% if value.amount > 40 %}high{% else %}low{% endif %}", "high", "high"),
    "capitals": ("{{ name | upper }}", "BERTA", "BERTA"),
}


@pytest.mark.parametrize(("message", "en", "de"), WRITTEN.values(), ids=WRITTEN)
def test_is_written(message: str, en: str, de: str) -> None:
    assert told(message) == (en, "")
    assert told(message, "de") == (de, "")


REFUSED = {
    "a way out of the sandbox": "{{ value.__class__.__mro__ }}",
    "a text without end": '{{ "x" * 1000000000 }}',
    "a number without end": "{{ 9 ** 9 ** 9 ** 9 }}",
    "a list without end": "{% for x in range(1000000000) %}x{% endfor %}",
    "a filter nobody vouched for": "{{ value | xmlattr }}",
    "a unit that makes no sense": '{{ value | unit("kg") }}',
    "a time made of a value": "{{ value | since }}",
    "a value made of a name": "{{ name | number }}",
    "a name nobody knows": "{{ temperature }}",
}


@pytest.mark.parametrize("message", REFUSED.values(), ids=REFUSED)
def test_is_refused_and_the_plain_words_go_out(message: str) -> None:
    text, _ = told(message)
    assert text.startswith("Fever – Berta (DE0912300421), dairy\nBody temperature 40.1 °C")


def test_what_is_not_known_is_left_out() -> None:
    assert (
        told("{{ value }}|{{ normal }}|{{ delta }}|{{ ratio }}|{{ value | unit }}", value=None, normal=None)[0]
        == "||||"
    )


@pytest.mark.parametrize(
    ("tag", "printed"),
    [
        ("DE 09 12300421", "DE 09 123 00421"),
        ("276000912300421", "DE 09 123 00421"),
        ("NL 7421 8", "NL 7421 8"),
        ("", ""),
    ],
)
def test_ear_tags_are_grouped_as_they_are_printed(tag: str, printed: str) -> None:
    assert as_ear_tag(tag) == printed


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("{{ device }}: {{ value }}. Check udder, breathing. Call the vet!", "Check udder, breathing. Call the vet!"),
        ("{{ device }}: {{ value }}", ""),
        ("Milk is warm. {{ value }}", ""),
        ("Everything is lost.", ""),
    ],
)
def test_what_to_do_is_what_holds_for_every_animal(message: str, advice: str) -> None:
    assert advice_in(message) == advice
