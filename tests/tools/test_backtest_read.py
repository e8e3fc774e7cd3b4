"""A recording is the same readings however it is written: read by the thousand or line by line."""

from __future__ import annotations

import io
import json
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alertd.config.config import Config
from alertd.config.load import load
from alertd.ingest.times import IMPOSSIBLE, LATEST, parse_time
from alertd.tools.backtest_columns import moments_of, numbers
from alertd.tools.backtest_read import read_file
from alertd.tools.backtest_recorder import Recorder, Recording

FARM = """
farm: {name: Hof, timezone: Europe/Berlin, language: en}
mqtt: {url: "mqtt://127.0.0.1:1883"}
sources: [{topic: "t/{device}", format: json, metrics: {tank: {path: t, unit: degF}}}]
"""
HEAD = ("time", "device", "metric", "value", "received", "unit", "quality", "barn")


@pytest.fixture(scope="module")
def farm(tmp_path_factory) -> Config:
    path = tmp_path_factory.mktemp("farm") / "alertd.yaml"
    path.write_text(FARM, encoding="utf-8")
    loaded = load(path)
    assert loaded.config is not None, loaded.errors
    return loaded.config


def read(config: Config, text: str | bytes, times: int = 1) -> tuple[Recording, list[tuple[int, str]]]:
    """Read a file, or the same so many times: the first time of each series its first line is looked at by itself."""
    complaints: list[tuple[int, str]] = []
    recorder = Recorder(config)
    for _ in range(times):
        file = io.BytesIO(text.encode() if isinstance(text, str) else text)
        read_file(recorder, file, lambda line, why: complaints.append((line, why)), lambda _done: None)
    return recorder.recording(), complaints


def facts(recording: Recording) -> list[tuple[object, ...]]:
    batch = recording.batch
    columns = (batch.time, batch.received, batch.value, batch.quality)
    names = [(one.device, one.metric, one.unit, one.group, dict(one.labels)) for one in recording.series]
    rows = zip(batch.series.tolist(), *(column.tolist() for column in columns), strict=True)
    return [(names[row], *rest) for row, *rest in rows]


plain_times = st.datetimes(allow_imaginary=False).map(
    lambda at: at.replace(year=1971 + at.year % 120, day=min(at.day, 28)).isoformat() + "Z"
)
times = st.one_of(
    plain_times,
    plain_times.map(lambda text: text.replace("Z", "+01:00")),
    st.sampled_from(["2026-02-30T06:00:00Z", "2026-13-01T06:00:00Z", "2026-11-01T24:00:00Z", "2026-11-01T06:00:60Z"]),
    st.sampled_from(["2026-11-01T06:00:00.Z", "2026-11-01T06:00:00", "2026-11-01 06:00:00Z", "1969-12-31T23:59:59Z"]),
    st.sampled_from(["2028-02-29T00:00:00.5Z", "２026-11-01T06:00:00Z", "1761976800", "0000-01-01T00:00:00Z", ""]),
)


@given(st.lists(times, min_size=1, max_size=8))
@settings(deadline=None)
def test_times_read_together_are_those_read_one_by_one(texts):
    singly = [parse_time(text, "auto", ZoneInfo("Europe/Berlin"), LATEST) for text in texts]
    together = moments_of(texts)
    assert together is None or together.tolist() == singly
    if (
        all(len(text) in (20, 24, 27) and text.endswith("Z") and text[10] == "T" for text in texts)
        and "".join(texts).isascii()
    ):
        assert (together is None) == any(moment == IMPOSSIBLE or moment < 0 for moment in singly)


def test_two_odd_times_that_are_as_long_as_two_plain_ones_are_not_taken_for_them():
    assert moments_of(["2026-11-01T06:00:00", "Z2026-11-01T06:00:01Z"]) is None


@given(
    st.lists(
        st.one_of(
            st.floats(-1e6, 1e6).map(lambda value: f"{value:.4f}"),
            st.floats(allow_nan=False, allow_infinity=False).map(repr),
            st.integers().map(str),
            st.sampled_from(["-0", "5.", ".5", "-.5", "00.10", "1e5", "+3", "999999999999999", "0.1", "-0.3"]),
        ),
        min_size=1,
        max_size=8,
    )
)
@example(["."])
@example(["-"])
@example(["1.2.3", "--5"])
@example(["5-3"])
@settings(deadline=None)
def test_numbers_read_together_are_to_the_last_bit_those_read_one_by_one(texts):
    end = np.cumsum([len(text) + 1 for text in texts]) - 1
    begin = np.concatenate([[0], end[:-1] + 1])
    found = numbers(np.frombuffer(("\n".join(texts) + "\n").encode(), np.uint8), begin, end)
    if found is not None:
        assert found.tobytes() == np.array([float(text) for text in texts]).tobytes()
    elif all(len(text) <= 15 and text.strip("-0123456789.") == "" for text in texts):
        with pytest.raises(ValueError, match="could not convert"):
            [float(text) for text in texts]


