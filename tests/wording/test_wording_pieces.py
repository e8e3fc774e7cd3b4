from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd.model import DAY, HOUR, MINUTE, SECOND, Alert, Severity, State
from alertd.wording.alert_json import alert_json
from alertd.wording.catalogue import LANGUAGES, counted, phrase
from alertd.wording.clean import clean, plain
from alertd.wording.cut import cut
from alertd.wording.figures import figure, metric_name, readable
from alertd.wording.times import clock, rfc3339, span

NOW = 1_795_312_200 * SECOND  # 2026-11-22T01:50:00Z, 02:50 in Berlin


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_language_says_half_of_it_in_english(language: str) -> None:
    """Polish counts 2 to 4 apart: where others have `.many` it has `.few` besides."""
    few = {key.removesuffix(".many") + ".few" for key in LANGUAGES["en"] if key.endswith(".many")}
    assert LANGUAGES[language].keys() - few == LANGUAGES["en"].keys()
    assert set(LANGUAGES[language]) & few == (few if language == "pl" else set())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_fills_the_same_places(language: str) -> None:
    english = LANGUAGES["en"]
    for key, text in LANGUAGES[language].items():
        base = key.removesuffix(".few") + ".many" if key.endswith(".few") else key
        assert places(text) == places(english[base]), key


def test_what_a_catalogue_lacks_is_said_in_english() -> None:
    assert phrase("fi", "chat.help") == phrase("en", "chat.help")


@pytest.mark.parametrize(
    ("count", "en", "de", "pl", "fr"),
    [
        (1, "1 animal", "1 Tier", "1 zwierzę", "1 animal"),
        (3, "3 animals", "3 Tiere", "3 zwierzęta", "3 animaux"),
        (5, "5 animals", "5 Tiere", "5 zwierząt", "5 animaux"),
        (22, "22 animals", "22 Tiere", "22 zwierzęta", "22 animaux"),
    ],
)
def test_plurals_follow_the_language(count: int, en: str, de: str, pl: str, fr: str) -> None:
    found = [counted(language, "animals", count) for language in ("en", "de", "pl", "fr")]
    assert found == [en, de, pl, fr]


@pytest.mark.parametrize(
    ("value", "unit", "metric", "en", "de"),
    [
        (40.1, "degC", "body_temperature", "40.1 °C", "40,1 °C"),
        (40.0, "degC", None, "40.0 °C", "40,0 °C"),
        (-0.04, "degC", None, "0.0 °C", "0,0 °C"),
        (-3.26, "degC", None, "-3.3 °C", "-3,3 °C"),
        (82.0, "%", None, "82 %", "82 %"),
        (3.612, "V", None, "3.61 V", "3,61 V"),
        (3512.4, "V", None, "3512 V", "3512 V"),
        (0.0, "bool", "online", "offline", "offline"),
        (1.0, "bool", "gate_open", "open", "offen"),
        (1.0, "bool", "whatever", "yes", "ja"),
        (17.0, "count", None, "17", "17"),
        (12.5, "m\n/s", None, "12.5 m /s", "12,5 m /s"),
    ],
)
def test_values_read_like_a_display(value: float, unit: str, metric: str | None, en: str, de: str) -> None:
    assert (figure(value, unit, metric, "en"), figure(value, unit, metric, "de")) == (en, de)


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_no_value_is_no_text(value: float | None) -> None:
    assert figure(value, "degC", None, "en") is None


def test_metrics_have_names_and_unknown_ones_become_words() -> None:
    assert metric_name("body_temperature", "de") == "Körpertemperatur"
    assert metric_name("ear_tag_angle", "en") == "Ear tag angle"
    assert readable("collar-silent") == "Collar silent"


@pytest.mark.parametrize(
    ("ago", "en", "de"),
    [
        (0, "02:50", "02:50"),
        (DAY, "21 Nov 02:50", "21.11. 02:50"),
        (365 * DAY, "22 Nov 2025 02:50", "22.11.2025 02:50"),
    ],
)
def test_times_are_the_persons_own(ago: int, en: str, de: str) -> None:
    assert clock(NOW - ago, NOW, "Europe/Berlin", "en") == en
    assert clock(NOW - ago, NOW, "Europe/Berlin", "de") == de


