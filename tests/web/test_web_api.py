"""What programs ask over HTTP, and what they get."""

from __future__ import annotations

import asyncio
import io

import pytest
from fake_desk import NOW, FakeDesk, alert, in_two_hours

from alertd.model import MINUTE, SECOND, UNTIL_RESOLVED
from alertd.web.desk import Part


async def test_health_is_503_as_soon_as_one_part_fails_and_says_which(site):
    async with site(FakeDesk()) as farm:
        status, body = await farm.ask("GET", "/healthz")
        assert (status, body["ok"], set(body["parts"])) == (
            200,
            True,
            {"windows", "subscriptions", "broker", "store", "couriers"},
        )
        farm.desk.parts["broker"] = Part(False, "not connected for 4 min")
        status, body = await farm.ask("GET", "/healthz")
    assert (status, body["ok"]) == (503, False)
    assert body["parts"]["broker"] == {"ok": False, "text": "not connected for 4 min"}


async def test_open_alerts_are_listed_newest_first(site):
    desk = FakeDesk(alert(3), alert(5), alert(4, state="resolved", resolved="2026-11-22T02:00:00Z"))
    async with site(desk) as farm:
        _, open_ones = await farm.ask("GET", "/api/v1/alerts")
        _, every_one = await farm.ask("GET", "/api/v1/alerts?state=all")
        status, wrong = await farm.ask("GET", "/api/v1/alerts?state=ajar")
    assert open_ones == {"alerts": [alert(5), alert(3)], "next": None}
    assert [row["id"] for row in every_one["alerts"]] == ["A-5", "A-4", "A-3"]
    assert (status, wrong["error"]["code"]) == (400, "bad_state")


async def test_pages_follow_each_other_without_gap_or_repeat_while_alerts_come_and_go(site):
    desk = FakeDesk(*(alert(number) for number in range(1, 8)))
    seen = []
    async with site(desk) as farm:
        _, body = await farm.ask("GET", "/api/v1/alerts?limit=3")
        seen += [row["id"] for row in body["alerts"]]
        del desk.rows[5]  # the last one told is gone
        desk.rows[8] = alert(8)  # and a newer one has come
        while body["next"]:
            _, body = await farm.ask("GET", f"/api/v1/alerts?limit=3&cursor={body['next']}")
            seen += [row["id"] for row in body["alerts"]]
    assert seen == ["A-7", "A-6", "A-5", "A-4", "A-3", "A-2", "A-1"]


async def test_all_alerts_reach_back_to_what_only_the_store_knows(site):
    desk = FakeDesk(alert(0, state="pending", fired=None), alert(8), alert(7, state="resolved"))
    desk.past = {number: alert(number, state="resolved") for number in range(1, 7)}
    desk.past[8] = alert(8, value=39.6)  # as it was committed; the daemon knows better
    seen, cursor = [], ""
    async with site(desk) as farm:
        while cursor is not None:
            _, body = await farm.ask("GET", f"/api/v1/alerts?state=all&limit=3{cursor and '&cursor=' + cursor}")
            assert len(body["alerts"]) <= 3
            seen += body["alerts"]
            cursor = body["next"]
        status, wrong = await farm.ask("GET", "/api/v1/alerts?state=all&cursor=WyJhIl0")
    assert [row["id"] for row in seen] == [None, "A-8", "A-7", "A-6", "A-5", "A-4", "A-3", "A-2", "A-1"]
    assert seen[1]["value"] == 40.1
    assert (status, wrong["error"]["code"]) == (400, "bad_cursor")


async def test_pending_alerts_that_began_together_are_all_on_some_page(site):
    desk, herd = FakeDesk(), [f"cow-{number}" for number in range(5)]
    desk.rows = {n: alert(0, device=cow, state="pending", fired=None) for n, cow in enumerate(herd)}
    seen, cursor = [], ""
    async with site(desk) as farm:
        while cursor is not None:
            _, body = await farm.ask("GET", f"/api/v1/alerts?limit=2{cursor and '&cursor=' + cursor}")
            seen += [row["device"] for row in body["alerts"]]
            cursor = body["next"]
    assert sorted(seen) == herd


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=0", "bad_limit"),
        ("limit=-1", "bad_limit"),
        ("limit=many", "bad_limit"),
        ("limit=²", "bad_limit"),
        ("cursor=%00", "bad_cursor"),
        ("cursor=W10", "bad_cursor"),  # an empty list
        ("cursor=WyJhIl0", "bad_cursor"),  # a list of another shape
        ("cursor=ä", "bad_cursor"),
        ("cursor=", "bad_cursor"),
    ],
)
async def test_a_page_that_cannot_be_is_an_error_and_not_an_empty_answer(site, query, code):
    async with site(FakeDesk(alert(1))) as farm:
        status, body = await farm.ask("GET", f"/api/v1/alerts?{query}")
    assert (status, body["error"]["code"]) == (400, code)


