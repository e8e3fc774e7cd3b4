"""What devices send according to their makers' documentation becomes the readings expected of it.

`devices.jsonl` has the columns of the contract's payloads.jsonl, and two more: `read_by`, the source an
operator would write, and `only`, where nothing but the expected may be read. The values are made up or the
vendor's own examples; `source` names where the format is described.
"""

from __future__ import annotations

from datetime import datetime

import pytest
from payloads import body_of, described, expected_of
from readings import NOW, decoder, read

from alertd.model import SECOND

CASES = {f"{case['id']} {case['vendor']} {case['device']}": case for case in described()}
ARRIVALS = 2_000
"""Microseconds that times may differ: arrival times step within a message."""


@pytest.mark.parametrize("name", CASES)
def test_a_device_as_its_maker_describes_it_is_read(name: str) -> None:
    case = CASES[name]
    wanted, told = expected_of(case), case["expect"]
    made, topic, body = decoder(case["read_by"]), case["topic_example"], body_of(case)
    readings, refused = read(made, topic, body, retained=case["retain"], received=NOW)
    found = {(one.metric, round(one.value, 2), one.unit) for one in readings}

    assert wanted <= found, refused
    assert found == wanted or not told.get("only")
    assert not wanted or told["device"] in (None, *(one.device for one in readings))
    assert told.get("quality") in (None, *(one.quality.name.lower() for one in readings))
    for number in range(1, 4):  # from the third on a pattern reads it, where it has one
        again, _ = read(
            made,
            topic,
            body.replace(b"3ac7e3c4", b"%08d" % number),
            retained=case["retain"],
            received=NOW + number * SECOND,
        )
        assert {(one.metric, round(one.value, 2), one.unit) for one in again} in (found, set())
    if told["ts"] is not None:
        own = round(datetime.fromisoformat(told["ts"]).timestamp() * 1e6)
        assert any(abs(one.time - own) < ARRIVALS for one in readings)
