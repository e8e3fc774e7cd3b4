"""What every command stands in: its options, its exit codes, and the words for what is wrong with the line.

Exit codes: 0 done, 1 it failed while running, 2 usage or configuration.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from alertd import __version__

if TYPE_CHECKING:
    from alertd.config.config import Config

DONE, FAILED, REFUSED = 0, 1, 2
SYSTEM_CONFIG: Final = Path("/etc/alertd/alertd.yaml")
LOCAL_CONFIG: Final = Path("config/alertd.yaml")

app = typer.Typer(
    name="alertd",
    help="Turns what livestock collars and farm sensors say over MQTT into the few messages a farmer needs.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ConfigPath = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="CONFIG",
        help="The configuration; default $ALERTD_CONFIG, else /etc/alertd/alertd.yaml, else config/alertd.yaml.",
        show_default=False,
    ),
]


def config_path(given: Path | None) -> Path:
    """Return the configuration to use: as given, else $ALERTD_CONFIG, else the first of the usual places."""
    if given is not None:
        return given
    if named := os.environ.get("ALERTD_CONFIG"):
        return Path(named)
    try:
        return SYSTEM_CONFIG if SYSTEM_CONFIG.exists() else LOCAL_CONFIG
    except PermissionError:  # it is there, and not for us: say so instead of taking another one
        return SYSTEM_CONFIG


def ready(given: Path | None, *, warn: bool = False) -> Config:
    """Return the configuration, or say everything that is wrong with it and leave with 2."""
    from alertd.config.load import load  # noqa: PLC0415 (only when called)

    loaded = load(config_path(given))
    for problem in loaded.errors:
        print(problem, file=sys.stderr)
    if loaded.config is None:
        raise typer.Exit(REFUSED)
    for problem in (*loaded.warnings, *loaded.unreadable) if warn else ():
        print(f"warning: {problem}", file=sys.stderr)
    return loaded.config


def micros(text: str, option: str) -> int:
    """Read an RFC 3339 time as microseconds since 1970."""
    try:
        when = datetime.fromisoformat(text)
        return (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    except (ValueError, TypeError):  # TypeError: without a zone it cannot be compared
        raise typer.BadParameter("must be a time such as 2026-11-01T06:00:00Z", param_hint=option) from None


def a_broker(url: str) -> str:
    """Refuse at once what is no address of a broker."""
    if not url.startswith(("mqtt://", "mqtts://", "ws://", "wss://")):
        shown = url.rpartition("@")[2]  # what stands before it may be a password
        raise typer.BadParameter(f"must be mqtt://HOST:PORT or mqtts://HOST:PORT, not {shown!r}", param_hint="--mqtt")
    return url


def span(text: str, option: str) -> int:
    """Read a duration such as 30d as microseconds."""
    from alertd.settings import parse_duration  # noqa: PLC0415 (only when called)

    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def one_of(text: str, option: str, *words: str) -> str:
    """Refuse what is none of the words."""
    if text not in words:
        raise typer.BadParameter(f"must be {' or '.join(words)}", param_hint=option)
    return text


def leave(module: str, work: str, *facts: object, **options: object) -> NoReturn:
    """Do a command's work and leave with the exit code it returns. Imported here: `--help` must not pay for it."""
    raise typer.Exit(getattr(import_module(module), work)(*facts, **options))


def _version(wanted: bool) -> None:  # noqa: FBT001 (typer's callback)
    if wanted:
        print(f"alertd {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks, and log more.")] = False,
    version: Annotated[  # noqa: ARG001 (its callback acts)
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    context.obj = debug
