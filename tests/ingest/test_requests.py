"""What alertd asks of senders: names of a node whose birth it missed, and that a GX goes on talking."""

from __future__ import annotations

import pytest
from readings import NOW, decoder, read
from samples import metric, sparkplug

from alertd.ingest.dialects.sparkplug import parse_sparkplug
from alertd.ingest.requests import AGAIN, KEEPALIVE, Request
from alertd.ingest.settings import Device, Limits
from alertd.model import SECOND

UNNAMED = sparkplug(metric(alias=1, value=2.0))


def asked(made, at=NOW):
    return [request.topic for request in made.requests.due(at)]


@pytest.mark.parametrize("topic", ["spBv1.0/Farm1/NDATA/Edge1", "spBv1.0/Farm1/DDATA/Edge1/Barn2"])
def test_a_node_whose_names_are_not_known_is_asked_for_them_once(topic):
    made = decoder({"preset": "sparkplug_b"})
    for second in range(3):
        read(made, topic, UNNAMED, received=NOW + second * SECOND)
    (request,) = made.requests.due(NOW)

    assert request.topic == "spBv1.0/Farm1/NCMD/Edge1"
    assert asked(made) == []
    read(made, topic, UNNAMED, received=NOW + AGAIN)
    assert asked(made) == ["spBv1.0/Farm1/NCMD/Edge1"]


def test_the_question_is_the_rebirth_command_of_the_specification():
    made = decoder({"preset": "sparkplug_b"})
    read(made, "spBv1.0/Farm1/NDATA/Edge1", UNNAMED)
    (request,) = made.requests.due(NOW)
    document = parse_sparkplug(request.payload, Limits())
    (command,) = document["metrics"]

    assert (command.name, command.value, command.datatype) == ("Node Control/Rebirth", True, 11)
    assert document["timestamp"] == command.time == NOW // 1000
    assert read(made, request.topic, request.payload) == ([], [])  # alertd hears it itself, and it is no measurement


def test_what_waited_at_the_broker_is_no_reason_to_ask():
    made = decoder({"preset": "sparkplug_b"})
    read(made, "spBv1.0/Farm1/NDATA/Edge1", UNNAMED, backlog=True)

    assert asked(made) == []


def test_a_gx_that_was_heard_is_kept_talking():
    made = decoder({"preset": "victron"})
    read(made, "N/0123456789ab/grid/30/Ac/Power", '{"value": 5}')

    assert made.requests.due(NOW) == [Request("R/0123456789ab/keepalive")]
    assert made.requests.due(NOW + KEEPALIVE - 1) == []
    assert made.requests.due(NOW + KEEPALIVE) == [Request("R/0123456789ab/keepalive")]


def test_a_gx_that_is_listed_or_was_known_before_a_restart_is_woken():
    made = decoder({"preset": "victron"}, devices=[Device(id="aaa/battery/256")])
    made.know(["bbb/grid/30", "door"])

    assert asked(made) == ["R/aaa/keepalive", "R/bbb/keepalive"]


@pytest.mark.parametrize(
    "source",
    [
        {"preset": "victron", "requests": False},
        {"preset": "victron", "topic": "house/gx"},  # not what the GX itself listens to
        {"preset": "zigbee2mqtt"},
    ],
)
def test_nothing_is_asked_where_that_is_not_wanted(source):
    made = decoder(source)
    made.know(["bbb/grid/30"])
    read(made, f"{source.get('topic', 'N')}/0123456789ab/grid/30/Ac/Power", '{"value": 5}')

    assert asked(made) == []
