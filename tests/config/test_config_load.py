import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from alertd.config.load import load
from alertd.config.schema import SHORT_FORMS, json_schema
from alertd.config.sentences import PATTERNS
from alertd.settings import Settings

ROOT = Path(__file__).parents[2]
CONTRACT = ROOT.parent / "shared" / "CONTRACT.md"
BASE = "mqtt: {url: mqtt://127.0.0.1}\nsources: [{preset: alertd}]\n"
ANNA = "subscribers: [{id: anna, channels: [{console: anna}], consent: 2026-11-01}]\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "alertd.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def warnings(folder: Path, text: str) -> list[str]:
    path = written(folder, text)
    loaded = load(path)
    assert loaded.config is not None, [str(error) for error in loaded.errors]
    return [str(warning).removeprefix(f"{path}:") for warning in loaded.warnings]


def contract_example() -> str:
    if not CONTRACT.exists():
        pytest.skip("the contract is not beside this checkout")
    found = re.search(r"```yaml\n(.*?)```", CONTRACT.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def manual_with_everything() -> str:
    """Return the manual with all settings that are switched off switched on."""
    text = (ROOT / "config" / "alertd.yaml").read_text(encoding="utf-8")
    return re.sub(r"^( *)#(?=[^ \n])", r"\1", text, flags=re.MULTILINE)


def test_the_example_of_the_contract_passes(tmp_path: Path) -> None:
    loaded = load(written(tmp_path, contract_example()))

    assert loaded.errors == []
    assert loaded.config is not None
    assert loaded.config.farm.name == "Hof Lindenau"
    assert [rule.name for rule in loaded.config.rules][:2] == ["fever", "restless"]
    assert all(str(warning).endswith("it is told once") for warning in loaded.warnings)


@pytest.mark.parametrize("name", ["alertd.yaml", "minimal.yaml"])
def test_the_shipped_files_pass_without_a_warning(name: str) -> None:
    loaded = load(ROOT / "config" / name)

    assert loaded.config is not None
    assert (loaded.errors, loaded.warnings, loaded.unreadable) == ([], [], [])


def test_every_setting_that_the_manual_shows_switched_off_is_right(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "more.yaml").write_text("rules: [{name: more, detect: {kind: adaptive}}]\n")
    (tmp_path / "devices.csv").write_text("id,name,barn\ncow-1,Alma,north\n")
    area = '{"type": "Polygon", "coordinates": [[[10, 50], [11, 50], [11, 51]]]}'
    for name in ("pasture", "pond"):
        (tmp_path / f"{name}.geojson").write_text(area)

    loaded = load(written(tmp_path, manual_with_everything()))

    assert [str(error) for error in loaded.errors] == []
    assert loaded.warnings == []


def test_the_manual_shows_every_key_there_is() -> None:
    text = manual_with_everything()
    schema = json_schema()
    keys = set(schema["properties"])
    for definition in schema["$defs"].values():
        for shape in (definition, *definition.get("anyOf", ())):
            keys |= set(shape.get("properties", ()))

    missing = {key for key in keys if not re.search(rf"(^|[\s{{,(]){re.escape(key)}:", text)}

    assert missing == set()


def test_every_short_form_is_in_the_schema_for_editors() -> None:
    def below(kind: type) -> Iterator[type]:
        for inner in kind.__subclasses__():
            yield from (inner, *below(inner))

    short = {one.__name__ for one in below(Settings) if "_short_form" in vars(one)}
    assert short == set(SHORT_FORMS)
    defined = json_schema()["$defs"]
    assert all({"type": kind} in defined[name]["anyOf"] for name, kind in SHORT_FORMS.items())


def test_every_pattern_has_its_words() -> None:
    def patterns(node: object) -> set[str]:
        if isinstance(node, dict):
            own = {node["pattern"]} if isinstance(node.get("pattern"), str) else set()
            return own.union(*(patterns(inner) for inner in node.values()))
        return set().union(*(patterns(inner) for inner in node)) if isinstance(node, list) else set()

    durations = {r"^(\d+(ms|[smhdw]))+$"}  # read by a function that has its own words
    assert patterns(json_schema()) - durations <= set(PATTERNS)


def test_all_errors_come_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "farm: {timezone: Mars/Olympus, nam: x}\n"
        "mqtt: {url: mqtt://127.0.0.1, inflight: 0}\n"
        "sources: [{preset: zigbee}]\n"
        "devices: [{id: 421}]\n"
        "rules:\n"
        "  - {name: hot, detect: {kind: threshold, above: 3, clear: 4}, repeat: 5, escalate: [{after: 1h, to: eve}]}\n"
        "operator: adam\n",
    )

    assert [(error.line, error.path) for error in load(path).errors] == [
        (1, "farm.timezone"),
        (1, "farm.nam"),
        (2, "mqtt.inflight"),
        (3, "sources[0].preset"),
        (4, "devices[0].id"),
        (6, "rules[0].detect"),
        (6, "rules[0].repeat"),
        (6, "rules[0].escalate[0].to"),
        (7, "operator"),
    ]


