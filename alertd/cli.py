"""The commands. Thin: each imports its work when it is called, so that `--help` costs nothing.

Exit codes: 0 done, 1 it failed while running, 2 usage or configuration. A fault is one line
on stderr; `--debug`, anywhere on the line, shows the traceback.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

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


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    debug = "--debug" in sys.argv[1:]
    arguments = [word for word in sys.argv[1:] if word != "--debug"]
    try:
        code = app(args=["--debug", *arguments] if debug else arguments, prog_name="alertd", standalone_mode=False)
    except typer.Abort:
        print("alertd: given up", file=sys.stderr)
        sys.exit(FAILED)
    except _USAGE as error:
        sys.exit(_refuse(error))
    except Exception as error:  # the outermost edge: a person reads this
        if debug:
            raise
        print(f"alertd: {_one_line(error)}", file=sys.stderr)
        sys.exit(FAILED)
    sys.exit(code or DONE)


_USAGE: Final[tuple[type[Exception], ...]] = tuple(
    kind for kind in typer.BadParameter.__mro__ if issubclass(kind, Exception) and hasattr(kind, "show")
)
"""What the command line raises for bad usage; only its leaf has a public name."""


def _refuse(error: Any) -> int:
    """Say in one line what is wrong with the command line, and return the exit code; no words at all get the help."""
    text, context = error.format_message().strip(), getattr(error, "ctx", None)
    if "\n" in text:  # `alertd` alone: its help
        error.show()
    else:
        command = context.command_path if context is not None else "alertd"
        print(f"{command}: {text.rstrip('.')} (see {command} --help)", file=sys.stderr)
    return int(error.exit_code)


def _one_line(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    text = " ".join(str(error).split())
    return f"{text or type(error).__name__} (--debug shows where)"


def _ready(given: Path | None, *, warn: bool = False) -> Config:
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


def _micros(text: str, option: str) -> int:
    """Read an RFC 3339 time as microseconds since 1970."""
    try:
        when = datetime.fromisoformat(text)
        return (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    except (ValueError, TypeError):  # TypeError: without a zone it cannot be compared
        raise typer.BadParameter("must be a time such as 2026-11-01T06:00:00Z", param_hint=option) from None


def _broker(url: str) -> str:
    """Refuse at once what is no address of a broker."""
    if not url.startswith(("mqtt://", "mqtts://", "ws://", "wss://")):
        shown = url.rpartition("@")[2]  # what stands before it may be a password
        raise typer.BadParameter(f"must be mqtt://HOST:PORT or mqtts://HOST:PORT, not {shown!r}", param_hint="--mqtt")
    return url


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


@app.command()
def check(config: ConfigPath = None) -> None:
    """Prove a configuration without any network: every error at once. Exit code 0 or 2."""
    found = _ready(config, warn=True)
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


def _there(module: str) -> bool:
    """Return whether a command's work is part of this version."""
    return find_spec(module) is not None


def _leave(module: str, work: str, *facts: object) -> NoReturn:
    """Do a command's work and leave with the exit code it returns. Imported here: `--help` must not pay for it."""
    raise typer.Exit(getattr(import_module(module), work)(*facts))


if _there("alertd.app"):

    @app.command()
    def run(context: typer.Context, config: ConfigPath = None) -> None:
        """Run the daemon in the foreground. SIGHUP reloads, SIGTERM stops."""
        _leave("alertd.app", "run", config_path(config), context.obj)


if _there("alertd.tools.demo"):

    @app.command()
    def demo(
        seconds: Annotated[float | None, typer.Option(help="Stop after so long.", min=0)] = None,
        port: Annotated[int, typer.Option(help="Port of the console.", min=0, max=65535)] = 8080,
    ) -> None:
        """Show it all with nothing else installed: broker, herd, incidents, messages, console."""
        _leave("alertd.tools.demo", "main", seconds, port)


if _there("alertd.tools.decode"):

    @app.command()
    def decode(
        topic: Annotated[str, typer.Option(help="The topic it came on.")],
        config: ConfigPath = None,
        received: Annotated[str | None, typer.Option(help="When it came (RFC 3339); default now.")] = None,
    ) -> None:
        """Decode a payload on stdin to readings on stdout, one JSON object a line."""
        at = None if received is None else _micros(received, "--received")
        from alertd.config.later import without_later  # noqa: PLC0415 (only when called)

        ready = without_later(_ready(config))
        _leave("alertd.tools.decode", "main", ready, topic, at, sys.stdin.buffer.read())


if _there("alertd.tools.backtest"):

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
        """Replay recorded readings: what would have been told to whom. Sends nothing."""
        if form not in ("table", "jsonl"):
            raise typer.BadParameter("must be table or jsonl", param_hint="--format")
        if bool(readings) == bool(last):
            raise typer.BadParameter("give either files of readings or --last", param_hint="READINGS...")
        from alertd.config.later import without_later  # noqa: PLC0415 (only when called)
        from alertd.settings import parse_duration  # noqa: PLC0415

        try:
            span = None if last is None else parse_duration(last)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--last") from None
        ready = without_later(_ready(config))
        _leave("alertd.tools.backtest", "main", ready, config_path(config), readings or [], span, form)


