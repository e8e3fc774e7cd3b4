"""A bigger alert makes smaller ones pointless: a power cut is one message."""

from __future__ import annotations

import numpy as np
from farm import START, Farm, hot, kinds
from ingest.samples import metric, sparkplug

from alertd.ingest.decoder import Decoder
from alertd.ingest.settings import Limits, Source
from alertd.model import SECOND, Batch, Kind
from alertd.seams import Raw

GATEWAY = {
    "name": "gateway-offline",
    "match": {"metric": "online", "role": "gateway"},
    "detect": {"kind": "state", "equals": 0},
    "severity": "critical",
}
BROKER = GATEWAY | {"name": "broker-offline", "match": {"metric": "online", "role": "broker"}}
SAME_SITE = {"when": {"rule": "gateway-offline"}, "mute": {"rule": "hot"}, "same": ["site"]}
TREE = (
    SAME_SITE,
    {"when": {"rule": "broker-offline"}, "mute": {"rule": "gateway-offline"}, "same": ["site"]},
)
HOME = (
    {"id": "gw", "labels": {"role": "gateway", "site": "home"}},
    {"id": "broker", "labels": {"role": "broker", "site": "home"}},
    {"id": "a", "labels": {"site": "home"}},
    {"id": "b", "labels": {"site": "hill"}},
    {"id": "c"},
)


def site(*inhibit: dict, **gateway) -> Farm:
    """A home with gateway and broker that have reported that they are online."""
    farm = Farm(hot(), GATEWAY | gateway, BROKER, devices=HOME, inhibit=inhibit or (SAME_SITE,))
    farm.say((0, "gw", 1), (0, "broker", 1), state=True)
    return farm


def test_a_smaller_alert_under_a_bigger_one_is_told_to_nobody():
    farm = site()
    farm.say((1, "gw", 0), state=True)
    assert farm.say((2, "a", 35)) == []
    assert farm.book.numbered(2).muted == "A-1"


def test_labels_must_be_alike_and_one_that_is_missing_fits_nothing():
    farm = site()
    farm.say((1, "gw", 0), state=True)
    farm.say((2, "b", 35), (3, "c", 35))
    farm.tick(310)
    assert [message.alerts for message in farm.told] == [("A-1",), ("A-2",), ("A-3",)]


def test_it_lasts_ten_minutes_beyond_its_cause_and_then_what_still_fires_is_told():
    farm = site()
    farm.say((1, "gw", 0), state=True)
    farm.say((2, "a", 35))
    assert kinds(farm.say((100, "gw", 1), state=True)) == [Kind.RESOLVE]
    assert farm.tick(100 + 599) == []
    assert [(one.kind, one.alerts) for one in farm.tick(100 + 601)] == [(Kind.FIRING, ("A-2",))]


def test_a_smaller_alert_that_fires_in_the_tail_waits_too():
    farm = site()
    farm.say((1, "gw", 0), state=True)
    farm.say((100, "gw", 1), state=True)
    assert farm.say((650, "a", 35)) == []
    assert kinds(farm.tick(702)) == [Kind.FIRING]


def test_three_usual_intervals_of_a_slow_series_are_the_longer_tail():
    farm = site()
    farm.say(*((1800 * number, "a", 20) for number in range(9)))
    last = 1800 * 8
    farm.say((last + 10, "gw", 0), state=True)
    farm.say((last + 1800, "a", 35))
    farm.say((last + 2000, "gw", 1), state=True)
    assert farm.tick(last + 2000 + 5390) == []
    assert kinds(farm.tick(last + 2000 + 5410)) == [Kind.FIRING]


def test_what_is_over_before_its_cause_is_was_never_worth_a_word():
    farm = site()
    farm.say((1, "gw", 0), state=True)
    farm.say((2, "a", 35), (60, "a", 20))
    farm.say((100, "gw", 1), state=True)
    farm.tick(3600)
    assert kinds(farm.told) == [Kind.FIRING, Kind.RESOLVE]


def test_reminders_and_escalation_of_what_was_told_before_are_muted_too():
    farm = Farm(hot(repeat="3m"), GATEWAY, devices=HOME, inhibit=(SAME_SITE,))
    farm.say((0, "gw", 1), state=True)
    farm.say((1, "a", 35))
    assert farm.tick(100) == []
    farm.say((120, "gw", 0), state=True)
    assert farm.tick(1000) == []
    farm.say((1000, "gw", 1), state=True)
    assert kinds(farm.tick(1601)) == [Kind.REPEAT]


def test_a_cause_called_a_false_alarm_mutes_nothing_any_more():
    farm = site()
    farm.say((1, "gw", 0), state=True)
    farm.say((2, "a", 35))
    told = farm.do(60, "false_alarm", 1)
    assert Kind.FIRING in kinds(told)


def test_a_rule_in_the_shadow_mutes_nothing():
    farm = site(mode="shadow")
    farm.say((1, "gw", 0), state=True)
    assert kinds(farm.say((2, "a", 35))) == [Kind.FIRING]


def test_a_power_cut_is_one_message_down_the_tree():
    farm = site(*TREE)
    farm.say((1, "broker", 0), (2, "gw", 0), state=True)
    farm.say((3, "a", 35))
    assert len(farm.told) == 1
    assert [farm.book.numbered(number).muted for number in (1, 2, 3)] == ["", "A-1", "A-2"]


