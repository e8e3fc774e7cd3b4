"""What is asked of the running daemon, and its store when it does not run."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from alertd.cli.frame import ConfigPath, app, config_path, leave, one_of, ready

people = typer.Typer(help="People: list, invite, export, erase.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(people, name="people")
silence = typer.Typer(help="Planned quiet: add, list, end.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(silence, name="silence")


@app.command()
def alerts(
    config: ConfigPath = None,
    state: Annotated[str, typer.Option(help="open or all.")] = "open",
) -> None:
    """List alerts, the newest first."""
    leave("alertd.shell.alerts", "alerts", config_path(config), one_of(state, "--state", "open", "all"))


@app.command()
def ack(
    alert: Annotated[str, typer.Argument(metavar="ID", help="Number of the alert, such as A-217.")],
    config: ConfigPath = None,
    by: Annotated[str | None, typer.Option(help="Who takes it.")] = None,
    comment: Annotated[str, typer.Option(help="Kept with the alert.")] = "",
) -> None:
    """Acknowledge an alert: a person took it."""
    leave("alertd.shell.alerts", "ack", config_path(config), alert, by, comment)


@silence.command("add")
def silence_add(
    match: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...", help="Keys of match, and rule; all must fit.")],
    length: Annotated[str, typer.Option("--for", metavar="DURATION", help="How long, such as 2h.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; shown with the silence.")],
    config: ConfigPath = None,
    by: Annotated[str | None, typer.Option(help="Who wants it; is told at the end what was kept quiet.")] = None,
) -> None:
    """Mute what fits, reminders and escalation too. Prints the id alone on the first line.

    A key given twice means any of the values.
    """
    leave("alertd.shell.silences", "silence_add", config_path(config), match, length, reason, by)


@silence.command("list")
def silence_list(
    config: ConfigPath = None,
    state: Annotated[str, typer.Option(help="active or all.")] = "active",
) -> None:
    """List silences, the newest first."""
    leave("alertd.shell.silences", "silence_list", config_path(config), one_of(state, "--state", "active", "all"))


@silence.command("end")
def silence_end(
    number: Annotated[str, typer.Argument(metavar="ID", help="Number of the silence, such as S-3.")],
    config: ConfigPath = None,
    by: Annotated[str | None, typer.Option(help="Who ends it.")] = None,
) -> None:
    """End a silence before its time."""
    leave("alertd.shell.silences", "silence_end", config_path(config), number, by)


@people.command("list")
def people_list(config: ConfigPath = None) -> None:
    """List subscribers."""
    leave("alertd.shell.people", "people_list", config_path(config))


@people.command("invite")
def people_invite(
    person: Annotated[str, typer.Argument(metavar="ID", help="The subscriber.")],
    config: ConfigPath = None,
    messenger: Annotated[str | None, typer.Option(help="Only the link of this messenger.")] = None,
) -> None:
    """Print a code to join by, links and a QR code."""
    leave("alertd.shell.people", "people_invite", config_path(config), person, messenger)


@people.command("export")
def people_export(
    person: Annotated[str, typer.Argument(metavar="ID", help="The subscriber.")], config: ConfigPath = None
) -> None:
    """Print everything held of a person as JSON."""
    leave("alertd.shell.people", "people_export", config_path(config), person)


@people.command("erase")
def people_erase(
    person: Annotated[str, typer.Argument(metavar="ID", help="The subscriber.")],
    config: ConfigPath = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Really: it cannot be taken back.")] = False,
) -> None:
    """Take a person out of messages and alerts for good.

    The consent ledger stays: it holds hashes, and proves what was agreed.
    """
    leave("alertd.shell.people", "people_erase", config_path(config), person, yes)


@app.command("send-test")
def send_test(
    to: Annotated[str, typer.Option(metavar="SUBSCRIBER", help="Who gets it; consent is needed.")],
    config: ConfigPath = None,
    channel: Annotated[str | None, typer.Option(metavar="MESSENGER", help="By this messenger only.")] = None,
) -> None:
    """Send one test message through the real path."""

    def without_daemon() -> int:
        from alertd.store.settings import store_path  # noqa: PLC0415 (only when called)
        from alertd.tools.send_test import main as send  # noqa: PLC0415

        found = ready(config)
        return send(found, store_path(found.store, os.environ, config_path(config)), to, channel)

    leave("alertd.shell.people", "send_test", config_path(config), to, channel, without_daemon)


@app.command()
def repair(config: ConfigPath = None) -> None:
    """Set a damaged store aside, salvage what can be read.

    Stop the daemon first.
    """
    from alertd.store.settings import store_path  # noqa: PLC0415 (only when called)

    leave("alertd.tools.repair", "main", store_path(ready(config).store, os.environ, config_path(config)))