@pytest.mark.parametrize(
    ("path", "body", "asked"),
    [
        ("ack", b"", ("ack", 217, None, None, "", "api")),
        ("ack", b'{"by": "anna", "comment": "vet is coming"}', ("ack", 217, "anna", None, "vet is coming", "api")),
        ("ack", b'{"by": null, "comment": null}', ("ack", 217, None, None, "", "api")),
        ("unack", b"{}", ("unack", 217, None, None, "", "api")),
        ("snooze", b"", ("snooze", 217, None, in_two_hours(), "", "api")),
        ("snooze", b'{"for": "resolved"}', ("snooze", 217, None, UNTIL_RESOLVED, "", "api")),
        ("snooze", b'{"for": "1h30m", "by": "anna"}', ("snooze", 217, "anna", NOW + 90 * MINUTE, "", "api")),
        ("resolve", b" \n", ("resolve", 217, None, None, "", "api")),
        ("false-alarm", b'{"by": "anna"}', ("false_alarm", 217, "anna", None, "", "api")),
    ],
)
async def test_a_command_reaches_the_engine_and_the_alert_after_it_comes_back(site, path, body, asked):
    async with site(FakeDesk(alert(217))) as farm:
        status, answer = await farm.ask("POST", f"/api/v1/alerts/A-217/{path}", data=body)
    assert (status, answer["id"]) == (200, "A-217")
    assert farm.desk.commands == [asked]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("A-999/ack", b"", 404, "unknown_alert"),
        ("A-/ack", b"", 404, "unknown_alert"),
        ("cow-0421/ack", b"", 404, "unknown_alert"),
        ("A-99999999999999999999/ack", b"", 404, "unknown_alert"),
        ("A-217/delete", b"", 404, "not_found"),
        ("A-217/ack", b"by=anna", 400, "bad_body"),
        ("A-217/ack", b'["anna"]', 400, "bad_body"),
        ("A-217/ack", b'{"by": 4711}', 400, "bad_body"),
        ("A-217/ack", b'{"bye": "anna"}', 400, "bad_body"),
        ("A-217/ack", b'{"by": "\xff"}', 400, "bad_body"),
        ("A-217/ack", b'{"by": "' + b"a" * 65 + b'"}', 400, "bad_body"),
        ("A-217/ack", b"[" * 10_000, 400, "bad_body"),
        ("A-217/ack", b" " * 20_000, 413, "too_large"),
        ("A-217/snooze", b'{"for": "2"}', 400, "bad_body"),
        ("A-217/snooze", b'{"by": "ana"}', 400, "unknown_person"),
        ("A-217/snooze", b'{"for": "0s"}', 400, "bad_body"),
        ("A-217/snooze", b'{"for": "99999999999999w"}', 400, "bad_body"),
    ],
)
async def test_a_command_that_cannot_be_changes_nothing_and_says_why(site, path, body, status, code):
    async with site(FakeDesk(alert(217))) as farm:
        got, answer = await farm.ask("POST", f"/api/v1/alerts/{path}", data=body)
    assert (got, answer["error"]["code"]) == (status, code)
    assert answer["error"]["message"]
    assert farm.desk.commands == []


async def test_a_huge_body_is_refused_before_it_fills_the_memory(site):
    async with site(FakeDesk(alert(217))) as farm:
        status, answer = await farm.ask("POST", "/api/v1/alerts/A-217/ack", data=io.BytesIO(b" " * 2_000_000))
    assert (status, answer["error"]["code"]) == (413, "too_large")


async def test_a_command_that_is_not_committed_in_time_says_that_it_may_still_be(site):
    desk = FakeDesk(alert(217))
    desk.never = asyncio.Event()
    async with site(desk, within=0.01) as farm:
        status, answer = await farm.ask("POST", "/api/v1/alerts/A-217/ack")
    assert (status, answer["error"]["code"]) == (503, "timeout")


async def test_a_fault_of_ours_is_still_an_answer_in_json(site):
    desk = FakeDesk({"id": "A-1", "state": "firing"})  # a row that breaks the desk's promise
    async with site(desk) as farm:
        status, answer = await farm.ask("GET", "/api/v1/alerts")
    assert (status, answer["error"]["code"]) == (500, "internal")


