"""Whatever an operator does to a good file, the answer is a configuration or errors, never a traceback."""

import copy
import json
import re
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alertd.config.document import parse
from alertd.config.load import load

MANUAL = Path(__file__).parents[2] / "config" / "alertd.yaml"
ODD: list[Any] = [
    *(None, True, 0, -1, 421, 3.5, 1e300, float("nan"), float("inf"), 10**40),
    *("", "x" * 300, "a\0b", "x", "21:30", "1h", "{{", "a/#/b", "\u202e", "🐄", "rule", "mqtt://x"),
    *([], [None], [[]], [1, "a"], {}, {"a": 1}, {"kind": "state"}, {"": {}}, {"labels": {"a": None}}, {"env": 5}),
]


def good() -> Any:
    """Return the manual with the settings switched on that it shows switched off, without those that name files."""
    tree, _ = parse(re.sub(r"(?m)^( *)#(?=[^ \n])", r"\1", MANUAL.read_text(encoding="utf-8")), "manual")
    assert tree is not None
    facts = tree.plain()
    del facts["include"], facts["devices_file"]
    facts["rules"] = [rule for rule in facts["rules"] if not rule["detect"].keys() & {"inside", "outside"}]
    return facts


GOOD = good()


def places(node: Any, way: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    below = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [place for key, inner in below for place in [(*way, key), *places(inner, (*way, key))]]


PLACES = places(GOOD)


@st.composite
def changed(draw: st.DrawFn) -> Any:
    """Return the manual with up to three things deleted, renamed or replaced."""
    facts = copy.deepcopy(GOOD)
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(PLACES))
        parent = facts
        for key in way:
            present = isinstance(parent, dict) and key in parent
            inside = isinstance(parent, list) and isinstance(key, int) and key < len(parent)
            parent = parent[key] if present or inside else None
        if not (isinstance(parent, dict) and last in parent):
            if isinstance(parent, list) and isinstance(last, int) and last < len(parent):
                parent[last] = draw(st.sampled_from(ODD))
            continue
        match draw(st.integers(0, 3)):
            case 0:
                del parent[last]
            case 1:
                parent[str(last)[1:] + str(last)[:1]] = parent.pop(last)
            case 2:
                parent[last] = draw(st.sampled_from(ODD))
            case _:
                parent["kind"] = parent[last]
    return facts


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changed())
def test_a_changed_file_gives_a_configuration_or_errors(tmp_path: Path, facts: Any) -> None:
    path = tmp_path / "alertd.yaml"
    path.write_text(json.dumps(facts).replace("NaN", ".nan").replace("Infinity", ".inf"), encoding="utf-8")

    loaded = load(path)

    assert (loaded.config is None) == bool(loaded.errors)
    for problem in (*loaded.errors, *loaded.warnings, *loaded.unreadable):
        assert str(problem).startswith(f"{path}:")
        assert problem.line == 1
        assert "pydantic" not in str(problem)
        assert "\n" not in str(problem)


def test_the_file_is_good_before_it_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "alertd.yaml"
    path.write_text(json.dumps(GOOD), encoding="utf-8")

    assert load(path).errors == []
