"""The page a farmer opens on the phone."""

from __future__ import annotations

import re

import pytest
from fake_desk import FakeDesk, alert, in_two_hours, secret_of

from alertd.web.desk import Part
from alertd.web.words import TEXTS, amount, language_of

TOKEN = "correct horse"
ENGLISH = {"Accept-Language": "fr;q=0.9, en-GB, de"}


async def test_the_page_says_what_where_how_bad_and_since_when_in_the_farms_language_and_time(site):
    async with site(FakeDesk(alert(40))) as farm:
        status, text, answer = await farm.see("GET", "/")
    assert (status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    for words in (
        "Berta",
        "cow-0421",
        "body temperature",
        "40,1 °C",
        "normal 38,6 °C",
        "seit 02:40",
        "A-40",
        "kritisch",
    ):
        assert words in text
    assert '<html lang="de">' in text


async def test_a_browser_that_prefers_english_gets_english(site):
    why = "40.1 degC above 39.5 degC for 30m"
    async with site(FakeDesk(alert(40, started="2026-11-21T01:40:00Z", why=why))) as farm:
        _, text, _ = await farm.see("GET", "/", headers=ENGLISH)
    assert "40.1 °C" in text
    assert "since 21 Nov 02:40" in text
    assert "40.1 °C above 39.5 °C for 30m" in text


async def test_a_calm_farm_reads_that_all_is_well(site):
    async with site(FakeDesk(alert(1, state="resolved"))) as farm:
        _, text, _ = await farm.see("GET", "/", headers=ENGLISH)
    assert "All is well." in text
    assert "A-1" not in text


async def test_what_comes_from_the_field_is_text_and_never_markup(site):
    nasty = alert(1, device="<script>x</script>", rule='"><img src=x>', why="{{ 7*7 }}", value=None, normal=None)
    async with site(FakeDesk(nasty)) as farm:
        _, text, answer = await farm.see("GET", "/")
    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;script&gt;" in text
    assert "{{ 7*7 }}" in text
    assert "Hof &lt;Lindenau&gt;" in text
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert (answer.headers["X-Content-Type-Options"], answer.headers["Cache-Control"]) == ("nosniff", "no-store")


async def test_the_page_needs_no_script_and_nothing_from_elsewhere(site):
    async with site(FakeDesk(alert(1))) as farm:
        _, text, _ = await farm.see("GET", "/")
        status, style, sheet = await farm.see("GET", "/style.css")
    assert (status, sheet.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert "http://" not in text + style
    assert "https://" not in text + style
    assert " style=" not in text
    assert "onclick" not in text


async def test_the_worst_untaken_alert_stands_on_top(site):
    desk = FakeDesk(
        alert(1, severity="warning"),
        alert(2, severity="critical", acknowledged_by="vet"),
        alert(0, severity="critical", state="pending", device="cow-0007"),
        alert(4, severity="critical"),
        alert(5, severity="info"),
    )
    async with site(desk) as farm:
        _, text, _ = await farm.see("GET", "/", headers=ENGLISH)
    assert re.findall(r'"number">([^<]*)', text) == ["A-4", "A-1", "A-5", "A-2", ""]
    assert len(re.findall("<form[^>]*/alerts/", text)) == 4, "there is nothing to press on what is only watched"
    assert "taken by <bdi>Dr. Weber</bdi>" in text
    assert "being watched" in text


async def test_beyond_two_hundred_the_page_says_how_many_more(site):
    async with site(FakeDesk(*(alert(number) for number in range(1, 204)))) as farm:
        _, text, _ = await farm.see("GET", "/", headers=ENGLISH)
    assert text.count("<article") == 200
    assert "and 3 more" in text


async def test_the_page_says_when_alertd_itself_is_in_trouble(site):
    desk = FakeDesk()
    desk.parts["broker"] = Part(False, "The broker has not answered since 02:10.")
    async with site(desk) as farm:
        _, text, _ = await farm.see("GET", "/")
    assert "The broker has not answered since 02:10." in text


@pytest.mark.parametrize(
    ("action", "asked"),
    [
        ("ack", ("ack", 7, "anna", None, "", "page")),
        ("unack", ("unack", 7, "anna", None, "", "page")),
        ("snooze", ("snooze", 7, "anna", in_two_hours(), "", "page")),
        ("false-alarm", ("false_alarm", 7, "anna", None, "", "page")),
    ],
)
async def test_a_press_on_a_button_is_carried_out_and_the_phone_remembers_who_pressed(site, action, asked):
    async with site(FakeDesk(alert(7))) as farm:
        _, text, _ = await farm.see("GET", "/")
        form = {"csrf": secret_of(text), "action": action, "by": "anna"}
        status, _, answer = await farm.see("POST", "/alerts/A-7", data=form, headers={"Origin": farm.base})
        farm.desk.rows[7] = alert(7)
        _, text, _ = await farm.see("GET", "/")
    assert (status, answer.headers["Location"]) == (303, "/")
    assert farm.desk.commands == [asked]
    assert '<option value="anna" selected>' in text


FORGED = {
    "no secret": ({}, {}),
    "a made-up secret": ({"csrf": "x"}, {}),
    "a page from elsewhere": ({"csrf": None}, {"Origin": "https://evil.example"}),
    "a lost session": ({"csrf": None}, {"Cookie": "alertd_session="}),
}


@pytest.mark.parametrize(("form", "headers"), FORGED.values(), ids=FORGED)
@pytest.mark.parametrize("token", [None, TOKEN])
async def test_a_forged_press_changes_nothing(site, form, headers, token):
    async with site(FakeDesk(alert(7)), token=token) as farm:
        await farm.see("POST", "/login", data={"token": TOKEN})
        _, text, _ = await farm.see("GET", "/")
        form = {"action": "ack"} | {key: secret_of(text) if value is None else value for key, value in form.items()}
        if "Cookie" in headers:
            farm.http.cookie_jar.clear()
        status, _, _ = await farm.see("POST", "/alerts/A-7", data=form, headers=headers)
    assert status in (401, 403)
    assert farm.desk.commands == []


async def test_a_press_on_an_alert_that_is_gone_says_so(site):
    async with site(FakeDesk(alert(7))) as farm:
        _, text, _ = await farm.see("GET", "/")
        status, text, _ = await farm.see(
            "POST", "/alerts/A-8", data={"csrf": secret_of(text), "action": "ack"}, headers=ENGLISH
        )
        bad, _, _ = await farm.see("POST", "/alerts/A-7", data={"csrf": secret_of(text), "action": "explode"})
    assert (status, bad, farm.desk.commands) == (404, 404, [])
    assert "There is no alert A-8." in text


async def test_with_a_token_the_page_asks_for_it_once_and_shows_nothing_before(site):
    async with site(FakeDesk(alert(7)), token=TOKEN) as farm:
        before, text, _ = await farm.see("GET", "/")
        assert "cow-0421" not in text
        wrong, text, _ = await farm.see("POST", "/login", data={"token": "guess"}, headers=ENGLISH)
        assert "This is not the token." in text
        entered, _, answer = await farm.see("POST", "/login", data={"token": TOKEN}, headers={"Origin": farm.base})
        after, text, _ = await farm.see("GET", "/")
        api, _ = await farm.ask("GET", "/api/v1/alerts")
    assert (before, wrong, entered, after, api) == (401, 401, 303, 200, 200)
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert TOKEN not in cookie
    assert "cow-0421" in text


async def test_a_session_may_read_the_api_but_changes_things_only_with_its_secret(site):
    async with site(FakeDesk(alert(7)), token=TOKEN) as farm:
        await farm.see("POST", "/login", data={"token": TOKEN})
        _, text, _ = await farm.see("GET", "/")
        bare, body = await farm.ask("POST", "/api/v1/alerts/A-7/ack")
        proven, _ = await farm.ask("POST", "/api/v1/alerts/A-7/ack", headers={"X-CSRF-Token": secret_of(text)})
    assert (bare, body["error"]["code"], proven) == (403, "forged", 200)
    assert len(farm.desk.commands) == 1


async def test_nobody_is_logged_in_from_another_site(site):
    async with site(FakeDesk(), token=TOKEN) as farm:
        headers = {"Origin": "https://evil.example"}
        status, _, answer = await farm.see("POST", "/login", data={"token": TOKEN}, headers=headers)
    assert status == 401
    assert "Set-Cookie" not in answer.headers


async def test_after_logging_out_the_page_asks_again(site):
    async with site(FakeDesk(alert(7)), token=TOKEN) as farm:
        await farm.see("POST", "/login", data={"token": TOKEN})
        _, text, _ = await farm.see("GET", "/")
        forged, _, _ = await farm.see("POST", "/logout")
        out, _, _ = await farm.see("POST", "/logout", data={"csrf": secret_of(text)})
        after, _, _ = await farm.see("GET", "/")
    assert (forged, out, after) == (403, 303, 401)


async def test_by_https_the_cookie_never_travels_in_the_clear(site):
    async with site(FakeDesk(), token=TOKEN, public_url="https://alerts.example") as farm:
        named = {"Host": "alerts.example", "Origin": "https://alerts.example"}
        _, _, public = await farm.see("POST", "/login", data={"token": TOKEN}, headers=named)
        _, _, local = await farm.see("POST", "/login", data={"token": TOKEN})
    assert "Secure" in public.headers["Set-Cookie"]
    assert "Secure" not in local.headers["Set-Cookie"]


def test_every_language_says_the_same_things():
    assert TEXTS["de"].keys() == TEXTS["en"].keys()
    for key, text in TEXTS["en"].items():
        assert re.findall(r"\{\w+\}", text) == re.findall(r"\{\w+\}", TEXTS["de"][key])


@pytest.mark.parametrize(
    ("value", "unit", "english", "german"),
    [
        (40.1, "degC", "40.1 °C", "40,1 °C"),
        (0, "bool", "0", "0"),
        (123456.7, "lx", "123457 lx", "123457 lx"),
        (0.00012, "m", "0.00012 m", "0,00012 m"),
        (None, "degC", "", ""),
        (2.5, None, "2.5", "2,5"),
    ],
)
def test_values_read_as_people_write_them(value, unit, english, german):
    assert (amount(value, unit, "en"), amount(value, unit, "de")) == (english, german)


def test_an_unknown_language_falls_back_to_the_farms_and_then_to_english():
    assert language_of("fr, it", "de") == "de"
    assert language_of("", "fr") == "en"
