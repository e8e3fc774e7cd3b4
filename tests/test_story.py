"""The tree tells the story: a module imports only from parts above its own, so cycles cannot happen."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import alertd

ROOT = Path(alertd.__file__).parent
FREE = {"__init__", "__main__"}


def part(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").parts[0]


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "alertd":
            rest = node.module.split(".")[1:]
            found |= {rest[0]} if rest else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("alertd.")}
    return found - {"__version__"}


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_from_earlier_parts(path: Path) -> None:
    own = part(path)
    if own in FREE:
        return
    assert own in alertd.STORY, f"{own} has no place in the story"
    place = alertd.STORY.index(own)
    late = {other for other in imported(path) if alertd.STORY.index(other) > place}
    assert not late, f"{path.relative_to(ROOT)} imports from later parts: {late}"