@pytest.mark.parametrize("timezone", ["Mars/Base", "", "../etc/passwd"])
def test_an_unknown_zone_does_not_stop_a_message(timezone: str) -> None:
    assert clock(NOW, NOW, timezone, "en") == "01:50"


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (0, "0 s"),
        (59 * SECOND, "under a minute"),
        (40 * MINUTE, "40 min"),
        (2 * HOUR, "2 h"),
        (2 * HOUR + 15 * MINUTE, "2 h 15 min"),
        (DAY, "1 day"),
        (DAY + 3 * HOUR, "1 day 3 h"),
        (9 * DAY + HOUR, "9 days"),
        (-HOUR, "0 s"),
    ],
)
def test_spans_are_short(duration: int, text: str) -> None:
    assert span(duration, "en") == text


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Berta", "Berta"),
        ("  Ber\nta\t ", "Ber ta"),
        ("\u202egnihton\u200b", "gnihton"),
        ("\x00\x1b[31mred", "[31mred"),
        ("\ud800", "?"),
        ("", "?"),
        ("x" * 100, "x" * 59 + "…"),
    ],
)
def test_names_are_data(raw: str, shown: str) -> None:
    assert clean(raw) == shown


def test_longer_texts_keep_their_lines() -> None:
    assert plain(" a \r\nb\u202e\n") == "a\nb"


@given(st.text(), st.integers(1, 200), st.booleans())
def test_a_cut_text_fits_and_loses_no_half_sign(text: str, limit: int, utf16: bool) -> None:
    shown = cut(text, limit, utf16=utf16)
    size = len(shown.encode("utf-16-le", "surrogatepass")) // 2 if utf16 else len(shown)
    assert size <= limit
    assert set(shown) <= set(text) | {"…", "\n"}


def test_the_middle_goes_and_the_number_stays() -> None:
    long = "Fever – " + "Berta, " * 50 + "\nPlease check.\nA-217"
    shown = cut(long, 60)
    assert shown.startswith("Fever – Berta")
    assert shown.endswith("…\nA-217")
    assert cut(long, len(long)) == long
    assert cut("🐄" * 10 + "\nA-1", 10, utf16=True) == "🐄🐄…\nA-1"


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (39.700000000000003, 39.7),  # 103.46 °F
        (20.200000004470347, 20.2),  # a mean of single precision
        (20.2000003, 20.2),
        (-0.30000001192092896, -0.3),
        (1 / 3, 0.3333333),
        (12345678.9, 12345678.9),  # a meter's count loses nothing
        (16777217.0, 16777217.0),
        (0.0, 0.0),
        (1e-9, 1e-9),
        (float("inf"), None),
        (None, None),
    ],
)
def test_figures_have_the_digits_that_were_measured(known, told) -> None:
    alert = Alert("x", 1, "r", "d", "t", None, Severity.INFO, State.FIRING, known, "L", known, NOW, NOW)
    shown = alert_json(alert)
    assert (shown["value"], shown["normal"]) == (told, told)


def test_what_is_pending_has_no_number() -> None:
    alert = Alert("", 0, "r", "d", "t", None, Severity.INFO, State.PENDING, 1.0, "L", None, NOW)
    assert alert_json(alert)["id"] is None


def test_an_alert_as_json_has_the_contracts_keys() -> None:
    alert = Alert(
        "x", 217, "fever", "cow", "t", None, Severity.CRITICAL, State.FIRING, float("nan"), "degC", 38.6, NOW, NOW + 1
    )
    alert.snoozed = {"anna": NOW + HOUR, "*": NOW}
    shown = alert_json(alert)
    assert list(shown) == [
        *("id", "rule", "device", "metric", "group", "severity", "state", "value", "unit", "normal", "started"),
        *("fired", "resolved", "acknowledged_by", "snoozed_until", "silenced_by", "inhibited_by", "why"),
    ]
    assert (shown["id"], shown["value"], shown["normal"], shown["state"]) == ("A-217", None, 38.6, "firing")
    assert (shown["started"], shown["fired"]) == ("2026-11-22T01:50:00Z", "2026-11-22T01:50:00.000001Z")
    assert shown["snoozed_until"] == "2026-11-22T02:50:00Z"
    json.dumps(shown, allow_nan=False)
    assert rfc3339(None) is None