if _there("alertd.tools.route"):

    @app.command()
    def route(
        facts: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...", help="rule=fever device=cow-0421 …")],
        config: ConfigPath = None,
        at: Annotated[str | None, typer.Option(help='When it fires, such as "2026-11-23 02:00"; default now.')] = None,
    ) -> None:
        """Say who would get what, when and why, if an alert fired."""
        from alertd.config.later import without_later  # noqa: PLC0415 (only when called)

        _leave("alertd.tools.route", "main", without_later(_ready(config)), facts, at)


if _there("alertd.tools.simulate"):

    @app.command()
    def simulate(
        mqtt: Annotated[
            str, typer.Option(metavar="URL", callback=_broker, help="The broker, such as mqtt://127.0.0.1:1883.")
        ],
        animals: Annotated[int, typer.Option(help="Size of the herd.", min=1)] = 50,
        rate: Annotated[float | None, typer.Option(help="Messages a second, all together.", min=0)] = None,
        seed: Annotated[int, typer.Option(help="The same seed, the same herd.")] = 1,
        seconds: Annotated[float | None, typer.Option(help="Stop after so long; default until Ctrl-C.", min=0)] = None,
        truth: Annotated[Path | None, typer.Option(help="Write what really happens as JSON lines.")] = None,
    ) -> None:
        """Publish a herd with known incidents to a broker."""
        _leave("alertd.tools.simulate", "main", mqtt, animals, rate, seed, seconds, truth)


if _there("alertd.tools.init"):

    @app.command()
    def init(
        config: Annotated[
            Path, typer.Option("--config", "-c", metavar="FILE", help="The file to write.")
        ] = LOCAL_CONFIG,
        mqtt: Annotated[str | None, typer.Option(metavar="URL", help="The broker; asked for without it.")] = None,
        seconds: Annotated[float, typer.Option(help="How long to listen.", min=0.1)] = 20,
    ) -> None:
        """Ask for a broker, listen, recognise, and write a first configuration."""
        _leave("alertd.tools.init", "main", config, mqtt, seconds)


if _there("alertd.tools.discover"):

    @app.command()
    def discover(
        mqtt: Annotated[
            str, typer.Option(metavar="URL", callback=_broker, help="The broker, such as mqtt://127.0.0.1:1883.")
        ],
        seconds: Annotated[float, typer.Option(help="How long to listen.", min=0.1)] = 30,
        write: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the proposal to a new file.")] = None,
    ) -> None:
        """Say what is on a broker, what it decodes to, and which sources read it."""
        _leave("alertd.tools.discover", "main", mqtt, seconds, write)


if _there("alertd.tools.score"):

    @app.command()
    def score(
        file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Rows of timestamp,value with a header.")],
        detector: Annotated[
            str, typer.Option(metavar="NAME", help="adaptive, zscore, robust_zscore or drift.")
        ] = "adaptive",
    ) -> None:
        """Print each row of a recording with an anomaly score from 0 to 1, knowing only the rows before it."""
        _leave("alertd.tools.score", "main", file, detector)


