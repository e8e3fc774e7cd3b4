"""`alertd demo`: the main job with nothing else installed.

Pipeline, MQTT, store, HTTP are the real ones; only the broker, the herd and the phone
(this terminal) stand in. One of each: fever, a restless cow, a silent collar, a hot barn.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Final

from alertd import logs
from alertd.config.load import load
from alertd.daemon import Daemon
from alertd.systemd import Systemd
from alertd.tools.broker import NoBrokerError, broker
from alertd.tools.herd import Herd
from alertd.tools.herd_incidents import Incident
from alertd.tools.simulate import publish

ANIMALS: Final = 40
EVERY: Final = 2.0
"""Seconds between two messages of one device."""
DAY: Final = 3600.0
"""A demo's day lasts an hour: activity visibly rises and falls."""
INCIDENTS: Final = (
    Incident("dropout", "cow-0029", "activity", 4, 60),
    Incident("hot_barn", "barn-1", "temperature", 5, 30, 20),
    Incident("fever", "cow-0007", "body_temperature", 12, 72, 1.6),
    Incident("oestrus", "cow-0018", "activity", 34, 60, 4),
)
CONFIG: Final = """\
farm: {{name: Demo farm, timezone: UTC, language: en}}
mqtt: {{url: "{url}", client_id: alertd-demo}}
store: {{path: {folder}/alertd.db}}
sources: [{{preset: alertd}}]
devices:
  - {{id: cow-0007, name: Berta, group: dairy}}
  - {{id: cow-0018, name: Olga, group: dairy}}
  - {{id: cow-0029, name: Frieda, group: dairy}}
  - {{id: barn-1, name: Barn 1}}
rules:
  - name: fever
    match: {{metric: body_temperature}}
    detect: {{kind: threshold, above: 39.5, clear: 39.2, hold: 4s}}
    severity: critical
    repeat: 1m
    message: {{en: "{{{{ device }}}}: {{{{ value }}}} since {{{{ since }}}}. Check udder, breathing, appetite."}}
  - name: barn-hot
    match: {{metric: temperature}}
    detect: {{kind: threshold, above: 29, clear: 27, hold: 2s}}
    severity: critical
    repeat: 1m
  - name: collar-silent
    match: {{metric: activity}}
    detect: {{kind: absence, after: 15s}}
    group_wait: 1s
  - name: restless
    match: {{metric: activity}}
    detect: {{kind: robust_zscore, window: 2m, above: 8, direction: up, hold: 3s}}
    group_wait: 1s
subscribers:
  - {{id: anna, name: Anna, channels: [{{console: "Anna's phone"}}], consent: 2026-11-01}}
web: {{listen: "127.0.0.1:{port}"}}
"""


def main(seconds: float | None, port: int) -> int:
    """Run until `seconds` are over or SIGINT; return the exit code."""
    with tempfile.TemporaryDirectory(prefix="alertd-demo-") as name, (Path(name) / "log").open("w") as log:
        logs.configure(os.environ, log)
        try:
            asyncio.run(_run(Path(name), seconds, port))
        except* (NoBrokerError, OSError) as group:
            logging.getLogger("alertd").debug("demo failed", exc_info=group)
            print(f"alertd: {group.exceptions[0]}", file=sys.stderr)
            return_code = 1
        else:
            return_code = 0
    return return_code


async def _run(folder: Path, seconds: float | None, port: int) -> None:
    say = print if sys.stdout.isatty() else _quiet
    async with broker(folder) as url:
        path = folder / "alertd.yaml"
        path.write_text(CONFIG.format(url=url, folder=folder, port=port), encoding="utf-8")
        config = load(path).config
        assert config is not None  # tests/tools check it
        daemon = Daemon(config, path, Systemd({}))
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, daemon.stop.set)
        say(f"{ANIMALS} cows on a real broker at {url}. Within a minute a barn gets hot, a collar falls silent,")
        say("Berta runs a fever and Olga is restless: what follows is Anna's phone.")
        say(f"The buttons can be pressed in the console, http://127.0.0.1:{port}. Ctrl-C ends it.\n")
        running = asyncio.create_task(daemon.run(), name="daemon")
        herd = asyncio.create_task(publish(url, Herd(ANIMALS, 1, INCIDENTS, day=DAY), EVERY, None), name="herd")
        await asyncio.wait({running, herd}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        daemon.stop.set()
        herd.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await herd
        await running


def _quiet(_text: str) -> None:
    """Say nothing: in a pipe only messages are printed."""
