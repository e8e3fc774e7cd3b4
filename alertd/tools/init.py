"""`alertd init`: a few questions, a look at the broker, and a configuration that `check` accepts.

Nothing is overwritten without asking, secrets go into files of their own (0600), and a pipe
works like a terminal: what is not answered takes its default.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from alertd.config.load import load
from alertd.messengers import build
from alertd.messengers.exchange import session
from alertd.model import Delivery, Kind, Message, Sent, stable_id
from alertd.parts import engine_of
from alertd.tools.asking import TRIES, Dialogue
from alertd.tools.discover import draw, local_zone, volume, watched
from alertd.tools.examining import counted
from alertd.tools.first_channel import first_channel
from alertd.tools.first_config import Answers, first_config, ident
from alertd.tools.listening import Door, UnreachableError, connected
from alertd.tools.recognising import recognise
from alertd.wording.catalogue import LANGUAGES

if TYPE_CHECKING:
    from pathlib import Path

    from alertd.config.config import Config

DONE: Final = 0
FAILED: Final = 1
BROKER: Final = "mqtt://127.0.0.1:1883"


def main(path: Path, mqtt: str | None, seconds: float) -> int:
    """Hold the dialogue; returns the exit code of CONTRACT.md section 1."""
    print("A first configuration in a few questions. Enter takes what stands in [ ].\n")
    dialogue = Dialogue()
    door = _door(dialogue, mqtt)
    if door is None:
        return FAILED
    target = _target(dialogue, path)
    print(f"\nListening to {door.address} for {seconds:.0f} s.")
    try:
        heard = asyncio.run(watched(door, seconds))
    except UnreachableError as error:
        return _fail(str(error))
    found = recognise(heard.raws(), local_zone())
    print(f"{volume(heard)}, {counted(len(found.proposals), 'source')} recognised.")
    if found.proposals or found.unread:
        draw(found)
    else:
        print("Is anything publishing? The file gets an example of a source, to be mended.")
    answers, kept = _answers(dialogue)
    if door.password is not None:
        kept["mqtt-password"] = door.password
    try:
        files = _keep(target, kept)
        text = first_config(door, found, answers, f"{datetime.now(UTC):%Y-%m-%d}", files)
        config = _write(target, text)
    except OSError as error:
        return _fail(f"{error.filename or target}: {(error.strerror or str(error)).lower()}")
    if config is None:
        return FAILED
    told = _first_message(dialogue, config, answers)
    print(f"\nNext: alertd run -c {target}")
    if not answers.channel.address:
        print(f"then: alertd people invite {ident(answers.person)} -c {target}")
    return told


def _door(dialogue: Dialogue, mqtt: str | None) -> Door | None:
    """Ask for the broker until one lets us in."""
    url = mqtt
    for _ in range(TRIES):
        url = url or dialogue.ask("Broker", BROKER)
        try:
            door = Door.parse(url)
        except ValueError as error:
            print(f"  {error}")
            url = None
            continue
        door, why = _tried(dialogue, door)
        if not why:
            return door
        print(f"  {why}")
        url = None
        if dialogue.over or mqtt is not None:
            break
    _fail("no broker, no configuration: start it, or give its address with --mqtt URL")
    return None


def _tried(dialogue: Dialogue, door: Door) -> tuple[Door, str]:
    """Connect; where the broker wants to know who we are, ask once. Returns why it cannot be, or nothing."""

    async def once(there: Door) -> None:
        async with connected(there):
            return

    for again in (False, True):
        try:
            asyncio.run(once(door))
        except UnreachableError as error:
            if not error.credentials or again:
                return door, str(error)
            print(f"  {error}")
            name = dialogue.ask("User name", door.username or "")
            password = dialogue.secret("Password")
            door = Door(door.url, name or None, password or None)
        else:
            break
    return door, ""


def _target(dialogue: Dialogue, path: Path) -> Path:
    """Return where to write: never over an existing file unless that was said."""
    question = f"{path} exists. Overwrite it (the old one is kept beside it)?"
    if not path.exists() or dialogue.agree(question, default=False):
        return path
    number = 1
    while (other := path.with_stem(f"{path.stem}-{number}")).exists():
        number += 1
    print(f"It stays as it is; writing {other} instead.")
    return other


def _answers(dialogue: Dialogue) -> tuple[Answers, dict[str, str]]:
    """Ask about farm and person; the second value are secrets to be kept."""
    farm = dialogue.ask("Name of the farm", "Farm", lambda text: "" if text.isprintable() else "plain text, please")
    zone = dialogue.ask("Time zone", local_zone(), _no_zone)
    ours = os.environ.get("LANG", "")[:2]
    spoken = ours if ours in LANGUAGES else "en"
    language = dialogue.choose("Language of the messages", tuple(LANGUAGES), spoken)
    person = dialogue.ask("Who is to be told (a name)", "Farmer")
    channel = first_channel(dialogue)
    kept = {f"{channel.messenger}-{key.replace('_', '-')}": value for key, value in channel.hidden.items()}
    return Answers(farm, zone, language, person, channel), kept


def _no_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        return "a name such as Europe/Berlin, please"
    return ""


def _keep(target: Path, secrets: dict[str, str]) -> dict[str, str]:
    """Write secrets beside the configuration, for its owner alone; return their paths by name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    files: dict[str, str] = {}
    for name, value in secrets.items():
        path = target.absolute().parent / f"{target.stem}.{name}"
        path.unlink(missing_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123 (the mode from the start)
            file.write(f"{value}\n")
        files[name] = str(path)
    return files


def _write(target: Path, text: str) -> Config | None:
    """Prove the text, then put it in place; the file it replaces is kept as FILE.old."""
    draft = target.with_name(f".{target.name}.new")
    draft.write_text(text, encoding="utf-8")
    loaded = load(draft)
    if loaded.config is None:
        for problem in loaded.errors:
            print(problem, file=sys.stderr)
        draft.unlink()
        return None
    if target.exists():
        target.replace(target.with_name(f"{target.name}.old"))
    draft.replace(target)
    print(f"\n{target} is written and `alertd check` accepts it.")
    for problem in loaded.warnings:
        print(f"  warning: {str(problem).replace(str(draft), str(target))}")
    return loaded.config


def _first_message(dialogue: Dialogue, config: Config, answers: Answers) -> int:
    """Offer to send one message now, the way an alert would go."""
    if not answers.channel.address or not dialogue.agree(
        f"Send a first message to {answers.person} now?", default=True
    ):
        return DONE
    outcome = asyncio.run(_send(config))
    if isinstance(outcome, Sent):
        print(f"sent by {answers.channel.messenger}" + (f", id {outcome.ref}" if outcome.ref else ""))
        return DONE
    return _fail(f"not sent: {outcome.why}")


async def _send(config: Config) -> Any:
    now = time.time_ns() // 1000
    engine = engine_of(config, now)
    person = engine.people.all()[0]
    channels = engine.people.reachable(person.id)
    name = stable_id("first message", person.id, now)
    message = Message(name, Kind.TEST, person.id, channels, engine.words.test(person, now), now)
    async with session() as http:
        settings = config.messengers[channels[0].messenger]
        messenger = build(channels[0].messenger, settings, http, lambda: now)
        try:
            return await messenger.send(Delivery(message, channels[0], stable_id(name, "key"), 1))
        finally:
            await messenger.close()


def _fail(why: str) -> int:
    print(f"alertd: {why}", file=sys.stderr)
    return FAILED
