"""A configuration and recordings put to the proof, without a message to anybody."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from alertd.cli.frame import ConfigPath, app, config_path, leave, micros, one_of, ready, span


@app.command()
def check(config: ConfigPath = None) -> None:
    """Prove a configuration without a network. Exit code 0 or 2.

    Every error at once, each with file, line, column and key.
    """
    found = ready(config, warn=True)
    counts = ("sources", "devices", "rules", "subscribers")
    print("ok: " + ", ".join(_count(len(getattr(found, name)), name) for name in counts))


def _count(number: int, plural: str) -> str:
    return f"{number} {plural[:-1] if number == 1 else plural}"


@app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    import json  # noqa: PLC0415 (only when called)

    from alertd.config.schema import json_schema  # noqa: PLC0415

    print(json.dumps(json_schema(), indent=2, ensure_ascii=False))


@app.command()
def doctor(
    config: ConfigPath = None,
    seconds: Annotated[float, typer.Option(help="How long to listen to the broker.", min=0.1)] = 10,
    *,
    alone: Annotated[bool, typer.Option("--alone", help="Do not ask a running daemon.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON list.")] = False,
) -> None:
    """Say what would lose data or fail; sends nothing to a person."""
    leave("alertd.tools.doctor", "main", config_path(config), seconds, alone=alone, as_json=as_json)


@app.command()
def decode(
    topic: Annotated[str, typer.Option(help="The topic it came on.")],
    config: ConfigPath = None,
    received: Annotated[str | None, typer.Option(help="When it came (RFC 3339); default now.")] = None,
) -> None:
    """Decode a payload on stdin to readings, one JSON object a line."""
    at = None if received is None else micros(received, "--received")
    leave("alertd.tools.decode", "main", ready(config), topic, at, sys.stdin.buffer.read())


@app.command()
def backtest(
    readings: Annotated[
        list[str] | None, typer.Argument(metavar="READINGS...", help="Files: JSON lines or CSV; - is stdin.")
    ] = None,
    config: ConfigPath = None,
    form: Annotated[str, typer.Option("--format", help="table for people, jsonl for programs.")] = "table",
    last: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Instead of files the farm's own, such as 30d.")
    ] = None,
) -> None:
    """Replay readings: what would have been told to whom."""
    one_of(form, "--format", "table", "jsonl")
    if bool(readings) == bool(last):
        raise typer.BadParameter("give either files of readings or --last", param_hint="READINGS...")
    back = None if last is None else span(last, "--last")
    leave("alertd.tools.backtest", "main", ready(config), config_path(config), readings or [], back, form)


@app.command()
def score(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE.csv", exists=True, dir_okay=False, help="Rows of timestamp,value with a header."),
    ],
    detector: Annotated[
        str, typer.Option(metavar="NAME", help="adaptive, zscore, robust_zscore or drift.")
    ] = "adaptive",
) -> None:
    """Score each row of a recording from 0 to 1.

    Each knows only the rows before it.
    """
    leave("alertd.tools.score", "main", file, detector)


@app.command()
def route(
    facts: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...", help="rule=fever device=cow-0421 …")],
    config: ConfigPath = None,
    at: Annotated[str | None, typer.Option(help='When it fires, such as "2026-11-23 02:00"; default now.')] = None,
) -> None:
    """Say who would get what, when and why, if an alert fired."""

    def without_daemon() -> int:
        from alertd.tools.route import main as written  # noqa: PLC0415 (only when called)

        return written(ready(config), facts, at)

    leave("alertd.shell.route", "route", config_path(config), facts, at, without_daemon)


@app.command()
def render(
    rules: Annotated[list[str], typer.Argument(metavar="RULE...", help="Names of rules.")],
    config: ConfigPath = None,
    lang: Annotated[str | None, typer.Option(help="Language code; without it English and German.")] = None,
    messenger: Annotated[str | None, typer.Option(help="Show it as this messenger does.")] = None,
    *,
    markdown: Annotated[bool, typer.Option("--markdown", help="A page for documentation.")] = False,
) -> None:
    """Show a rule's message with made-up values."""
    leave("alertd.tools.render", "main", ready(config), rules, lang, messenger, markdown=markdown)


@app.command()
def tune(
    rule: Annotated[str | None, typer.Argument(help="Only this rule.")] = None,
    config: ConfigPath = None,
    last: Annotated[str, typer.Option(metavar="DURATION", help="How far back.")] = "30d",
) -> None:
    """Say which rules cried wolf, and what other limits would do."""
    back = span(last, "--last")
    leave("alertd.tools.tune", "main", ready(config), config_path(config), os.environ, back, rule)


@app.command()
def audit(config: ConfigPath = None) -> None:
    """Say which alarms that law asks for are covered.

    Covered: a live rule, two ways to people, a test message of late.
    """
    leave("alertd.tools.audit", "main", ready(config), config_path(config), os.environ)
