"""The page of people: an invitation with a link and a QR code for each messenger, for who may see the page at all."""

from __future__ import annotations

from fake_desk import FakeDesk, secret_of

from alertd.web.people_page import qr

TOKEN = "correct horse"
ENGLISH = {"Accept-Language": "en"}


async def test_who_is_invited_gets_a_code_a_link_and_its_qr_code(site):
    async with site(FakeDesk()) as farm:
        _, people, _ = await farm.see("GET", "/people", headers=ENGLISH)
        form = {"csrf": secret_of(people)}
        status, text, answer = await farm.see("POST", "/people/anna/invite", data=form, headers=ENGLISH)
    assert (status, answer.headers["Cache-Control"]) == (200, "no-store")
    assert "An invitation for Anna" in text
    assert "7KQ2-9FWM" in text
    assert 'href="https://t.me/lindenau_bot?start=7KQ2-9FWM"' in text
    assert qr("https://t.me/lindenau_bot?start=7KQ2-9FWM") in text
    assert "style=" not in text, "the page's policy forbids it"


async def test_the_alerts_lead_to_the_people_and_back(site):
    async with site(FakeDesk()) as farm:
        _, alerts, _ = await farm.see("GET", "/")
        _, people, _ = await farm.see("GET", "/people")
    assert 'href="/people"' in alerts
    assert 'href="/"' in people
    assert "Dr. Weber" in people


async def test_a_form_that_is_not_ours_invites_nobody(site):
    async with site(FakeDesk()) as farm:
        await farm.see("GET", "/people")
        forged, _, _ = await farm.see("POST", "/people/anna/invite", data={"csrf": "x"})
        page = (await farm.see("GET", "/people"))[1]
        foreign, _, _ = await farm.see(
            "POST", "/people/anna/invite", data={"csrf": secret_of(page)}, headers={"Origin": "https://evil.example"}
        )
        unknown, text, _ = await farm.see("POST", "/people/bob/invite", data={"csrf": secret_of(page)}, headers=ENGLISH)
    assert (forged, foreign, unknown) == (403, 403, 404)
    assert "Nobody has the id bob." in text


async def test_where_a_token_is_needed_nobody_is_invited_without_one(site):
    async with site(FakeDesk(), token=TOKEN) as farm:
        page, text, _ = await farm.see("GET", "/people")
        pressed, _, _ = await farm.see("POST", "/people/anna/invite", data={})
    assert (page, pressed) == (401, 401)
    assert "Dr. Weber" not in text


async def test_where_no_messenger_has_links_the_words_are_shown(site):
    class Linkless(FakeDesk):
        async def invite(self, person, messenger):
            return {"code": "7KQ2-9FWM", "links": {}}

    async with site(Linkless()) as farm:
        _, people, _ = await farm.see("GET", "/people")
        _, text, _ = await farm.see("POST", "/people/anna/invite", data={"csrf": secret_of(people)}, headers=ENGLISH)
    assert "JOIN 7KQ2-9FWM" in text


async def test_a_link_without_the_code_says_what_to_write(site):
    class OnSignal(FakeDesk):
        async def invite(self, person, messenger):
            return {"code": "7KQ2-9FWM", "links": {"signal": "https://signal.me/#p/+4915100000000"}}

    async with site(OnSignal()) as farm:
        _, people, _ = await farm.see("GET", "/people")
        _, text, _ = await farm.see("POST", "/people/anna/invite", data={"csrf": secret_of(people)}, headers=ENGLISH)
    assert "Then write there: JOIN 7KQ2-9FWM" in text


def test_a_qr_code_is_squares_whatever_it_says():
    picture = qr('https://t.me/x?start="><script>alert(1)</script>')
    assert picture.startswith("<svg ")
    assert "script" not in picture
