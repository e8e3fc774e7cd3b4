"""What is read around an object in one go is what would be found by decoding the whole message."""

from __future__ import annotations

import random

import pytest
from fuzz import mutate
from readings import NOW, decoder, read
from samples import SAMPLES

from alertd.ingest.envelope import Envelope
from alertd.ingest.paths import MISSING
from alertd.ingest.settings import Limits
from alertd.seams import Raw

SERVERS = ("chirpstack_v4", "chirpstack_v3", "tts_v3")
DEEPEST = {"chirpstack_v4": 3, "chirpstack_v3": 3, "tts_v3": 3}
"""Levels of the sample; with no more allowed, a message with that many brackets is decoded as a whole."""


def test_paths_are_found_where_they_stand_and_missing_where_not():
    envelope = Envelope([("a", "b"), ("a", "c", "d"), ("e",), None])
    assert envelope.open(b'{"x": [1, {"y": 2}], "a": {"b": 1, "z": 0}, "e": [1]}') == (1, MISSING, [1], MISSING)
    assert envelope.open(b"{}") == (MISSING,) * 4


@pytest.mark.parametrize(
    "payload", [b"[]", b"1", b'{"a": 5}', b'{"a": null}', b'{"a": NaN}', b'{"a": {}', b"\xff", b""]
)
def test_a_message_of_another_shape_is_left_to_the_general_way(payload: bytes):
    assert Envelope([("a", "b"), ("e",)]).open(payload) is None


@pytest.mark.parametrize("name", SERVERS)
def test_both_ways_give_the_same_readings_and_the_same_refusals(name: str):
    source, topic, payload = SAMPLES[name]
    quick, whole = decoder(source), decoder(source, limits=Limits(depth=DEEPEST[name]))
    dice = random.Random(7)
    for number in range(600):
        body = payload.replace(b"{n}", b"%d" % number)
        if number % 4:
            body = mutate(body, body, dice)
        raw = Raw(topic, body, NOW + number * 1_000_000)
        one, other = quick.decode([raw]), whole.decode([raw])
        reasons = {why.reason for _, _, why in (*one.rejected, *other.rejected)}
        if not reasons & {"too_deep", "not_utf8", "repeated"}:
            assert (quick.to_readings(one), one.rejected) == (whole.to_readings(other), other.rejected), body


def test_broken_bytes_in_a_part_that_nobody_reads_cost_no_reading():
    source, topic, payload = SAMPLES["chirpstack_v4"]
    made = decoder(source)
    read(made, topic, payload)
    broken = payload.replace(b"{n}", b"2").replace(b"0016c001f153a14c", b"\xff\xfe")
    readings, refused = read(made, topic, broken, received=NOW + 1)
    assert (len(readings), refused) == (4, [])