def test_a_misspelt_key_hides_nothing_below_it_and_invents_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, BASE + "rulse: [{name: hot, detect: {kind: threshold, above: warm}}]\n")

    assert [f"{error.path}: {error.reason}" for error in load(path).errors] == [
        "rulse: unknown key",
        "rules[0].detect.above: must be a number",
    ]


def test_json_is_a_configuration(tmp_path: Path) -> None:
    rule = {"name": "hot", "match": {"metric": "temperature"}, "detect": {"kind": "threshold", "above": 30}}
    facts = {"mqtt": {"url": "mqtt://127.0.0.1"}, "sources": [{"preset": "alertd"}], "rules": [rule]}

    loaded = load(written(tmp_path, json.dumps(facts)))

    assert loaded.config is not None
    assert loaded.config.rules[0].name == "hot"


@pytest.mark.parametrize("consent", ["2026-11-01", '"2026-11-01"', "2026-11-01T06:00:00Z"])
def test_a_day_of_consent_may_be_quoted_or_not(tmp_path: Path, consent: str) -> None:
    loaded = load(written(tmp_path, f"{BASE}subscribers: [{{id: anna, consent: {consent}}}]\n"))

    assert loaded.config is not None
    assert str(loaded.config.subscribers[0].consent).startswith("2026-11-01")


def test_a_console_needs_no_entry_under_messengers(tmp_path: Path) -> None:
    loaded = load(written(tmp_path, BASE + ANNA))

    assert loaded.config is not None
    assert list(loaded.config.messengers) == ["console"]


def test_a_secret_in_clear_is_a_warning_and_never_shown(tmp_path: Path) -> None:
    said = warnings(tmp_path, BASE + 'web: {token: "hunter2"}\n')

    assert said == ["3:14: web.token: a secret in clear: use {env: NAME}, {file: PATH} or {credential: NAME}"]


def test_a_secret_written_as_other_programs_take_it_from_the_environment_is_told_how_it_is_done_here(
    tmp_path: Path,
) -> None:
    said = warnings(tmp_path, BASE + 'web: {token: "${WEB_TOKEN}"}\n')

    assert said == ["3:14: web.token: ${WEB_TOKEN} is not replaced here: write {env: WEB_TOKEN}"]


def test_a_secret_that_cannot_be_read_now_is_named_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_TOKEN", "x")
    path = written(tmp_path, BASE + "web: {token: {env: WEB_TOKEN}}\n")
    assert load(path).unreadable == []

    monkeypatch.delenv("WEB_TOKEN")
    unreadable = [str(problem) for problem in load(path).unreadable]
    assert unreadable == [
        f"{path}:3:14: web.token: cannot be read now: environment variable WEB_TOKEN is not set",
    ]

    monkeypatch.setenv("WEB_TOKEN", " ")
    unreadable = [str(problem) for problem in load(path).unreadable]
    assert unreadable == [f"{path}:3:14: web.token: cannot be read now: environment variable WEB_TOKEN is empty"]


RULE = "rules: [{name: a, detect: {kind: state, equals: 0}, MORE}]\n"
ONLY = "subscribers: [{id: anna, channels: [{console: anna}], consent: 2026-11-01, subscriptions: [{WHAT}]}]\n"


def rule(more: str) -> str:
    return RULE.replace("MORE", more)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (rule("severity: info"), "nobody has consent and a channel"),
        (ANNA + rule("severity: critical"), "it is told once"),
        (
            "devices: [{id: gw, labels: {role: gateway}}]\n"
            + rule("match: {role: gateway}")
            + ONLY.replace("WHAT", "group: dairy"),
            "rule a reaches nobody",
        ),
        (rule("severity: info") + ONLY.replace("WHAT", "min_severity: warning"), "rule a reaches nobody"),
        (rule("severity: info") + ONLY.replace("WHAT", "rule: []"), "rule a reaches nobody"),
        (ANNA + rule("match: {wing: west}"), "no device has a label wing"),
        (ANNA + rule("match: {species: goat}"), "fits no device"),
        (
            rule("escalate: [{after: 5m, to: eve}]") + ANNA.replace("}]\n", "}, {id: eve}]\n"),
            "eve is not reached",
        ),
    ],
)
def test_what_will_wake_nobody_is_a_warning(tmp_path: Path, text: str, said: str) -> None:
    assert any(said in warning for warning in warnings(tmp_path, f"{BASE}{text}\n"))


