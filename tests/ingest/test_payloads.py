"""What the field really sends becomes the readings expected of it: the share per vendor, and each payload by itself."""

from __future__ import annotations

from collections import Counter

import pytest
from payloads import body_of, cases, expected_of, source_of
from readings import NOW, decoder, read

CASES = {case["id"]: case for case in cases()}
pytestmark = pytest.mark.skipif(not CASES, reason="shared/contract/payloads.jsonl is not beside this checkout")


def got(case: dict) -> tuple[set[tuple[str, float, str]], set[str]]:
    readings, _ = read(
        decoder(source_of(case)), case["topic_example"], body_of(case), retained=case["retain"], received=NOW
    )
    return {(one.metric, round(one.value, 2), one.unit) for one in readings}, {one.device for one in readings}


@pytest.mark.parametrize("name", CASES)
def test_a_real_payload_gives_the_readings_expected_of_it(name: str) -> None:
    case = CASES[name]
    expected = expected_of(case)
    found, devices = got(case)

    assert expected <= found
    assert expected or not found, "no measurement was expected of it"
    if expected and case["expect"]["device"] not in ("?", None):
        assert case["expect"]["device"] in devices


def test_every_vendor_is_read_completely(record_property) -> None:
    wanted: Counter[str] = Counter()
    matched: Counter[str] = Counter()
    for case in CASES.values():
        expected, (found, _) = expected_of(case), got(case)
        wanted[case["vendor"]] += max(len(expected), 1)
        matched[case["vendor"]] += len(expected & found) if expected else not found
    for vendor in wanted:
        record_property(vendor, f"{matched[vendor]}/{wanted[vendor]}")
        print(f"{vendor:20} {matched[vendor]:3}/{wanted[vendor]:<3} {matched[vendor] / wanted[vendor]:7.1%}")  # noqa: T201 (shown by pytest -s)

    assert matched == wanted
