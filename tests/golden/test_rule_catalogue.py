"""Every ready-made rule: readings in, messages out, in English and German.

A case of `rules.yaml` needs no Python: `feeds` are readings of devices as `DURATION at VALUE every
DURATION`, several values (`1/2/3`) take turns; `told` is what Anna (English) and Bert (German) read,
each line after the first indented by two. Shadow rules are played as if they were live.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from alertd.config.config import Config
from alertd.config.load import load
from alertd.ingest.ranges import METRICS
from alertd.model import MINUTE, SECOND, Batch, Link, Series, Settled
from alertd.parts import engine_of
from alertd.settings import parse_duration

HERE = Path(__file__).parent
FARM = HERE.parents[1] / "config" / "catalogue.yaml"
RULES = FARM.parent / "rules"
SHARED = HERE.parents[2] / "shared" / "rules_catalogue.yaml"
CASES: dict[str, dict[str, Any]] = YAML(typ="safe").load((HERE / "rules.yaml").read_text(encoding="utf-8"))
START = 1_795_305_600 * SECOND  # 2026-11-22T00:00:00Z

_FEED = re.compile(r"(\S+) at (\S+) every ([^\s;]+)")


def farm() -> Config:
    """The example farm with all rules, its clocks at UTC."""
    loaded = load(FARM)
    assert loaded.config is not None, [str(error) for error in loaded.errors]
    return loaded.config.model_copy(update={"farm": loaded.config.farm.model_copy(update={"timezone": "UTC"})})


@pytest.fixture(scope="module")
def config() -> Config:
    return farm()


def readings(feeds: list[dict[str, str]]) -> list[tuple[int, str, str, float]]:
    """All feeds as (time, device, metric, value), in order."""
    found = []
    for feed in feeds:
        at = START
        for span, values, every in _FEED.findall(feed["readings"]):
            turns, end, number = values.split("/"), at + parse_duration(span), 0
            while at < end:
                found.append((at, feed["device"], feed["metric"], float(turns[number % len(turns)])))
                at, number = at + parse_duration(every), number + 1
    return sorted(found)


def played(config: Config, rule: str, feeds: list[dict[str, str]], after: int) -> dict[str, list[str]]:
    """What each person was told by one rule (and the one it counts), as `HH:MM text` in UTC."""
    wanted = {rule, getattr(next(one for one in config.rules if one.name == rule).detect, "of", rule)}
    rules = [
        one.model_copy(update={"mode": "live" if one.name == rule else one.mode, "enabled": True, "repeat": None})
        for one in config.rules
        if one.name in wanted
    ]
    engine = engine_of(config.model_copy(update={"rules": rules}), START - 1)
    engine.step(Batch.empty(), START - 1, [Link(START - 1, up=True)])
    told: dict[str, list[str]] = {"anna": [], "bert": []}

    def step(batch: Batch, now: int) -> None:
        for message in engine.step(batch, now).messages:
            engine.know(
                Settled(message.id, message.incident, message.subscriber, message.kind, message.alerts, "sent", now)
            )
            clock = message.due // MINUTE % 1440
            told[message.subscriber].append(f"{clock // 60:02}:{clock % 60:02} {message.text}")

    def advance(until: int) -> None:
        while (due := engine.next_due()) is not None and due < until:
            step(Batch.empty(), max(due, last))

    last = START
    for at, device, metric, value in readings(feeds):
        advance(at)
        known = METRICS.get(metric)
        series = Series(device, metric, known.unit if known else "", state=bool(known and known.state))
        row = engine.book.row(series)
        step(
            Batch(np.array([row], np.int32), np.array([at]), np.array([at]), np.array([value]), np.array([0], np.int8)),
            at,
        )
        last = at
    advance(last + after)
    return told


@pytest.mark.parametrize("rule", CASES)
def test_readings_in_messages_out(rule: str, config: Config) -> None:
    case = CASES[rule]
    told = played(config, rule, case["feeds"], parse_duration(case.get("after", "1m")))
    assert told == {
        "anna": [text.strip() for text in case["told"]["en"]],
        "bert": [text.strip() for text in case["told"]["de"]],
    }


def test_every_rule_has_its_case(config: Config) -> None:
    assert {rule.name for rule in config.rules} - CASES.keys() == NOT_PLAYED.keys()


NOT_PLAYED: dict[str, str] = {}


def catalogued() -> dict[str, tuple[str, str, str]]:
    """Rule to (its name in the catalogue, basis, the lines of the rule) from the comments of the files."""
    found: dict[str, tuple[str, str, str]] = {}
    for path in sorted(RULES.glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        for name, basis, comment_and_rule in re.findall(
            r"\n  # (\w+) - (law|guide|paper|vendor|measured|default)\b(.*?\n  - name: .*?)(?=\n  #|\n\w|\Z)",
            text,
            re.DOTALL,
        ):
            rule = re.search(r"- name: (\S+)", comment_and_rule)
            assert rule is not None
            found[rule[1]] = (name, basis, comment_and_rule)
    return found


def test_each_rule_says_where_its_figures_come_from(config: Config) -> None:
    assert catalogued().keys() == {rule.name for rule in config.rules}


def test_only_rules_with_a_source_are_on(config: Config) -> None:
    basis = {rule: found[1] for rule, found in catalogued().items()}
    shadow = {rule.name for rule in config.rules if rule.mode == "shadow"}
    assert shadow == {rule for rule, found in basis.items() if found == "default"}


def test_every_rule_speaks_english_and_german_and_critical_ones_again(config: Config) -> None:
    for rule in config.rules:
        assert isinstance(rule.message, dict), rule.name
        assert rule.message.keys() == {"en", "de"}, rule.name
        assert rule.severity != "critical" or rule.repeat, rule.name


def test_nothing_of_the_catalogue_was_left_out_in_silence() -> None:
    if not SHARED.exists():
        pytest.skip("the catalogue is not beside this checkout")
    wanted = {rule["id"]: rule for rule in YAML(typ="safe").load(SHARED.read_text(encoding="utf-8"))["rules"]}
    written = {name: basis for name, basis, _ in catalogued().values() if basis != "measured"}
    measured = {name for name, basis, _ in catalogued().values() if basis == "measured"}
    lacking = set(re.findall(r"^\| `(\w+)` \|", (RULES / "README.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert written.keys() | lacking == wanted.keys() - measured
    assert not written.keys() & lacking
    assert written == {name: wanted[name]["basis"] for name in written}
