"""Scores of a recording: rows in, the same rows with a score out, nothing known of what comes later."""

from __future__ import annotations

import numpy as np
import pytest

from alertd.model import MINUTE
from alertd.tools.score import SETTINGS, main, scores

START = 1_790_000_000_000_000


def barn(days=8, seed=1):
    minutes = np.arange(0, days * 1440, 15)
    noise = np.random.default_rng(seed).normal(0, 0.3, len(minutes))
    return START + minutes * MINUTE, 15 + 6 * np.sin(2 * np.pi * minutes / 1440) + noise


@pytest.mark.parametrize("name", SETTINGS)
def test_what_comes_later_changes_no_score(name):
    time, value = barn(4)
    value[300] = 60.0
    whole = scores(time, value, name)
    assert whole.min() >= 0
    assert whole.max() <= 1
    for cut in (1, 97, 301):
        np.testing.assert_array_equal(scores(time[:cut], value[:cut], name), whole[:cut])


@pytest.mark.parametrize("name", ["adaptive", "zscore", "robust_zscore"])
def test_a_spike_scores_highest_and_over_a_half(name):
    time, value = barn()
    value[600] = 60.0
    found = scores(time, value, name)
    assert found.argmax() == 600
    assert found[600] > 0.5


def test_rows_without_a_value_or_out_of_order_cost_no_other_its_score():
    time, value = barn()
    value[600] = 60.0
    clean = scores(time, value)
    gaps = np.insert(value, 500, np.nan)
    again = scores(np.insert(time, 500, time[499]), gaps)
    np.testing.assert_array_equal(np.delete(again, 500), clean)
    assert again[500] == 0
    time[550] = time[549]
    assert scores(time, value).argmax() == 600


def test_rows_are_printed_as_they_were_with_their_score(tmp_path, capsys):
    file = tmp_path / "pump.csv"
    file.write_text("timestamp,value\n2014-04-01 00:00:00,19.761\n2014-04-01T00:05:00Z,nan\n1396311000,20\n\n")
    assert main(file, "adaptive") == 0
    assert capsys.readouterr().out.splitlines() == [
        "timestamp,value,anomaly_score",
        "2014-04-01 00:00:00,19.761,0.000000",
        "2014-04-01T00:05:00Z,nan,0.000000",
        "1396311000,20,0.000000",
    ]


@pytest.mark.parametrize(
    ("text", "name", "code", "says"),
    [
        ("when,what\n1,2\n", "adaptive", 1, "pump.csv:1: the first line must be timestamp,value"),
        ("timestamp,value\n1,2\nsoon,3\n", "adaptive", 1, "pump.csv:3: 'soon' is no time"),
        ("timestamp,value\n1\n", "adaptive", 1, "pump.csv:2: has 1 columns, not 2"),
        ("", "adaptive", 1, "pump.csv:1: the first line"),
        ("timestamp,value\n", "oracle", 2, "there is no detector oracle; there are: adaptive"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(tmp_path, capsys, text, name, code, says):
    file = tmp_path / "pump.csv"
    file.write_text(text)
    assert main(file, name) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert says in said.err
    assert said.err.count("\n") == 1


def test_a_file_that_is_not_there_is_named(tmp_path, capsys):
    assert main(tmp_path / "none.csv", "adaptive") == 1
    assert "none.csv: No such file" in capsys.readouterr().err
