"""What the law asks for and the farm lacks is said, line by line."""

from __future__ import annotations

from pathlib import Path

from alertd.config.load import load
from alertd.model import DAY, SECOND
from alertd.parts import engine_of
from alertd.tools.audit import CRITERIA, main, report

ROOT = Path(__file__).parents[2]
NOW = 1_795_312_200 * SECOND
PERIOD = 7 * DAY


def lines(config, tested: int | None) -> list[str]:
    return list(report(config, engine_of(config, NOW).people, tested, NOW, PERIOD))


def catalogue():
    loaded = load(ROOT / "config" / "catalogue.yaml")
    assert loaded.config is not None
    anna, bert = loaded.config.subscribers
    bert = bert.model_copy(update={"channels": [{"webhook": "https://farm.example/alerts"}]})
    return loaded.config.model_copy(update={"subscribers": [anna, bert]})


def test_a_live_rule_with_two_people_is_enough_and_a_shadow_rule_is_not() -> None:
    found = lines(catalogue(), NOW - DAY)
    assert "ok   mains fail (LALLF M-V guide)" in found
    assert "       power-cut: 2 messengers (anna by console, bert by webhook)" in found
    assert "LACK water is short (LALLF M-V guide)" in found
    assert any(line.startswith("       trough-empty: shadow: tells nobody; ") for line in found)
    cold = found.index("LACK house too cold (LALLF M-V guide)")
    assert found[cold + 1] == "       no rule"  # the frost of a water line is another matter


def test_two_people_on_one_messenger_are_one_way() -> None:
    config = catalogue()
    same = [one.model_copy(update={"channels": [{"console": one.id}]}) for one in config.subscribers]
    assert "LACK mains fail (LALLF M-V guide)" in lines(config.model_copy(update={"subscribers": same}), NOW)


def test_one_way_alone_is_a_lack() -> None:
    config = catalogue()
    alone = config.model_copy(update={"subscribers": config.subscribers[:1]})
    assert "LACK mains fail (LALLF M-V guide)" in lines(alone, NOW)


def test_a_test_must_be_fresh() -> None:
    assert lines(catalogue(), NOW - DAY)[-1].startswith("ok   alarm test within 7 days")
    assert lines(catalogue(), NOW - 8 * DAY)[-1].startswith("LACK alarm test within 7 days: the last was")
    assert lines(catalogue(), None)[-1].startswith("LACK alarm test within 7 days: none is known")


def test_every_criterion_is_judged_even_without_a_store(tmp_path: Path, capsys) -> None:
    assert main(catalogue(), tmp_path / "alertd.yaml", {"STATE_DIRECTORY": str(tmp_path)}) == 0
    said = capsys.readouterr()
    assert all(criterion.name in said.out for criterion in CRITERIA)
    assert "tests are unknown" in said.err