rows = st.tuples(
    times,
    st.sampled_from(["cow-1", "cow-2", "24:E1:24:13:6B:50:23:45", "Kuh Ä", ""]),
    st.sampled_from(["body_temperature", "tank", "x"]),
    st.sampled_from(["38.6", "39", "-4.25", "1e1", "NaN", "open", "", "400"]),
    st.one_of(st.just(""), plain_times),
    st.sampled_from(["", "degC", "degF", "furlong"]),
    st.sampled_from(["", "live", "late", "unknown_time", "odd"]),
    st.sampled_from(["", "north", "south"]),
)


@given(st.lists(rows, min_size=1, max_size=12), st.integers(4, len(HEAD)), st.randoms(), st.sampled_from(",;\t"))
@settings(max_examples=60, deadline=None)
def test_quotes_around_cells_line_ends_and_the_order_of_columns_change_nothing(farm, told, width, random, sign):
    plain = [HEAD[:width], *(row[:width] for row in told)]
    expected, complained = read(farm, "\n".join(sign.join(row) for row in plain), times=2)
    quoted = "\n".join(sign.join(f'"{cell}"' for cell in row) for row in plain) + "\n"
    order = random.sample(range(width), width)
    other = "\r\n".join(sign.join(row[at] for at in order) for row in plain) + "\r\n"
    for text in (quoted, other):
        found, complaints = read(farm, text, times=2)
        assert facts(found) == facts(expected)
        assert complaints == complained
        assert found.bad == expected.bad == len(complaints)


@given(st.lists(rows, min_size=1, max_size=12))
@settings(max_examples=40, deadline=None)
def test_json_lines_read_together_are_those_read_one_by_one(farm, told):
    lines = [
        {name: float(cell) if name == "value" and cell.strip("-.0123456789") == "" and cell else cell or None for name, cell in zip(HEAD, row, strict=True)}
        for row in told
    ]  # fmt: skip
    text = "\n".join(json.dumps({key: value for key, value in line.items() if value is not None}) for line in lines)
    together, complaints = read(farm, text + "\n", times=2)
    spread, others = read(farm, text.replace("\n", "\n\n") + "\n\n", times=2)  # an empty line: then one by one
    assert facts(together) == facts(spread)
    assert [(2 * line - 1, why) for line, why in complaints] == others


def test_a_fault_in_a_later_block_is_named_by_its_line(farm):
    good = "".join(f"2026-11-01T06:{n // 60 % 60:02}:{n % 60:02}Z,cow-{n % 7},x,{n}\n" for n in range(3600))
    more = good.replace("T06", "T07").replace("T07:30:00Z,cow-1,x,1800", "T07:30:00Z,cow-1,x,1800,?")
    recording, complaints = read(farm, "time,device,metric,value\n" + good * 4 + more)
    assert [line for line, _ in complaints] == [2 + 4 * 3600 + 1800]
    assert len(recording.batch) == 5 * 3600 - 1
    lines = [msgspec.json.encode({"time": at, "device": d, "metric": k, "value": float(v)}).decode()
             for at, d, k, v in (line.split(",")[:4] for line in (good * 4 + more).splitlines())]  # fmt: skip
    lines[9000] = lines[9000].replace('"value"', '"valu"')
    recording, complaints = read(farm, "\n".join(lines))
    assert [line for line, _ in complaints] == [9001]
    assert len(recording.batch) == 5 * 3600 - 1


def test_a_mark_of_utf8_and_a_file_of_nothing_but_a_header_are_fine(farm):
    recording, complaints = read(farm, b"\xef\xbb\xbftime,device,metric,value\r\n2026-11-01T06:00:00Z,a,x,1\r\n")
    assert len(recording.batch) == 1
    assert complaints == []
    assert len(read(farm, "time,device,metric,value\n")[0].batch) == 0
