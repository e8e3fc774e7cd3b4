"""What README shows works: its configuration passes, its commands and files exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from alertd.cli import app
from alertd.config.load import load

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands() -> set[str]:
    """The words that may follow `alertd` on a command line."""
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    return set(group.commands)


def test_the_configuration_of_the_first_real_alert_passes(tmp_path, monkeypatch):
    monkeypatch.setenv("TELEGRAM_TOKEN", "123456:" + "A" * 35)
    (text,) = re.findall(r"cat > my.yaml <<'EOF'\n(.*?)EOF", README, re.DOTALL)
    path = tmp_path / "my.yaml"
    path.write_text(text, encoding="utf-8")
    loaded = load(path)
    assert (loaded.errors, loaded.unreadable) == ([], [])
    assert loaded.config is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_a_page_shows_exists(page):
    shown = re.findall(r"(?:`|bin/|^\$ )alertd ([a-z][a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(shown) <= commands()


def test_every_call_and_every_metric_is_on_the_page_about_http():
    page = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "alertd" / "web").glob("*.py"))
    calls = set(re.findall(r"web\.(get|post|delete)\(\"(/(?:api|healthz|metrics)[^\"]*)", code))
    assert len(calls) > 15
    assert {f"`{method.upper()} {path}" for method, path in calls} <= set(re.findall(r"`[A-Z]+ /[\w/{}-]+", page))
    named = set(re.findall(r"\"(alertd_\w+)", (ROOT / "alertd" / "web" / "metrics.py").read_text(encoding="utf-8")))
    assert named
    assert {name for name in named if name not in page} == set()


def test_every_file_the_readme_names_is_there():
    for name in re.findall(r"`((?:alertd|config|systemd|docs|tests)/[\w./-]+\.\w+)`", README):
        if not re.search(r"[A-Z]{3}", name):
            assert (ROOT / name).exists(), name
    for target in re.findall(r"\]\(([\w./-]+)\)", README):
        assert (ROOT / target).exists(), target