if _there("alertd.tools.doctor"):

    @app.command()
    def doctor(
        config: ConfigPath = None,
        seconds: Annotated[float, typer.Option(help="How long to listen to the broker.", min=0.1)] = 10,
        *,
        alone: Annotated[bool, typer.Option("--alone", help="Do not ask a running daemon.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="One JSON list.")] = False,
    ) -> None:
        """Say what would lose data or fail, without sending anything to a person."""
        from alertd.tools.doctor import main as examine  # noqa: PLC0415 (only when called)

        raise typer.Exit(examine(config_path(config), seconds, alone=alone, as_json=as_json))


if _there("alertd.tools.tune"):

    @app.command()
    def tune(
        rule: Annotated[str | None, typer.Argument(help="Only this rule.")] = None,
        config: ConfigPath = None,
        last: Annotated[str, typer.Option(metavar="DURATION", help="How far back.")] = "30d",
    ) -> None:
        """Say per rule how many alerts were judged false, and what other limits would have raised."""
        from alertd.config.later import without_later  # noqa: PLC0415 (only when called)
        from alertd.settings import parse_duration  # noqa: PLC0415

        try:
            span = parse_duration(last)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--last") from None
        ready = without_later(_ready(config))
        _leave("alertd.tools.tune", "main", ready, config_path(config), os.environ, span, rule)


if _there("alertd.tools.audit"):

    @app.command()
    def audit(config: ConfigPath = None) -> None:
        """List which alarms law and authorities ask for have a rule, two ways to people, and a fresh test."""
        _leave("alertd.tools.audit", "main", _ready(config), config_path(config), os.environ)


if _there("alertd.tools.render"):

    @app.command()
    def render(
        rules: Annotated[list[str], typer.Argument(metavar="RULE...", help="Names of rules.")],
        config: ConfigPath = None,
        lang: Annotated[str | None, typer.Option(help="Language code; without it English and German.")] = None,
        messenger: Annotated[str | None, typer.Option(help="Show it as this messenger does.")] = None,
        *,
        markdown: Annotated[bool, typer.Option("--markdown", help="A page for documentation.")] = False,
    ) -> None:
        """Show a rule's message with made-up values, as a person will read it."""
        from alertd.tools import render as tool  # noqa: PLC0415 (only when called)

        raise typer.Exit(tool.main(_ready(config), rules, lang, messenger, markdown=markdown))


if _there("alertd.tools.repair"):

    @app.command()
    def repair(config: ConfigPath = None) -> None:
        """Set a damaged store aside and salvage what can be read. Stop the daemon first."""
        from alertd.store.settings import store_path  # noqa: PLC0415 (only when called)

        _leave("alertd.tools.repair", "main", store_path(_ready(config).store, os.environ, config_path(config)))


if _there("alertd.shell"):
    SHELL: Final = "alertd.shell"
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
        if state not in ("open", "all"):
            raise typer.BadParameter("must be open or all", param_hint="--state")
        _leave(SHELL, "alerts", config_path(config), state)

    @app.command()
    def ack(
        alert: Annotated[str, typer.Argument(metavar="ID", help="Number of the alert, such as A-217.")],
        config: ConfigPath = None,
        by: Annotated[str | None, typer.Option(help="Who takes it.")] = None,
        comment: Annotated[str, typer.Option(help="Kept with the alert.")] = "",
    ) -> None:
        """Acknowledge an alert: a person took it."""
        _leave(SHELL, "ack", config_path(config), alert, by, comment)

    @silence.command("add")
    def silence_add(
        match: Annotated[
            list[str], typer.Argument(metavar="KEY=VALUE...", help="Keys of match, and rule; all must fit.")
        ],
        length: Annotated[str, typer.Option("--for", metavar="DURATION", help="How long, such as 2h.")],
        reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; shown with the silence.")],
        config: ConfigPath = None,
        by: Annotated[str | None, typer.Option(help="Who wants it; is told at the end what was kept quiet.")] = None,
    ) -> None:
        """Mute what fits, reminders and escalation too. Prints the id alone on the first line.

        A key given twice means any of the values.
        """
        _leave(SHELL, "silence_add", config_path(config), match, length, reason, by)

    @silence.command("list")
    def silence_list(
        config: ConfigPath = None,
        state: Annotated[str, typer.Option(help="active or all.")] = "active",
    ) -> None:
        """List silences, the newest first."""
        if state not in ("active", "all"):
            raise typer.BadParameter("must be active or all", param_hint="--state")
        _leave(SHELL, "silence_list", config_path(config), state)

    @silence.command("end")
    def silence_end(
        number: Annotated[str, typer.Argument(metavar="ID", help="Number of the silence, such as S-3.")],
        config: ConfigPath = None,
        by: Annotated[str | None, typer.Option(help="Who ends it.")] = None,
    ) -> None:
        """End a silence before its time."""
        _leave(SHELL, "silence_end", config_path(config), number, by)

    @people.command("list")
    def people_list(config: ConfigPath = None) -> None:
        """List subscribers."""
        _leave(SHELL, "people_list", config_path(config))

    @people.command("invite")
    def people_invite(
        person: Annotated[str, typer.Argument(metavar="ID", help="The subscriber.")],
        config: ConfigPath = None,
        messenger: Annotated[str | None, typer.Option(help="Only the link of this messenger.")] = None,
    ) -> None:
        """Print a code to join by, links and a QR code."""
        _leave(SHELL, "people_invite", config_path(config), person, messenger)

    @people.command("export")
    def people_export(
        person: Annotated[str, typer.Argument(metavar="ID", help="The subscriber.")], config: ConfigPath = None
    ) -> None:
        """Print everything held of a person as JSON."""
        _leave(SHELL, "people_export", config_path(config), person)

    @people.command("erase")
    def people_erase(
        person: Annotated[str, typer.Argument(metavar="ID", help="The subscriber.")],
        config: ConfigPath = None,
        *,
        yes: Annotated[bool, typer.Option("--yes", help="Really: it cannot be taken back.")] = False,
    ) -> None:
        """Take a person out of messages and alerts; the consent ledger stays provable."""
        _leave(SHELL, "people_erase", config_path(config), person, yes)

    @app.command("send-test")
    def send_test(
        to: Annotated[str, typer.Option(metavar="SUBSCRIBER", help="Who gets it; consent is needed.")],
        config: ConfigPath = None,
        channel: Annotated[str | None, typer.Option(metavar="MESSENGER", help="By this messenger only.")] = None,
    ) -> None:
        """Send one test message through the real path."""

        def without_daemon() -> int:
            from alertd.config.later import without_later  # noqa: PLC0415 (only when called)
            from alertd.store.settings import store_path  # noqa: PLC0415
            from alertd.tools.send_test import main as send  # noqa: PLC0415

            ready = without_later(_ready(config))
            return send(ready, store_path(ready.store, os.environ, config_path(config)), to, channel)

        _leave(SHELL, "send_test", config_path(config), to, channel, without_daemon)
