"""What is in the outbox is told once, in order and at a pace, whatever the messengers do. On the real store."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from contextlib import asynccontextmanager

import aiohttp
import pytest
from deliveries import T0, message
from fake_telegram import FakeTelegram
from manual_clock import ManualClock

from alertd.courier import IN_FLIGHT, Courier
from alertd.messengers.telegram import Telegram, TelegramSettings
from alertd.model import (
    MINUTE,
    SECOND,
    Button,
    Changes,
    Channel,
    Kind,
    Receipt,
    Reject,
    Retry,
    Sent,
    Settled,
    Trouble,
    Unsure,
)
from alertd.seams import Abilities, Flush
from alertd.settings import Secret
from alertd.store.sqlite import SqliteStore

ANNA, TOO = Channel("phone", "anna"), Channel("second", "anna")


class Phone:
    """A messenger that answers from a script, then with `Sent`; what it was asked is in `asked`."""

    def __init__(self, name: str = "phone", *script) -> None:
        self.name = name
        self.abilities = Abilities(4096)
        self.script = list(script)
        self.asked: list[tuple[str, str]] = []
        self.most = self.now = 0
        self.heard: int | None = None
        self.gate: asyncio.Event | None = None

    async def send(self, delivery):
        self.asked.append((delivery.channel.address, delivery.message.text))
        self.heard = delivery.heard
        self.now += 1
        self.most = max(self.most, self.now)
        if self.gate is not None:
            await self.gate.wait()
        self.now -= 1
        outcome = self.script.pop(0) if self.script else Sent(str(len(self.asked)))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.asked]


class World:
    """A store, phones, a clock and a courier; `settled` and `troubles` are what it reported."""

    def __init__(self, path, *phones) -> None:
        self.path = path
        self.phones = phones or (Phone(),)
        self.clock = ManualClock()
        self.settled: list[Settled] = []
        self.troubles: list[Trouble] = []
        self.counts: Counter[tuple[str, str]] = Counter()
        self.stopped: set[tuple[str, str]] = set()
        self.left: list[Channel] = []

    async def blocked(self, delivery) -> None:
        self.left.append(delivery.channel)

    def report(self, news) -> None:
        (self.settled if isinstance(news, Settled) else self.troubles).append(news)

    @asynccontextmanager
    async def running(self):
        self.store = SqliteStore(self.path / "alertd.db", ballast=0)
        await self.store.open()
        self.courier = Courier(
            self.store,
            {phone.name: phone for phone in self.phones},
            self.clock,
            self.report,
            allowed=lambda who, channel: (who, channel.address) not in self.stopped,
            count=lambda name, outcome: self.counts.update([(name, outcome)]),
            left=self.blocked,
        )
        task = asyncio.create_task(self.courier.run())
        try:
            yield self
            self.courier.stop()
            await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.store.close()

    async def put(self, *messages) -> None:
        await self.store.commit(Flush(self.clock.now(), changes=Changes(messages=list(messages))))
        if hasattr(self, "courier"):
            self.courier.wake()

    async def until(self, condition, step: int = 0) -> None:
        """Wait for it, moving the clock by `step` whenever the courier rests."""
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.002)  # lets the store's thread work; how often does not matter
                if step and not self.courier._busy:
                    self.clock.advance(step)

    @property
    def ends(self) -> list[tuple[str, str]]:
        return [(one.message, one.state) for one in self.settled]


def told(name: str = "m1", **facts):
    return message(name, id=name, **({"channels": (ANNA,)} | facts))


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


async def test_a_message_is_told_once_and_reported(world) -> None:
    async with world.running():
        await world.put(told(), told())
        await world.until(lambda: world.settled)

    assert world.phones[0].texts == ["m1"]
    assert world.ends == [("m1", "sent")]
    assert world.counts == {("phone", "sent"): 1}


async def test_a_critical_message_goes_before_others(world) -> None:
    world.phones[0].gate = asyncio.Event()
    async with world.running():
        await world.put(told("first"))
        await world.until(lambda: world.phones[0].asked)
        await world.put(told("calm"), told("grave", critical=True))
        world.phones[0].gate.set()
        await world.until(lambda: len(world.settled) == 3)

    assert world.phones[0].texts == ["first", "grave", "calm"]


async def test_one_at_a_time_in_a_chat_and_eight_in_all(world) -> None:
    gate = world.phones[0].gate = asyncio.Event()
    async with world.running():
        await world.put(
            *(told(f"{chat}/{n}", channels=(Channel("phone", f"{chat}"),)) for n in range(2) for chat in range(12))
        )
        await world.until(lambda: world.phones[0].now == 8)
        assert len({chat for chat, _ in world.phones[0].asked}) == 8
        gate.set()
        await world.until(lambda: len(world.settled) == 24)

    assert world.phones[0].most == 8
    assert all(world.phones[0].texts.index(f"{n}/0") < world.phones[0].texts.index(f"{n}/1") for n in range(12))


async def test_five_at_once_then_one_a_second(world) -> None:
    async with world.running():
        await world.put(*(told(f"m{n}") for n in range(7)))
        await world.until(lambda: len(world.settled) == 5)
        for count in (6, 7):
            assert len(world.phones[0].asked) == count - 1
            world.clock.advance(SECOND)
            await world.until(lambda count=count: len(world.settled) == count)


async def test_a_lost_answer_is_repeated_with_a_mark_only_if_critical(world) -> None:
    world.phones[0].script = [Unsure("time-out"), Sent("9"), Unsure("time-out")]
    async with world.running():
        await world.put(told("grave", critical=True, language="de"))
        await world.until(lambda: world.settled)
        await world.put(told("calm"))
        await world.until(lambda: len(world.settled) == 2)

    assert world.phones[0].texts == ["grave", "Erneut gesendet: grave", "calm"]
    assert world.ends == [("grave", "sent"), ("calm", "unsure")]


@pytest.mark.parametrize(("hears", "closed"), [(True, [ANNA]), (False, [])])
async def test_who_blocked_us_is_left_alone_where_they_can_come_back_by_writing(world, hears, closed) -> None:
    world.phones[0].abilities = Abilities(4096, inbound=hears)
    world.phones[0].script = [Reject("blocked", gone=True), Reject("no such person")]
    async with world.running():
        await world.put(told("one"))
        await world.until(lambda: world.settled)
        await world.put(told("two"))
        await world.until(lambda: len(world.settled) == 2)

    assert world.left == closed


async def test_a_spent_budget_is_told_once_and_again_when_there_is_room(world) -> None:
    unpaid = Reject("the monthly budget of 10 EUR is spent", unpaid=True)
    world.phones[0].script = [unpaid, unpaid, Sent("1"), Sent("2")]
    async with world.running():
        for number, critical in enumerate((False, False, True, False)):
            await world.put(told(f"m{number}", critical=critical, channels=(Channel("phone", f"{number}"),)))
            await world.until(lambda number=number: len(world.settled) == number + 1)

    assert [(one.state, one.unpaid) for one in world.settled] == [("dead", True)] * 2 + [("sent", False)] * 2
    spent, room = world.troubles
    assert "Critical messages are sent, others take the next channel or wait for the digest" in spent.text
    assert (spent.key, spent.over, room.key, room.over) == ("budget:phone", False, "budget:phone", True)


async def test_what_arrived_after_a_lost_answer_is_paid_for_once(world) -> None:
    world.phones[0].script = [Unsure("time-out")]
    arrived = Receipt("calm", "phone", Sent("7", 0.05, "EUR"), "7")
    async with world.running():
        await world.put(told("calm"))
        await world.until(lambda: world.settled)
        for _ in range(2):
            await world.courier.receipt(arrived)
        at = world.clock.now()
        assert (await world.store.figures(at, at)).costs == {"phone": 0.05}

    assert world.ends[-1] == ("calm", "sent")


async def test_a_crash_between_request_and_answer_is_unsure(tmp_path) -> None:
    before = World(tmp_path)
    before.phones[0].gate = asyncio.Event()

    async def crash() -> None:
        async with before.running():
            await before.put(told("grave", critical=True), told("calm", channels=(Channel("phone", "ben"),)))
            await before.until(lambda: before.phones[0].now == 2)
            raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        await crash()

    after = World(tmp_path)
    async with after.running():
        await after.until(lambda: len(after.settled) == 2)

    assert after.phones[0].texts == ["Sent again: grave"]
    assert sorted(after.ends) == [("calm", "unsure"), ("grave", "sent")]


async def test_refused_goes_to_the_next_channel(tmp_path) -> None:
    world = World(tmp_path, Phone("phone", Reject("blocked", gone=True)), Phone("second"))
    async with world.running():
        await world.put(told(channels=(ANNA, TOO)))
        await world.until(lambda: world.settled)

    assert (world.phones[0].texts, world.phones[1].texts) == (["m1"], ["m1"])
    assert world.ends == [("m1", "sent")]
    assert world.settled[0].messenger == "second"


async def test_a_messenger_that_was_taken_out_of_the_configuration_is_no_channel(world) -> None:
    async with world.running():
        await world.put(told(channels=(Channel("pager", "1"), ANNA)), told("m2", channels=(Channel("pager", "1"),)))
        await world.until(lambda: len(world.settled) == 2)

    assert sorted(world.ends) == [("m1", "sent"), ("m2", "dead")]


async def test_stop_holds_for_what_was_already_queued_and_is_still_confirmed(world) -> None:
    world.stopped.add(("anna", "anna"))
    async with world.running():
        await world.put(told(), told("confirmed", kind=Kind.REPLY))
        await world.until(lambda: len(world.settled) == 2)

    assert world.phones[0].texts == ["confirmed"]
    assert sorted(world.ends) == [("confirmed", "sent"), ("m1", "dead")]


async def test_too_late_is_not_sent(world) -> None:
    async with world.running():
        await world.put(told(expires=T0), told("in time", expires=T0 + 1))
        await world.until(lambda: len(world.settled) == 2)

    assert world.phones[0].texts == ["in time"]
    assert ("m1", "expired") in world.ends


async def test_an_hour_without_a_line_loses_and_repeats_nothing(world) -> None:
    phone = world.phones[0]
    phone.script = [Retry("no connection", whole_account=True)] * 10_000
    names = [f"m{n}" for n in range(20)]
    async with world.running():
        await world.put(*(told(name, channels=(Channel("phone", name),)) for name in names))
        await world.until(lambda: world.clock.now() > T0 + 60 * MINUTE, step=10 * SECOND)
        tries = len(phone.asked)
        assert world.courier.failing == {"phone": "no connection"}
        phone.script.clear()
        await world.until(lambda: len(world.settled) == 20, step=10 * SECOND)
        assert world.courier.failing == {}

    assert tries < 150, "one tries for all"
    assert sorted(phone.texts[tries:]) == sorted(names)
    assert {state for _, state in world.ends} == {"sent"}
    assert world.counts["phone", "retry"] == tries


async def test_an_hour_of_outage_is_told_by_the_second_channel(tmp_path) -> None:
    world = World(tmp_path, Phone("phone", *[Retry("down", whole_account=True)] * 10_000), Phone("second"))
    async with world.running():
        await world.put(told("grave", channels=(ANNA, TOO), critical=True), told("calm", channels=(ANNA, TOO)))
        await world.until(lambda: world.settled, step=SECOND)
        waited = world.clock.now() - T0
        assert world.ends == [("grave", "sent")]
        await world.until(lambda: len(world.settled) == 2, step=5 * SECOND)

    assert MINUTE <= waited <= MINUTE + 10 * SECOND
    assert world.phones[1].texts == ["grave", "calm"]


async def test_a_wrong_token_keeps_messages_and_tells_the_operator_once_by_another_way(tmp_path) -> None:
    wrong = Retry("401 the token is wrong", whole_account=True, config=True)
    world = World(tmp_path, Phone("phone", *[wrong] * 10_000), Phone("second"))
    async with world.running():
        await world.put(told("kept"), told("kept too", channels=(Channel("phone", "ben"),)))
        await world.until(lambda: world.troubles)
        await world.put(told("alarm", kind=Kind.OPERATOR, channels=(ANNA, TOO)))
        await world.until(lambda: world.settled)
        assert world.ends == [("alarm", "sent")]
        await world.until(lambda: world.clock.now() > T0 + 60 * MINUTE, step=10 * SECOND)
        assert len(world.phones[0].asked) < 20
        world.phones[0].script.clear()
        await world.until(lambda: len(world.settled) == 3, step=10 * SECOND)

    assert [(one.key, one.over) for one in world.troubles] == [("messenger:phone", False), ("messenger:phone", True)]
    assert sorted(world.ends) == [("alarm", "sent"), ("kept", "sent"), ("kept too", "sent")]


async def test_a_chat_told_to_wait_delays_no_other(world) -> None:
    world.phones[0].script = [Retry("429", after=30)]
    async with world.running():
        await world.put(told("slow"), told("fast", channels=(Channel("phone", "ben"),)))
        await world.until(lambda: world.settled)
        assert world.ends == [("fast", "sent")]
        world.clock.advance(29 * SECOND)
        await world.put(told("third", channels=(Channel("phone", "eve"),)))
        await world.until(lambda: len(world.settled) == 2)
        assert world.phones[0].texts == ["slow", "fast", "third"]
        world.clock.advance(2 * SECOND)
        await world.until(lambda: len(world.settled) == 3)


async def test_a_messenger_that_raises_stops_nothing(world) -> None:
    world.phones[0].script = [ValueError("a bug")]
    async with world.running():
        await world.put(told())
        await world.until(lambda: world.settled)
        await world.put(told("next"))
        await world.until(lambda: len(world.settled) == 2)

    assert world.ends == [("m1", "unsure"), ("next", "sent")]
    assert [one.key for one in world.troubles] == ["bug:phone"]


async def test_an_edit_where_nothing_can_be_edited_is_dropped(world) -> None:
    async with world.running():
        await world.put(dataclasses.replace(told(), text="", edits=True))
        await world.until(lambda: world.settled)

    assert world.ends == [("m1", "dropped")]
    assert world.phones[0].asked == []


async def test_many_waiting_for_one_messenger_do_not_hide_another(tmp_path) -> None:
    world = World(tmp_path, Phone("phone", *[Retry("down", whole_account=True)] * 10_000), Phone("second"))
    async with world.running():
        await world.put(*(told(f"m{n}", channels=(Channel("phone", str(n)),)) for n in range(300)))
        await world.until(lambda: len(world.courier._alone) == 300, step=SECOND)
        await world.put(told("other", channels=(TOO,)))
        await world.until(lambda: world.settled, step=SECOND)

    assert world.ends == [("other", "sent")]


@pytest.mark.parametrize(("kind", "heard"), [(Kind.REPLY, T0), (Kind.FIRING, None)])
async def test_who_is_answered_has_just_written_even_a_stranger(world, kind, heard) -> None:
    async with world.running():
        await world.put(told(kind=kind, due=T0))
        await world.until(lambda: world.settled)
    assert world.phones[0].heard == heard


async def test_a_messenger_that_hangs_keeps_no_other_waiting(tmp_path) -> None:
    world = World(tmp_path, Phone("phone"), Phone("second"))
    world.phones[0].gate = asyncio.Event()
    async with world.running():
        await world.put(*(told(f"m{n}", channels=(Channel("phone", str(n)),)) for n in range(300)))
        await world.until(lambda: world.phones[0].now)
        await world.put(told("other", channels=(TOO,)))
        await world.until(lambda: world.settled)
        assert world.ends == [("other", "sent")]
        assert world.phones[0].most == IN_FLIGHT
        world.phones[0].gate.set()


async def test_the_watchdog_sees_the_loop_turn(world) -> None:
    async with world.running():
        for _ in range(3):
            before = world.clock.now()
            world.clock.advance(5 * SECOND)
            await world.until(lambda before=before: world.courier.turned > before)


async def test_stopping_lets_the_request_in_flight_be_settled(world) -> None:
    world.phones[0].gate = asyncio.Event()
    async with world.running():
        await world.put(told(), told("left"))
        await world.until(lambda: world.phones[0].now == 1)
        world.courier.stop()
        world.phones[0].gate.set()
        await world.until(lambda: world.settled)

    assert world.ends == [("m1", "sent")]
    assert world.phones[0].texts == ["m1"]


@pytest.mark.parametrize("seed", range(5))
async def test_through_telegrams_worst_day_nothing_is_lost_and_nothing_repeated_unmarked(tmp_path, seed) -> None:
    """Real HTTP, a third of all requests go wrong in every way there is."""
    odds = {"429": 0.05, "500": 0.05, "502": 0.05, "timeout": 0.04, "cut": 0.05, "abort": 0.05, "garbage": 0.04}
    people = range(101, 109)
    async with FakeTelegram(chats=people) as api, aiohttp.ClientSession() as http:
        settings = TelegramSettings(token=Secret.parse(api.token), api_base=api.base)
        world = World(tmp_path)
        world.phones = (Telegram(settings, http, world.clock.now, timeout=0.25),)
        api.chaos(seed, odds)
        names = [(f"{chat}/{n}", chat, n % 2 == 0) for n in range(6) for chat in people]
        async with world.running():
            await world.put(
                *(
                    told(
                        name,
                        channels=(Channel("telegram", str(chat)),),
                        critical=critical,
                        buttons=(Button("Gesehen", "ack"),),
                    )
                    for name, chat, critical in names
                )
            )
            await world.until(lambda: len(world.settled) == len(names), step=SECOND)

        state = dict(world.ends)
        copies = Counter(one.text.removeprefix("Sent again: ") for one in api.sent)
        unmarked = Counter(one.text for one in api.sent if not one.text.startswith("Sent again"))
        for name, _, critical in names:
            assert unmarked[name] <= 1
            assert copies[name] <= (2 if critical else 1)
            assert state[name] in ("sent", "unsure")
            if state[name] == "sent":
                assert copies[name] >= 1


class Telling(Phone):
    """A messenger that tells later what arrived."""

    def __init__(self, *script) -> None:
        super().__init__("phone", *script)
        self.abilities = Abilities(4096, receipts=True)


async def test_an_unsure_critical_message_that_arrived_is_not_repeated(tmp_path):
    phone = Telling(Unsure("no answer"))
    async with World(tmp_path, phone).running() as world:
        await world.put(told(critical=True))
        await world.until(lambda: phone.texts and not world.courier._busy)
        await world.courier.receipt(Receipt("m1", "phone", Sent("7"), "7"))
        world.clock.advance(MINUTE)
        await world.put(told("m2"))
        await world.until(lambda: ("m2", "sent") in world.ends, step=SECOND)
    assert phone.texts == ["m1", "m2"]
    assert world.ends == [("m1", "sent"), ("m2", "sent")]


async def test_one_that_is_never_told_of_is_repeated_once_and_marked(tmp_path):
    phone = Telling(Unsure("no answer"))
    async with World(tmp_path, phone).running() as world:
        await world.put(told(critical=True))
        await world.until(lambda: world.ends, step=SECOND)
    assert phone.texts == ["m1", "Sent again: m1"]


async def test_what_failed_after_all_goes_to_the_next_channel(tmp_path):
    phone, second = Telling(), Phone("second")
    async with World(tmp_path, phone, second).running() as world:
        await world.put(told(channels=(ANNA, TOO)))
        await world.until(lambda: world.ends)
        failed = Receipt("m1", "phone", Reject("the phone is gone"), "1")
        await world.courier.receipt(failed)
        await world.courier.receipt(failed)
        await world.until(lambda: len(world.ends) == 2)
    assert (phone.texts, second.texts) == (["m1"], ["m1"])


async def test_a_failure_told_before_the_answer_is_in_counts(tmp_path):
    phone, second = Telling(), Phone("second")
    phone.gate = asyncio.Event()
    async with World(tmp_path, phone, second).running() as world:
        await world.put(told(channels=(ANNA, TOO)))
        await world.until(lambda: phone.now)
        await world.courier.receipt(Receipt("m1", "phone", Reject("the phone is gone")))
        phone.gate.set()
        await world.until(lambda: world.ends)
    assert second.texts == ["m1"]