def test_two_that_mute_each_other_are_one_message_of_the_first():
    circle = (SAME_SITE, {"when": {"rule": "hot"}, "mute": {"rule": "gateway-offline"}, "same": ["site"]})
    farm = site(*circle)
    farm.say((1, "gw", 0), state=True)
    farm.say((2, "a", 35))
    assert [message.alerts for message in farm.told] == [("A-1",)]
    assert farm.tick(3600) == []


def test_a_smaller_alert_waits_while_the_bigger_condition_is_in_its_hold():
    farm = site(detect={"kind": "state", "equals": 0, "hold": "5m"})
    farm.say((1, "gw", 0), state=True)
    assert farm.say((10, "a", 35)) == []
    assert [message.alerts for message in farm.tick(310)] == [("A-2",)]
    assert farm.book.numbered(1).muted == "A-2"


def test_if_the_bigger_condition_passes_the_smaller_alert_is_told_after_all():
    farm = site(detect={"kind": "state", "equals": 0, "hold": "5m"})
    farm.say((1, "gw", 0), state=True)
    farm.say((10, "a", 35))
    farm.say((30, "gw", 1), state=True)
    assert [message.alerts for message in farm.tick(303)] == [("A-1",)]


def test_after_a_start_a_smaller_alert_waits_until_its_cause_has_reported():
    farm = site()
    farm.link(1000, up=False)
    farm.link(2000, up=True)
    assert farm.say((2001, "a", 35)) == []
    assert farm.tick(2009) == []
    farm.say((2010, "gw", 0), state=True)
    assert [message.alerts for message in farm.told] == [("A-2",)]
    assert farm.tick(2300) == []


def test_a_cause_that_says_after_a_start_that_all_is_well_releases_the_smaller_alert():
    farm = site()
    farm.link(1000, up=False)
    farm.link(2000, up=True)
    farm.say((2001, "a", 35))
    farm.say((2005, "gw", 1), state=True)
    assert kinds(farm.tick(2012)) == [Kind.FIRING]


def test_a_cause_that_never_reports_is_waited_for_two_minutes():
    farm = site()
    farm.link(1000, up=False)
    farm.link(2000, up=True)
    farm.say((2001, "a", 35))
    assert farm.tick(2119) == []
    assert kinds(farm.tick(2121)) == [Kind.FIRING]


def test_ten_thousand_under_one_cause_stay_quiet_and_cost_no_square():
    farm = Farm(
        hot(),
        GATEWAY,
        devices=(HOME[0], *({"id": f"cow-{number}", "labels": {"site": "home"}} for number in range(5000))),
        inhibit=(SAME_SITE,),
    )
    farm.say((0, "gw", 1), (1, "gw", 0), state=True)
    assert farm.step(10, farm.batch([(5, f"cow-{number}", 40) for number in range(5000)])) == []
    farm.say((20, "gw", 1), state=True)
    told = farm.tick(20 + 10 * 60 + 1)
    assert [(message.kind, len(message.alerts)) for message in told] == [(Kind.FIRING, 5000)]


BRIDGE = {
    "name": "bridge-offline",
    "match": {"metric": "online", "role": "bridge"},
    "detect": {"kind": "state", "equals": 0},
    "severity": "critical",
}
DEVICE = {"name": "device-offline", "match": {"metric": "online"}, "detect": {"kind": "state", "equals": 0}}
SAME_BRIDGE = {"when": {"rule": "bridge-offline"}, "mute": {"rule": "device-offline"}, "same": ["bridge"]}


class Wired(Farm):
    """A farm that reads what presets publish."""

    def __init__(self, preset: str) -> None:
        super().__init__(BRIDGE, DEVICE, inhibit=(SAME_BRIDGE,))
        source = Source.model_validate({"preset": preset})
        self.decoder = Decoder([source], [], Limits(), timezone="UTC", register=self.book.row)

    def publish(self, second: float, *messages: tuple[str, bytes]):
        at = START + round(second * SECOND)
        out = self.decoder.decode([Raw(topic, payload, at + n) for n, (topic, payload) in enumerate(messages)])
        columns = (out.row, out.time, out.received, out.value, out.quality)
        kinds_of = (np.int32, np.int64, np.int64, np.float64, np.int8)
        self._received = max(self._received, at + len(messages))
        return self.step(second, Batch(*(np.array(one, kind) for one, kind in zip(columns, kinds_of, strict=True))))


def test_a_node_that_dies_with_fifty_devices_is_one_message_about_the_node():
    farm = Wired("sparkplug_b")
    born = sparkplug(metric("bdSeq", value=1), seq=0, time=None)
    farm.publish(1, ("spBv1.0/Farm1/NBIRTH/Edge1", born))
    farm.publish(2, *((f"spBv1.0/Farm1/DBIRTH/Edge1/d{n}", sparkplug(seq=n + 1, time=None)) for n in range(50)))
    farm.publish(60, ("spBv1.0/Farm1/NDEATH/Edge1", sparkplug(metric("bdSeq", value=1), seq=None, time=None)))
    farm.tick(500)

    assert [message.alerts for message in farm.told] == [("A-1",)]
    assert farm.book.numbered(1).device == "Farm1/Edge1"


def test_a_device_whose_bridge_is_there_is_told_as_before():
    farm = Wired("zigbee2mqtt")
    farm.publish(1, ("zigbee2mqtt/bridge/state", b'{"state": "online"}'), ("zigbee2mqtt/door/availability", b"online"))
    farm.publish(60, ("zigbee2mqtt/door/availability", b"offline"))
    farm.tick(500)

    assert [farm.book.numbered(int(one.alerts[0][2:])).device for one in farm.told] == ["door"]