HERD = "devices: [{id: cow-1, group: dairy, species: cattle}]\n"
FEVER = (
    "rules: [{name: fever, match: {MATCH}, detect: {kind: threshold, above: ABOVE}, severity: info, message: 'TEXT'}]\n"
)


def fever(match: str = "metric: body_temperature", above: float = 39.5, text: str = "{{ device }}") -> str:
    return HERD + ANNA + FEVER.replace("MATCH", match).replace("ABOVE", str(above)).replace("TEXT", text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            fever("metric: body_temprature"),
            "match.metric: body_temprature is no metric that is known here (did you mean",
        ),
        (
            fever("metric: body_temperature, group: diary"),
            "match.group: no listed device has group diary (did you mean dairy?)",
        ),
        (
            fever(above=103.1),
            "detect.above: no value is above 103.1: body_temperature is taken from 30 to 45 degC (did you mean 39.5?)",
        ),
        (fever("species: cattle"), "match: without metric it judges every one, whatever its unit"),
        (
            fever(text="{{ cow }} is ill"),
            "message: never told, alertd's own words are used instead: UndefinedError: 'cow'",
        ),
        (fever(text="{{ valu }}"), "'valu' is undefined (did you mean value?)"),
    ],
)
def test_what_can_hardly_be_meant_is_a_warning(tmp_path: Path, text: str, said: str) -> None:
    assert any(said in warning for warning in warnings(tmp_path, BASE + text)), warnings(tmp_path, BASE + text)


@pytest.mark.parametrize(
    "text",
    [
        fever(),
        fever("metric: temperature_2"),
        fever("metric: ear_temperature", 103.1),
        fever("metric: sway", 103.1),
        fever(text="{{ value | number }} since {{ since | ago }}"),
    ],
)
def test_names_and_limits_of_ones_own_are_taken_without_a_word(tmp_path: Path, text: str) -> None:
    assert warnings(tmp_path, BASE + text) == []


def test_a_rule_that_only_escalates_to_a_ready_person_reaches_somebody(tmp_path: Path) -> None:
    text = (
        f"{BASE}rules: [{{name: a, escalate: [{{after: 5m, to: vet}}], detect: {{kind: state, equals: 0}}}}]\n"
        "subscribers: [{id: vet, channels: [{console: vet}], consent: 2026-11-01, subscriptions: []}]\n"
    )

    assert warnings(tmp_path, text) == []


def test_a_language_nobody_has_read_is_a_warning_where_it_is_written(tmp_path: Path) -> None:
    people = "subscribers: [{id: anna, language: fr, channels: [{console: anna}], consent: 2026-11-01}]\n"
    said = warnings(tmp_path, f"{BASE}farm: {{language: it}}\n{people}")
    assert said == [
        "3:18: farm.language: there are no words of it yet (there are de, en, es, fr, nl, pl): another is spoken",
        "4:36: subscribers[0].language: the words of fr were not read by somebody who speaks it yet",
    ]


@pytest.mark.parametrize(
    ("messenger", "lacks"),
    [("sms", "answers and receipts are not heard"), ("call", "calls only read aloud: keys are not heard")],
)
def test_a_messenger_that_nobody_can_answer_is_a_warning(tmp_path: Path, messenger: str, lacks: str) -> None:
    written = f"messengers: {{{messenger}: {{account_sid: AC1, auth_token: {{env: HOME}}, from: FARM}}}}\n"
    said = warnings(tmp_path, BASE + written)
    assert [one for one in said if messenger in one] == [
        f"3:{20 + len(messenger) - 4}: messengers.{messenger}: without web.public_url {lacks}"
    ]
    public = "web: {public_url: https://a.example, token: {env: HOME}}\n"
    assert not [one for one in warnings(tmp_path, BASE + written + public) if messenger in one]


def test_every_preset_form_and_messenger_is_taken_without_a_warning(tmp_path: Path) -> None:
    said = warnings(
        tmp_path,
        "mqtt: {url: mqtt://127.0.0.1}\n"
        "sources: [{preset: fiware_ul, profile: milesight/at101}, {topic: a/+, format: csv, device: a, header: true}]\n"
        "messengers: {apprise: {}}\n"
        "subscribers:\n"
        "  - {id: anna, channels: [{console: anna}], consent: 2026-11-01, digest: 06:00}\n"
        "  - {id: bert, channels: [{apprise: 'mailto://b'}], consent: 2026-11-01, digest: 06:00}\n",
    )

    assert said == []
