"""From nothing to a running daemon: see it, meet the broker, write a first configuration, run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from alertd.cli.frame import LOCAL_CONFIG, ConfigPath, a_broker, app, config_path, leave


@app.command()
def demo(
    seconds: Annotated[float | None, typer.Option(help="Stop after so long.", min=0)] = None,
    port: Annotated[int, typer.Option(help="Port of the console.", min=0, max=65535)] = 8080,
) -> None:
    """See it all with nothing else installed."""
    leave("alertd.tools.demo", "main", seconds, port)


@app.command()
def simulate(
    mqtt: Annotated[
        str, typer.Option(metavar="URL", callback=a_broker, help="The broker, such as mqtt://127.0.0.1:1883.")
    ],
    animals: Annotated[int, typer.Option(help="Size of the herd.", min=1)] = 50,
    rate: Annotated[float | None, typer.Option(help="Messages a second, all together.", min=0)] = None,
    seed: Annotated[int, typer.Option(help="The same seed, the same herd.")] = 1,
    seconds: Annotated[float | None, typer.Option(help="Stop after so long; default until Ctrl-C.", min=0)] = None,
    truth: Annotated[Path | None, typer.Option(help="Write what really happens as JSON lines.")] = None,
) -> None:
    """Publish a herd with known incidents to a broker."""
    leave("alertd.tools.simulate", "main", mqtt, animals, rate, seed, seconds, truth)


@app.command()
def discover(
    mqtt: Annotated[
        str, typer.Option(metavar="URL", callback=a_broker, help="The broker, such as mqtt://127.0.0.1:1883.")
    ],
    seconds: Annotated[float, typer.Option(help="How long to listen.", min=0.1)] = 30,
    write: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the proposal to a new file.")] = None,
) -> None:
    """Say what is on a broker and which sources read it."""
    leave("alertd.tools.discover", "main", mqtt, seconds, write)


@app.command()
def init(
    config: Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="The file to write.")] = LOCAL_CONFIG,
    mqtt: Annotated[str | None, typer.Option(metavar="URL", help="The broker; asked for without it.")] = None,
    seconds: Annotated[float, typer.Option(help="How long to listen.", min=0.1)] = 20,
) -> None:
    """Ask, listen to the broker, write a first configuration."""
    leave("alertd.tools.init", "main", config, mqtt, seconds)


@app.command()
def run(context: typer.Context, config: ConfigPath = None) -> None:
    """Run the daemon; SIGHUP reloads, SIGTERM stops."""
    leave("alertd.app", "run", config_path(config), context.obj)
