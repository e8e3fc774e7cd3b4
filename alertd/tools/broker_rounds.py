"""The doctor's rounds at the broker: reached, how much it keeps, what that costs in lost messages or disk writes."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from alertd.holding import FLUSH_AFTER
from alertd.ingest.decoder import Decoder
from alertd.ingest.mqtt_line import WINDOW
from alertd.model import DAY, SECOND
from alertd.settings import show_duration
from alertd.tools.examining import examine_subscriptions, examine_traffic, rate
from alertd.tools.finding import Finding
from alertd.tools.listening import Door, UnreachableError, listen
from alertd.tools.probing import Measured, measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from alertd.config.config import Config
    from alertd.tools.listening import Heard

COMMIT_BYTES: Final = 9_900
"""Written to the card by one commit of 100 readings (tests/benchmarks/bench_store.py, page size 1024)."""
BUDGET: Final = 250_000_000
"""Bytes a day that a card bears for years (DESIGN.md section 5)."""
ENOUGH: Final = 3600
"""Seconds of absence that a broker's queue should bridge."""
LOOPBACK: Final = {"localhost", "127.0.0.1", "::1"}
MOSQUITTO: Final = Path("/etc/mosquitto")


async def examine_broker(config: Config, seconds: float, tell: Callable[[Heard, float], None]) -> list[Finding]:
    """Connect, listen, probe; a broker that cannot be reached is one finding.

    Raises:
        SecretMissingError: the password cannot be read.
    """
    door = Door.of(config.mqtt)
    decoder = Decoder(
        config.sources, config.devices, config.limits, timezone=config.farm.timezone, register=lambda _series: 0
    )
    wanted = decoder.filters()
    try:
        heard = await listen(door, wanted, seconds, tell)
    except UnreachableError as error:
        return [Finding("fail", "broker", str(error))]
    found = [Finding("ok", "broker", f"{door.address} lets us in")]
    found += examine_subscriptions(heard.granted, wanted)
    five = config.mqtt.protocol != "3.1.1"
    measured = await asyncio.to_thread(measure, door, five=five)
    if five and measured.window is None and config.mqtt.protocol == "auto":
        measured = await asyncio.to_thread(measure, door, five=False)
    found += examine_measured(measured, rate(heard), config.mqtt.inflight)
    found += examine_persistence(door.address.host, MOSQUITTO)
    return found + examine_traffic(config, heard)


def examine_measured(measured: Measured, per_second: float, inflight: int) -> Iterator[Finding]:
    """Say what window and queue mean at this rate of messages."""
    if measured.window is None:
        yield Finding("note", "broker", f"window and queue could not be measured: {measured.why}")
        return
    yield _window(measured, per_second, inflight)
    if measured.queue is None:
        yield Finding("note", "broker", f"its queue could not be measured: {measured.why}")
        return
    if measured.queue == 0:
        yield Finding(
            "fail",
            "broker",
            "keeps nothing for a client that is away: every message of a restart is lost",
            "allow persistent sessions (mosquitto: persistent_client_expiration, max_queued_messages)",
        )
        return
    more = measured.queue >= measured.queue_tried
    text = f"keeps {'at least ' if more else ''}{measured.queue} messages while alertd is away"
    bridged = measured.queue / per_second if per_second else None
    if bridged is not None:
        text += f": {_span(bridged)}{' or more' if more else ''} at {per_second:.2g} a second"
    if more or (bridged is not None and bridged >= ENOUGH):
        yield Finding("ok", "broker", text)
    else:
        lost = "; the rest is dropped and lost" if bridged is None else "; of a longer absence the rest is lost"
        yield Finding("warn", "broker", text + lost, "mosquitto.conf: max_queued_messages 100000")


def _window(measured: Measured, per_second: float, inflight: int) -> Finding:
    window = min(measured.window or 1, WINDOW)
    text = f"{measured.protocol}: sends {window} messages before it waits for us"
    usual = FLUSH_AFTER / SECOND
    fill = window / 2 / per_second if per_second else usual
    flushes = DAY / SECOND / min(fill, usual)
    megabytes = flushes * COMMIT_BYTES / 1e6
    if measured.protocol != "MQTT 5" and inflight > window:
        return Finding("warn", "broker", f"{text}, mqtt.inflight says {inflight}", f"mqtt.inflight: {window}")
    if fill >= usual:
        return Finding("ok", "broker", f"{text}; written every {usual:.0f} s, about {megabytes:.0f} MB a day")
    text += f"; at {per_second:.2g} a second that is a write every {_span(fill)}, about {megabytes:.0f} MB a day"
    level = "warn" if flushes * COMMIT_BYTES > BUDGET else "note"
    remedy = "mosquitto.conf: max_inflight_messages 1000" + (
        f", and mqtt.inflight: {WINDOW}" if measured.protocol != "MQTT 5" else ""
    )
    return Finding("warn" if level == "warn" else "note", "broker", text, remedy)


def examine_persistence(host: str, folder: Path) -> Iterator[Finding]:
    """Look into mosquitto's own configuration where it runs on this machine; else it cannot be seen."""
    unseen = Finding(
        "note",
        "broker",
        "whether it keeps messages over its own restart cannot be seen from here",
        "mosquitto.conf: persistence true, autosave_interval 60",
    )
    if host not in LOOPBACK:
        yield unseen
        return
    try:
        files = [folder / "mosquitto.conf", *sorted((folder / "conf.d").glob("*.conf"))]
        text = "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files if file.exists())
    except OSError:
        yield unseen
        return
    settings = dict(re.findall(r"^\s*(persistence|autosave_interval)\s+(\S+)", text, re.MULTILINE))
    if not text:
        yield unseen
    elif settings.get("persistence") != "true":
        yield Finding(
            "warn", "broker", f"{folder}: no persistence: its own restart loses what it keeps", "persistence true"
        )
    elif int(settings.get("autosave_interval", "1800")) > 300:  # noqa: PLR2004 (five minutes)
        every = settings.get("autosave_interval", "1800")
        yield Finding(
            "warn", "broker", f"{folder}: saves every {every} s: a power cut loses that much", "autosave_interval 60"
        )
    else:
        yield Finding("ok", "broker", f"{folder}: persistence true")


def _span(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds:.1g}s"
    return show_duration(round(seconds if seconds < 120 else seconds // 60 * 60) * SECOND)  # noqa: PLR2004
