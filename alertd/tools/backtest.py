"""`alertd backtest`: what recorded readings would have told, and to whom.

Alerts and messages come from the daemon's own engine on a simulated clock
(`backtest_replay`), so the same readings give the same output, byte for byte.
"""

from __future__ import annotations

import sys
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from alertd.tools.backtest_astray import without_astray
from alertd.tools.backtest_read import BadRecordingError, NoJournalError, read_file
from alertd.tools.backtest_recorder import Recorder
from alertd.tools.backtest_replay import Replay
from alertd.tools.backtest_report import Report
from alertd.tools.backtest_variants import variants_beside
from alertd.wording.alert_json import alert_json
from alertd.wording.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from alertd.config.config import Config
    from alertd.model import Batch, Micros
    from alertd.tools.backtest_recorder import Recording
    from alertd.tools.backtest_replay import Happened

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
SHOWN: Final = 100
"""Bad lines named one by one for each file; the rest is counted."""


def main(config: Config, path: Path, files: Sequence[str], last: Micros | None, form: str) -> int:
    """Replay files (`-`: stdin), or the last so many microseconds of the farm's own journal.

    Returns 0; 2 when a file cannot be read at all; 1 when there is no daemon and no store to
    ask, or no line was a reading.
    """
    began = time.perf_counter()
    progress = _Progress()
    try:
        recording = _from_files(config, files, progress) if last is None else _from_journal(config, path, last)
    except BadRecordingError as error:
        progress.clear()
        return _fail(str(error), USAGE)
    except NoJournalError as error:
        return _fail(str(error), FAILED)
    recording.batch, astray = without_astray(recording.batch)
    if len(astray):
        progress.clear()
        print(f"alertd: left out, more than a year from all others: {_named(astray)}", file=sys.stderr)
    if recording.bad and not len(recording.batch):
        progress.clear()
        return _fail("no line was a reading", FAILED)
    replay = Replay(config, recording, progress.of("replayed", len(recording.batch)))
    if form == "jsonl":
        for happened in replay.run():
            sys.stdout.write(as_line(happened) + "\n")
    else:
        report = Report(config, recording)
        with variants_beside(config, recording, progress.of("with other limits", len(recording.batch))) as moved:
            for happened in replay.run():
                report.take(happened)
            progress.say("trying other limits")
            outcome = moved()
        progress.clear()
        took = time.perf_counter() - began
        sys.stdout.write(report.text(outcome, replay.engine.book, took))
    progress.clear()
    if replay.left_out:
        most = config.limits.series
        print(f"alertd: {replay.left_out} readings were left out: limits.series is {most}", file=sys.stderr)
    return DONE


def _named(astray: Batch) -> str:
    """Say how many readings those are, and of when."""
    first, last = rfc3339(int(astray.received[0])), rfc3339(int(astray.received[-1]))
    return f"1 reading, {first}" if len(astray) == 1 else f"{len(astray)} readings, {first} to {last}"


def as_line(happened: Happened) -> str:
    """Return what happened as one line of JSON (CONTRACT.md section 4)."""
    facts: dict[str, Any] = {"event": happened.event, "time": rfc3339(happened.at)}
    if happened.alert is not None:
        facts |= alert_json(happened.alert)
    elif happened.message is not None:
        message = happened.message
        facts |= {
            "to": message.subscriber,
            "messenger": happened.messenger,
            "kind": message.kind.value,
            "text": message.text,
            "alerts": list(message.alerts),
        }
    return msgspec.json.encode(facts).decode()


def _from_files(config: Config, names: Sequence[str], progress: _Progress) -> Recording:
    recorder = Recorder(config)
    for name in names:
        complaints = _Complaints(name)
        try:
            with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as file:
                read_file(recorder, file, complaints.take, progress.of("read", 0))
        except OSError as error:
            raise BadRecordingError(f"{name}: {error.strerror or error}") from None
        except BadRecordingError as error:
            raise BadRecordingError(f"{name}:{error}") from None
        finally:
            complaints.end()
    return recorder.recording()


def _from_journal(config: Config, path: Path, last: Micros) -> Recording:
    from alertd.tools.backtest_journal import kept_readings  # noqa: PLC0415 (a database and HTTP, which files need not)

    complaints = _Complaints("journal")
    recording = kept_readings(config, path, last, complaints.take)
    complaints.end()
    return recording


class _Complaints:
    """Names bad lines on stderr."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._first: list[tuple[int, str]] = []
        self._more = 0

    def take(self, line: int, why: str) -> None:
        """Hear what is wrong with a line."""
        if len(self._first) < SHOWN:
            self._first.append((line, why))
        else:
            self._more += 1

    def end(self) -> None:
        """Say it, in the order of the lines."""
        for line, why in sorted(self._first):
            print(f"{self._name}:{line}: {why}", file=sys.stderr)
        if self._more:
            print(f"{self._name}: {self._more} more lines are no readings", file=sys.stderr)


class _Progress:
    """One line on a terminal that is written over; nothing in a pipe."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._next = 0.0

    def of(self, what: str, whole: int) -> Callable[[int], None]:
        """Return what is to be called with how many readings are done."""
        return partial(self._done, what, whole)

    def _done(self, what: str, whole: int, done: int) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + 0.2
            self.say(f"{done:,} readings {what}" + (f" {100 * done // whole} %" if whole else ""))

    def say(self, what: str) -> None:
        """Show this instead of what was shown."""
        if self._shown:
            sys.stderr.write(f"\r\x1b[K{what}")
            sys.stderr.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _fail(why: str, code: int) -> int:
    print(f"alertd: {why}", file=sys.stderr)
    return code