@pytest.mark.parametrize("name", ["devices", "people", "rules", "sources"])
async def test_lists_carry_their_name_and_a_cursor(site, name):
    async with site(FakeDesk()) as farm:
        status, body = await farm.ask("GET", f"/api/v1/{name}")
        _, first = await farm.ask("GET", f"/api/v1/{name}?limit=1")
    assert status == 200
    assert body == {name: getattr(farm.desk, name)(), "next": None}
    assert first[name] == body[name][:1]
    assert (first["next"] is None) == (len(body[name]) == 1)


async def test_messages_and_readings_are_paged_by_the_store(site):
    async with site(FakeDesk()) as farm:
        _, first = await farm.ask("GET", "/api/v1/messages?limit=1")
        _, second = await farm.ask("GET", f"/api/v1/messages?limit=1&cursor={first['next']}")
        wrong, _ = await farm.ask("GET", "/api/v1/messages?cursor=7")
        also_wrong, _ = await farm.ask("GET", "/api/v1/readings?cursor=rubbish")
        _, lines = await farm.ask(
            "GET",
            "/api/v1/readings?device=cow-0421&metric=activity&from=2026-11-22T01:00:00Z&to=2026-11-22T03:00:00+01:00",
        )
    assert (first, second["next"], wrong, also_wrong) == ({"messages": [{"id": "m1"}], "next": "2"}, None, 400, 400)
    assert farm.desk.asked == [
        (1, None),
        (1, "2"),
        ("cow-0421", "activity", 1_795_309_200_000_000, 1_795_312_800_000_000, 1000, None),
    ]
    assert lines["readings"][0]["value"] == 12.0


@pytest.mark.parametrize("time", ["yesterday", "2026-11-22", "2026-11-22T01:00:00", "1795312800"])
async def test_a_time_without_zone_is_refused_rather_than_guessed(site, time):
    async with site(FakeDesk()) as farm:
        status, body = await farm.ask("GET", f"/api/v1/readings?from={time}")
    assert (status, body["error"]["code"]) == (400, "bad_time")


async def test_an_invitation_and_a_test_message(site):
    async with site(FakeDesk()) as farm:
        created, invitation = await farm.ask("POST", "/api/v1/people/anna/invite", json={"messenger": "telegram"})
        unknown, _ = await farm.ask("POST", "/api/v1/people/nobody/invite")
        wrong, why = await farm.ask("POST", "/api/v1/people/anna/invite", json={"messenger": "pigeon"})
        sent, outcome = await farm.ask("POST", "/api/v1/people/anna/test")
        refused, reason = await farm.ask("POST", "/api/v1/people/vet/test")
        stranger, _ = await farm.ask("POST", "/api/v1/people/nobody/test")
        odd, _ = await farm.ask("POST", "/api/v1/people/anna/test", json={"messenger": "pigeon"})
    assert (created, invitation["code"]) == (201, "7KQ2-9FWM")
    assert (unknown, wrong, why["error"]["message"]) == (404, 400, "there is no messenger pigeon")
    assert (sent, outcome["outcome"]) == (200, "sent")
    assert (refused, reason["error"]["message"]) == (409, "vet has not agreed")
    assert (stranger, odd) == (404, 400)


async def test_a_silence_is_made_listed_and_ended(site):
    desk = FakeDesk()
    wanted = {"match": {"device": ["fan-3", "fan-4"]}, "for": "2h", "reason": "new bearings", "by": "anna"}
    async with site(desk) as farm:
        made, silence = await farm.ask("POST", "/api/v1/silences", json=wanted)
        _, listed = await farm.ask("GET", "/api/v1/silences")
        ended, over = await farm.ask("DELETE", "/api/v1/silences/S-1?by=bob")
        _, active = await farm.ask("GET", "/api/v1/silences")
        _, every = await farm.ask("GET", "/api/v1/silences?state=all")
        unknown, error = await farm.ask("DELETE", "/api/v1/silences/S-7")
    assert (made, silence["id"], silence["match"]) == (201, "S-1", {"device": ["fan-3", "fan-4"]})
    assert [one["id"] for one in listed["silences"]] == ["S-1"]
    assert listed["next"] is None
    assert (ended, over["ended"] is not None) == (200, True)
    assert (active["silences"], len(every["silences"])) == ([], 1)
    assert (unknown, error["error"]["code"]) == (404, "unknown_silence")
    assert desk.commands == [
        ("silence", {"device": ["fan-3", "fan-4"]}, in_two_hours(), "new bearings", "anna", "api"),
        ("end", 1, "bob", "api"),
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"match": {}, "for": "2h", "reason": "x"}, "bad_match"),
        ({"match": {"device": []}, "for": "2h", "reason": "x"}, "bad_match"),
        ({"match": {"devic": "a"}, "for": "2h", "reason": "x"}, "bad_match"),
        ({"match": {"rule": "fevr"}, "for": "2h", "reason": "x"}, "unknown_rule"),
        ({"match": {"rule": ["fever", "herd"]}, "for": "2h", "reason": "x"}, "unknown_rule"),
        ({"match": {"device": "a"}, "for": "2h", "reason": "  "}, "bad_body"),
        ({"match": {"device": "a"}, "for": "2", "reason": "x"}, "bad_body"),
        ({"match": {"device": "a"}, "for": "0s", "reason": "x"}, "bad_body"),
        ({"match": {"device": "a"}, "reason": "x"}, "bad_body"),
        ({"match": {"device": "a"}, "for": "2h", "reason": "x", "til": "3h"}, "bad_body"),
    ],
)
async def test_a_silence_that_says_too_little_mutes_nothing(site, body, code):
    desk = FakeDesk()
    async with site(desk) as farm:
        status, error = await farm.ask("POST", "/api/v1/silences", json=body)
    assert (status, error["error"]["code"], desk.quiet) == (400, code, {})


