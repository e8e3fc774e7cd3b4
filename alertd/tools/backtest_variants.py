"""What the same readings would have raised had each limit been a tenth lower or higher."""

from __future__ import annotations

import os
import signal
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, Final

from alertd.tools.backtest_replay import Replay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    from alertd.alerting.settings import Rule
    from alertd.config.config import Config
    from alertd.tools.backtest_recorder import Recording

    Progress = Callable[[int], None]

STEP: Final = 0.1
LONG: Final = 50_000
"""Readings that take longer to replay than a process takes to start."""
LIMITS: Final = ("above", "below", "delta_above", "delta_below", "ratio_above", "ratio_below", "sensitivity", "after")
"""Keys of `detect` that are a limit; `clear` keeps its distance."""
SHARES: Final = {"fraction": ("above",), "adaptive": ("sensitivity",)}
"""Kinds with limits that end at 1."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A rule with its limits times `factor`, and how many alerts it would have raised."""

    rule: str
    factor: float
    limit: str
    alerts: int


def variants(config: Config, recording: Recording, progress: Progress) -> dict[str, list[Moved]]:
    """Replay once with every rule's limits moved either way, told to nobody; return the outcomes by rule.

    A rule as it is runs along where `fraction` asks for its alerts by its name.
    """
    watched = [rule for rule in config.rules if rule.enabled]
    moved = [
        (rule, factor, detect) for rule in watched for factor in (1 - STEP, 1 + STEP) for detect in _moved(rule, factor)
    ]
    asked = {getattr(rule.detect, "of", None) for rule in watched}
    rules = [rule.model_copy(update={"mode": "shadow"}) for rule in watched if rule.name in asked]
    rules += [
        rule.model_copy(update={"mode": "shadow", "name": _name(rule.name, factor), "detect": detect})
        for rule, factor, detect in moved
    ]
    found: Counter[str] = Counter()
    for happened in Replay(config.model_copy(update={"rules": rules}), recording, progress).run():
        if happened.opened is not None:
            found[happened.opened.rule] += 1
    outcome: dict[str, list[Moved]] = {}
    for rule, factor, detect in moved:
        one = Moved(rule.name, factor, show_limits(detect), found[_name(rule.name, factor)])
        outcome.setdefault(rule.name, []).append(one)
    return outcome


@contextmanager
def variants_beside(
    config: Config, recording: Recording, progress: Progress, *, least: int = LONG
) -> Iterator[Callable[[], dict[str, list[Moved]]]]:
    """Begin `variants`, and yield what waits for its outcome.

    On a processor of its own, and without `progress`, where there is one and the recording has at least so many
    readings. Nothing goes on there when this has ended, however it did.
    """
    here = partial(variants, config, recording, progress)
    if len(recording.batch) < least or len(os.sched_getaffinity(0)) == 1:
        yield here
        return
    process = get_context("fork")  # it shares the recording's memory
    ours, theirs = process.Pipe(duplex=False)
    child = process.Process(target=_beside, args=(config, recording, theirs, os.getpid()), daemon=True)
    child.start()
    theirs.close()

    def outcome() -> dict[str, list[Moved]]:
        try:
            found: dict[str, list[Moved]] = ours.recv()
        except EOFError:  # the child is gone: there was no memory for two
            return here()
        return found

    try:
        yield outcome
    finally:
        child.kill()
        child.join()


def _beside(config: Config, recording: Recording, answer: Connection, parent: int) -> None:
    """Answer with the outcome, unless whoever asked has gone: then nobody would ever end this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to both; the parent ends this

    def still_asked(_done: int) -> None:
        if os.getppid() != parent:
            os._exit(1)

    answer.send(variants(config, recording, still_asked))


def show_limits(detect: Any) -> str:
    """Write a detector's limits as `above 39.5`."""
    plain = detect.model_dump(mode="json")
    parts = [(key, plain[key]) for key in LIMITS if plain.get(key) is not None]
    return ", ".join(f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in parts)


def _moved(rule: Rule, factor: float) -> Iterator[Any]:
    """Yield the rule's detector with its limits moved, nothing for one that has none."""
    detect = rule.detect
    limits = {key: value for key in LIMITS if isinstance(value := getattr(detect, key, None), int | float)}
    if not limits:
        return
    change: dict[str, Any] = {}
    for key, value in limits.items():
        change[key] = round(value * factor) if isinstance(value, int) and key == "after" else value * factor
        if key in SHARES.get(detect.kind, ()):
            change[key] = min(change[key], 1.0)
    clear = getattr(detect, "clear", None)
    if isinstance(clear, int | float):
        change["clear"] = (
            clear + change.get("above", change.get("below", 0)) - limits.get("above", limits.get("below", 0))
        )
    elif clear is not None:
        sides = {side: getattr(clear, side) for side in ("above", "below") if getattr(clear, side) is not None}
        change["clear"] = clear.model_copy(
            update={side: value + change[side] - limits[side] for side, value in sides.items()}
        )
    yield detect.model_copy(update=change)


def _name(rule: str, factor: float) -> str:
    return f"{rule} x{factor:.1f}"
