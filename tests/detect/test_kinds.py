"""Each kind's own judgement, and what of its settings is refused."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from alertd.detect import KINDS, Detect
from alertd.model import BAD, BAND, DAY, GOOD, HOUR, MINUTE

KIND = TypeAdapter(Detect)


def states(detector, *values):
    value = np.array(values, np.float64)
    nothing = np.empty((len(values), 0))
    return detector.judge(None, nothing, np.zeros(len(values), np.int64), value, slot=0).state.tolist()


@pytest.mark.parametrize(
    ("keys", "judged"),
    [
        ({"above": 39.5}, {39.6: BAD, 39.5: GOOD, 20: GOOD}),
        ({"above": 39.5, "clear": 39.2}, {39.6: BAD, 39.5: BAND, 39.3: BAND, 39.2: GOOD}),
        ({"below": 10, "clear": 12}, {9.9: BAD, 10: BAND, 11.9: BAND, 12: GOOD}),
        ({"above": 30, "below": 5}, {31: BAD, 30: GOOD, 5: GOOD, 4: BAD}),
        ({"above": 30, "below": 5, "clear": {"above": 28}}, {31: BAD, 29: BAND, 28: GOOD, 5: GOOD, 4: BAD}),
        ({"above": 30, "below": 5, "clear": {"above": 28, "below": 7}}, {29: BAND, 28: GOOD, 7: GOOD, 6: BAND, 4: BAD}),
    ],
)
def test_a_threshold_is_bad_beyond_its_limit_and_good_at_its_clear_value(keys, judged):
    assert states(KINDS["threshold"](**keys), *judged) == list(judged.values())


def test_a_state_is_bad_while_it_equals_or_differs():
    assert states(KINDS["state"](equals=0), 0, 1) == [BAD, GOOD]
    assert states(KINDS["state"](**{"not": True}), 0, 1) == [BAD, GOOD]
    assert states(KINDS["state"](**{"not": False}), 0, 1) == [GOOD, BAD]


def test_every_reading_is_good_news_for_absence():
    assert states(KINDS["absence"](after="2h"), 0, -127) == [GOOD, GOOD]


def test_absence_waits_for_a_duration_or_for_usual_intervals():
    assert KINDS["absence"](after="2h").quiet_after(MINUTE) == 2 * HOUR
    assert KINDS["absence"](after={"intervals": 3}).quiet_after(10 * MINUTE) == 30 * MINUTE
    assert KINDS["absence"](after={"intervals": 3}).quiet_after(0) == DAY
    assert KINDS["threshold"](above=1).quiet_after(MINUTE) is None


def test_reasons_are_sentences_with_units():
    assert KINDS["threshold"](above=39.5).reason(40.1, 40.1, np.nan, "degC") == "40.1 degC is above 39.5 degC"
    assert KINDS["threshold"](below=5, above=9).reason(4, 4, np.nan, "degC") == "4 degC is below 5 degC"
    assert KINDS["state"](equals=0).reason(0, 0, np.nan, "bool") == "value is 0"
    assert KINDS["state"](**{"not": True}).reason(0, 0, np.nan, "bool") == "value is 0, not 1"
    assert KINDS["absence"](after="2h").reason(np.nan, 2.5, np.nan, "") == "nothing received for 2h30m"
    far = KINDS["robust_zscore"](window="24h", above=5).reason(9, -6.25, 40, "count")
    assert far == "9 count is 6.2 robust deviations below its normal 40 count"


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"kind": "threshold"}, "needs above, below or both"),
        ({"kind": "threshold", "above": "39"}, "valid number"),
        ({"kind": "threshold", "above": True}, "valid number"),
        ({"kind": "threshold", "above": float("nan")}, "finite"),
        ({"kind": "threshold", "above": 30, "clear": 31}, "must not be beyond above"),
        ({"kind": "threshold", "below": 5, "clear": 4}, "must not be beyond below"),
        ({"kind": "threshold", "above": 5, "below": 30}, "must be less than above"),
        ({"kind": "threshold", "above": 30, "below": 5, "clear": 20}, "with two limits"),
        ({"kind": "threshold", "above": 30, "clear": {"below": 4}}, "there is no limit below"),
        ({"kind": "threshold", "above": 30, "below": 5, "clear": {"above": 9, "below": 20}}, "nothing can be clear"),
        ({"kind": "state"}, "exactly one"),
        ({"kind": "state", "equals": 1, "not": 0}, "exactly one"),
        ({"kind": "absence"}, "required"),
        ({"kind": "absence", "after": 5}, "duration with a unit"),
        ({"kind": "absence", "after": {"intervals": 0}}, "greater than 1"),
        ({"kind": "robust_zscore", "window": "0s", "above": 5}, "longer than 0s"),
        ({"kind": "robust_zscore", "window": {"samples": 300}, "above": 5}, "256"),
        ({"kind": "robust_zscore", "window": {"samples": 5}, "above": 5, "min_samples": 9}, "more than the window's 5"),
        ({"kind": "robust_zscore", "window": "1h", "above": 0}, "greater than 0"),
        ({"kind": "treshold", "above": 5}, "treshold"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(keys, says):
    with pytest.raises(ValidationError, match=says):
        KIND.validate_python(keys)


def test_every_kind_of_the_contract_has_a_name():
    names = "threshold zscore robust_zscore rate drift seasonal baseline peers fraction flatline spikes absence state geofence adaptive"
    tags = KIND.json_schema()["discriminator"]["mapping"]
    assert set(tags) == set(names.split())