async def test_unknown_paths_and_methods_are_errors_in_json(site):
    async with site(FakeDesk()) as farm:
        missing, body = await farm.ask("GET", "/api/v1/cows")
        wrong, method = await farm.ask("DELETE", "/api/v1/alerts")
    assert (missing, body["error"]["code"]) == (404, "not_found")
    assert (wrong, method["error"]["code"]) == (405, "method_not_allowed")


async def test_a_hook_gets_the_raw_bytes_and_others_get_404(site):
    calls = []

    async def hook(call):
        from alertd.seams import HookAnswer  # noqa: PLC0415 (the name only this test needs)

        calls.append(call)
        return HookAnswer(200, b"challenge")

    async with site(FakeDesk(), token="t", public_url="https://a.example", hooks={"whatsapp": hook}) as farm:
        status, text, _ = await farm.see(
            "POST", "/hooks/whatsapp?hub=1", data=b'{ "a":1}', headers={"X-Forwarded-For": "192.0.2.1", "X-Sig": "s"}
        )
        missing, body = await farm.ask("POST", "/hooks/wechat")
    assert (status, text) == (200, "challenge")
    assert (calls[0].method, calls[0].body, calls[0].query["hub"]) == ("POST", b'{ "a":1}', "1")
    assert calls[0].headers["x-sig"] == "s"
    assert calls[0].url == "https://a.example/hooks/whatsapp?hub=1"
    assert (missing, body["error"]["code"]) == (404, "not_found")


async def test_a_person_who_opens_a_broken_link_is_shown_a_page(site):
    async def hook(_call):
        from alertd.seams import HookAnswer  # noqa: PLC0415 (the name only this test needs)

        return HookAnswer(403, b"<html>This link is not complete", "text/html")

    async with site(FakeDesk(), hooks={"email": hook}) as farm:
        status, text, answer = await farm.see("GET", "/hooks/email")
    assert (status, text) == (403, "<html>This link is not complete")
    assert answer.content_type == "text/html"


async def test_a_call_that_a_hook_refuses_is_an_error_like_every_other(site):
    async def hook(_call):
        from alertd.seams import HookAnswer  # noqa: PLC0415 (the name only this test needs)

        return HookAnswer(403, b"X-Sig is wrong or missing")

    async with site(FakeDesk(), hooks={"whatsapp": hook}) as farm:
        status, body = await farm.ask("POST", "/hooks/whatsapp", data=b"{}")
    assert (status, body) == (403, {"error": {"code": "refused", "message": "X-Sig is wrong or missing"}})


async def test_who_would_hear_of_it_is_asked_of_the_daemon(site):
    desk = FakeDesk()
    async with site(desk) as farm:
        asked = {"facts": {"rule": "fever", "device": "cow-0421"}, "at": "2026-11-23T03:00:00+01:00"}
        status, body = await farm.ask("POST", "/api/v1/route", json=asked)
        _, wrong = await farm.ask("POST", "/api/v1/route", json={"facts": {"rule": "fewer"}})
        _, no_time = await farm.ask("POST", "/api/v1/route", json=asked | {"at": "at noon"})
        _, no_facts = await farm.ask("POST", "/api/v1/route", json={"rule": "fever"})
    assert (status, [one["person"] for one in body["told"]]) == (200, ["anna"])
    assert desk.asked == [("route", asked["facts"], 1_795_399_200 * SECOND)]
    assert (wrong["error"]["code"], wrong["error"]["message"]) == ("bad_facts", "there is no enabled rule fewer")
    assert (no_time["error"]["code"], no_facts["error"]["code"]) == ("bad_time", "bad_body")
