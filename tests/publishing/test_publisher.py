"""The broker's retained copies follow what was committed, through outages and restarts. Real mosquitto."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import paho.mqtt.client as paho
import pytest
from farm import START, Farm, hot
from manual_clock import ManualClock
from mosquitto import Mosquitto, need_mosquitto
from mqtt_reader import reader

from alertd.ingest.settings import Publish
from alertd.model import HOUR, MINUTE
from alertd.publishing.publisher import Publisher

pytestmark = need_mosquitto


class Board:
    """What a display sees: every retained message below the topic."""

    def __init__(self, port: int) -> None:
        self.seen: dict[str, bytes] = {}
        self.count = 0
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self._client.on_message = self._note
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _note(self, _client, _data, message) -> None:
        self.count += 1
        if message.payload:
            self.seen[message.topic] = message.payload
        else:
            self.seen.pop(message.topic, None)

    def alerts(self) -> dict[str, str]:
        """Number to state of the alerts shown."""
        found = {topic.rpartition("/")[2]: json.loads(body) for topic, body in self.seen.items() if "/alerts/" in topic}
        return {number: alert["state"] for number, alert in found.items()}

    async def until(self, true) -> None:
        async with asyncio.timeout(30):
            while not true():
                await asyncio.sleep(0.01)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@asynccontextmanager
async def publishing(farm: Farm, url: str, clock: ManualClock, *, kept: str = "", **settings):
    """A publisher on its own connection, as the daemon runs it."""
    chosen = Publish.model_validate({"topic": "alertd/hof", **settings}) if settings.get("topic", 1) else None
    line = reader(url, client_id="alertd-hof", filters=[("none", 1)])
    publisher = Publisher(chosen, farm.book, line.source, clock, "Hof", kept)
    publisher.start()
    task = asyncio.create_task(publisher.run())

    async def links() -> None:
        while True:
            await line.until(lambda: bool(line.links))
            publisher.link(up=line.links.pop(0).up)

    listening = asyncio.create_task(links())
    try:
        yield publisher
    finally:
        for one in (task, listening):
            one.cancel()
        await asyncio.wait([task, listening])
        await line.stop()


@pytest.fixture
def broker(tmp_path):
    with Mosquitto(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def board(broker):
    shown = Board(broker.port)
    yield shown
    shown.close()


def feed(farm: Farm, publisher: Publisher, *readings: tuple) -> None:
    before = len(farm.changes)
    farm.say(*readings)
    for changes in farm.changes[before:]:
        publisher.committed(changes)


async def test_an_alert_is_shown_while_it_fires_and_for_an_hour_after(broker, board) -> None:
    farm, clock = Farm(hot()), ManualClock(START)
    async with publishing(farm, broker.url, clock) as publisher:
        feed(farm, publisher, (0, "barn", 35.0))
        await board.until(lambda: board.alerts() == {"A-1": "firing"})
        shown = json.loads(board.seen["alertd/hof/alerts/A-1"])
        assert (shown["rule"], shown["device"], shown["value"]) == ("hot", "barn", 35.0)
        feed(farm, publisher, (60, "barn", 20.0))
        await board.until(lambda: board.alerts() == {"A-1": "resolved"})
        clock.advance(59 * MINUTE)
        await asyncio.sleep(0.1)
        assert board.alerts() == {"A-1": "resolved"}
        clock.advance(2 * MINUTE)
        await board.until(lambda: board.alerts() == {})


async def test_an_alert_that_fires_again_within_the_hour_stays_shown(broker, board) -> None:
    farm, clock = Farm(hot()), ManualClock(START)
    async with publishing(farm, broker.url, clock) as publisher:
        feed(farm, publisher, (0, "barn", 35.0), (60, "barn", 20.0), (120, "barn", 36.0))
        await board.until(lambda: board.alerts() == {"A-1": "firing"})
        clock.advance(2 * HOUR)
        feed(farm, publisher, (180, "other", 35.0))
        await board.until(lambda: board.alerts() == {"A-1": "firing", "A-2": "firing"})


async def test_an_acknowledgement_is_seen_by_the_display(broker, board) -> None:
    farm, clock = Farm(hot()), ManualClock(START)
    async with publishing(farm, broker.url, clock) as publisher:
        feed(farm, publisher, (0, "barn", 35.0))
        farm.do(5, "ack", 1, by="anna", via="MQTT")
        publisher.committed(farm.changes[-1])
        await board.until(
            lambda: json.loads(board.seen.get("alertd/hof/alerts/A-1", "{}")).get("acknowledged_by") == "anna via MQTT"
        )


async def test_what_happened_while_the_broker_was_away_is_shown_when_it_is_back(broker, board) -> None:
    farm, clock = Farm(hot()), ManualClock(START)
    async with publishing(farm, broker.url, clock) as publisher:
        feed(farm, publisher, (0, "a", 35.0))
        await board.until(lambda: board.alerts() == {"A-1": "firing"})
        broker.kill()  # its retained messages were never saved
        feed(farm, publisher, (60, "b", 35.0), (120, "a", 20.0))
        board.seen.clear()
        broker.start()
        await board.until(lambda: board.alerts() == {"A-1": "resolved", "A-2": "firing"})


async def test_a_copy_whose_hour_ended_while_we_were_off_is_taken_away_at_the_start(broker, board) -> None:
    farm, clock = Farm(hot()), ManualClock(START)
    async with publishing(farm, broker.url, clock) as publisher:
        feed(farm, publisher, (0, "a", 35.0), (1, "b", 35.0), (60, "a", 20.0))
        await board.until(lambda: board.alerts() == {"A-1": "resolved", "A-2": "firing"})
    clock.advance(5 * HOUR)
    async with publishing(farm, broker.url, clock):
        await board.until(lambda: board.alerts() == {"A-2": "firing"})


async def test_a_clear_that_the_broker_never_heard_is_made_good_by_the_next_life(broker, board) -> None:
    farm, clock = Farm(hot()), ManualClock(START)
    async with publishing(farm, broker.url, clock) as publisher:
        feed(farm, publisher, (0, "a", 35.0), (60, "a", 20.0))
        await board.until(lambda: board.alerts() == {"A-1": "resolved"})
        broker.stop()
        clock.advance(2 * HOUR)
        await asyncio.sleep(0.05)
        trace = publisher.trace()
    assert json.loads(trace)["owed"] == [1]
    broker.start()
    async with publishing(Farm(hot()), broker.url, clock, kept=trace) as publisher:  # the book has forgotten it
        await board.until(lambda: json.loads(publisher.trace())["owed"] == [])
        fresh = Board(broker.port)
        await publisher.source.publish("alertd/mark", b"here", qos=1, retain=True)
        await fresh.until(lambda: "alertd/mark" in fresh.seen)  # retained copies come in one go, in any order
        await asyncio.sleep(0.1)
        assert fresh.alerts() == {}
        fresh.close()


async def test_another_topic_takes_the_old_one_away(broker, board) -> None:
    farm, clock = Farm(hot(), devices=({"id": "a", "group": "dairy"},)), ManualClock(START)
    async with publishing(farm, broker.url, clock, home_assistant=True) as publisher:
        feed(farm, publisher, (0, "a", 35.0))
        await board.until(lambda: any("sensors" in topic for topic in board.seen) and board.alerts() != {})
        trace = publisher.trace()
    async with publishing(farm, broker.url, clock, kept=trace, topic="farm/alertd") as publisher:
        await board.until(
            lambda: (
                "farm/alertd/alerts/A-1" in board.seen
                and not any(topic.startswith("alertd/hof/") and "status" not in topic for topic in board.seen)
                and not any(topic.startswith("homeassistant/") for topic in board.seen)
            )
        )
        await board.until(lambda: json.loads(publisher.trace())["topic"] == "farm/alertd")


async def test_what_is_told_to_nobody_is_shown_to_nobody(broker, board) -> None:
    farm, clock = Farm(hot(mode="shadow"), hot(name="loud")), ManualClock(START)
    async with publishing(farm, broker.url, clock, home_assistant=True) as publisher:
        feed(farm, publisher, (0, "a", 35.0))
        await board.until(lambda: board.alerts() != {})
        await asyncio.sleep(0.05)
        rules = [json.loads(body)["rule"] for topic, body in board.seen.items() if "/alerts/" in topic]
        assert rules == ["loud"]
        assert not any("hot" in topic for topic in board.seen)


async def test_a_problem_sensor_a_rule_and_group_is_on_while_any_of_its_alerts_fires(broker, board) -> None:
    devices = tuple({"id": name, "group": group} for name, group in (("a", "dairy"), ("b", "dairy"), ("c", "calves")))
    farm, clock = Farm(hot(), devices=devices), ManualClock(START)
    async with publishing(farm, broker.url, clock, home_assistant=True) as publisher:
        await board.until(lambda: sum(topic.startswith("homeassistant/") for topic in board.seen) == 2)
        found = {json.loads(body)["name"]: json.loads(body) for t, body in board.seen.items() if t.startswith("home")}
        assert set(found) == {"Hot dairy", "Hot calves"}

        def state(name: str) -> dict:
            return json.loads(board.seen.get(found[name]["state_topic"], b"{}"))

        await board.until(lambda: state("Hot dairy").get("state") == "OFF")
        feed(farm, publisher, (0, "a", 35.0), (1, "b", 36.0))
        await board.until(lambda: state("Hot dairy").get("alerts") == ["A-1", "A-2"])
        assert state("Hot dairy")["state"] == "ON"
        assert state("Hot calves")["state"] == "OFF"
        feed(farm, publisher, (60, "a", 20.0))
        await board.until(
            lambda: state("Hot dairy") == {"state": "ON", "count": 1, "severity": "critical", "alerts": ["A-2"]}
        )
        feed(farm, publisher, (61, "b", 20.0))
        await board.until(lambda: state("Hot dairy").get("state") == "OFF")


def test_our_own_topics_are_known() -> None:
    farm = Farm(hot())
    publisher = Publisher(Publish(topic="alertd/hof", home_assistant=True), farm.book, None, ManualClock(START), "Hof")  # type: ignore[arg-type]
    publisher.start()
    assert publisher.own("alertd/hof/alerts/A-1")
    assert publisher.own("alertd/hof/status")
    assert not publisher.own("alertd/hofladen/alerts/A-1")
    assert not publisher.own("homeassistant/binary_sensor/barn/state")
