"""What each source brought: read or refused, a few samples of what was refused, and a day without a reading.

Silent non-mapping is the worst failure of a source: messages come, nobody can read them,
and all that is missing is the alarm. So a source of which nothing was read for a day is
told to the operator once, and once more when it is read again. Pure; the clock is an argument.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from alertd.ingest.labels import clean
from alertd.model import DAY, SECOND, Severity, Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from alertd.ingest.decoder import Decoded
    from alertd.model import Micros

SAMPLES: Final = 3
"""Refused messages kept per source and reason, each of another topic."""
REASONS: Final = 32
"""Reasons told apart per source; there are fewer, and a bug must not make them grow."""
SAMPLE_BYTES: Final = 200
SAMPLE_EVERY: Final = SECOND
"""A flood of refused messages is sampled at most this often per source and reason."""
UNREAD: Final = DAY
"""A source of which nothing was read for so long, although we were connected, is told to the operator."""
KEY: Final = "source "
"""How the keys of these troubles begin; the source's name follows."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One refused message: its topic (cleaned), why, its first bytes and how many there were."""

    topic: str
    detail: str
    at: Micros
    payload: bytes
    size: int

    def row(self, reason: str) -> dict[str, Any]:
        """Return it as JSON: `text` where the payload is printable text, else `hex`."""
        row = {"reason": reason, "topic": self.topic, "detail": self.detail, "at": self.at, "bytes": self.size}
        try:
            # A character cut in half at the end is no sign of binary data.
            text = self.payload.decode("utf-8", "strict" if len(self.payload) == self.size else "ignore")
        except UnicodeDecodeError:
            return row | {"hex": self.payload.hex()}
        if all(letter.isprintable() or letter in "\t\r\n" for letter in text):
            return row | {"text": text}
        return row | {"hex": self.payload.hex()}


@dataclass(slots=True)
class Seen:
    """One source since it was first configured (`since`) and since the start (the counts)."""

    since: Micros
    last_read: Micros = 0
    last_refused: Micros = 0
    readings: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    samples: dict[str, dict[str, Sample]] = field(default_factory=dict)


class Traffic:
    """Every source by its label. `unmatched` is what no source asked for, under the empty label."""

    def __init__(self, labels: Iterable[str], now: Micros, kept: Mapping[str, Any] | None = None) -> None:
        """Start with what `marks` returned before the restart; a source that is new begins now."""
        self.sources: dict[str, Seen] = {}
        for label in labels:
            since, last_read, last_refused = (kept or {}).get(label, (now // SECOND, 0, 0))
            self.sources[label] = Seen(since * SECOND, last_read * SECOND, last_refused * SECOND)
        self.unmatched = Seen(now)

    def took(self, decoded: Decoded, labels: Sequence[str], now: Micros) -> None:
        """Note what became of a batch."""
        for number, count in Counter(decoded.source).items():
            seen = self.sources[labels[number]]
            seen.readings += count
            seen.last_read = now
        for label, raw, why in decoded.rejected:
            seen = self.sources.get(label, self.unmatched)
            seen.last_refused = now
            reason = why.reason if why.reason in seen.refused or len(seen.refused) < REASONS else "other"
            seen.refused[reason] += 1
            samples = seen.samples.setdefault(reason, {})
            if samples and now - next(reversed(samples.values())).at < SAMPLE_EVERY:
                continue
            shown = clean(raw.topic)
            samples.pop(shown, None)
            detail = "".join(letter if letter.isprintable() else "?" for letter in why.detail)
            samples[shown] = Sample(shown, detail, now, bytes(raw.payload[:SAMPLE_BYTES]), len(raw.payload))
            if len(samples) > SAMPLES:
                del samples[next(iter(samples))]

    def marks(self) -> dict[str, tuple[int, int, int]]:
        """Return what must survive a restart: in whole seconds, since when, last read, last refused."""
        return {
            label: (seen.since // SECOND, seen.last_read // SECOND, seen.last_refused // SECOND)
            for label, seen in self.sources.items()
        }

    def troubles(self, now: Micros, away: Callable[[Micros, Micros], Micros], told: Collection[str]) -> list[Trouble]:
        """Return what the operator is to be told now.

        `away` says how much of a span nothing could be received, `told` are the keys of the
        troubles that were told and are not over.
        """
        found = []
        for label, seen in self.sources.items():
            key = KEY + label
            start = max(seen.since, seen.last_read)
            if now - start - away(start, now) < UNREAD:
                if key in told and seen.last_read:
                    found.append(Trouble(key, now, f"source {label} is read again", over=True, severity=Severity.INFO))
            elif key not in told and (text := _unread(label, seen, start)):
                found.append(Trouble(key, now, text, severity=Severity.INFO))
        for key in told:
            if key.startswith(KEY) and key.removeprefix(KEY) not in self.sources:
                text = f"{key} is no longer configured"
                found.append(Trouble(key, now, text, over=True, severity=Severity.INFO))
        return found


def _unread(label: str, seen: Seen, start: Micros) -> str:
    """Say what is wrong with a source of which nothing was read for a day; nothing where it was merely quiet."""
    if seen.last_refused > start:
        why = seen.refused.most_common(1)
        example = next(reversed(seen.samples[why[0][0]].values()), None) if why and why[0][0] in seen.samples else None
        most = f", mostly {why[0][0]}" if why else ""
        where = f" ({example.topic}: {example.detail})" if example is not None else ""
        return f"nothing of source {label} could be read for a day, though messages came{most}{where}"
    if not seen.last_read:
        # One that has been read before and falls silent is what absence rules are for: some only speak in spring.
        return f"source {label} has not received one message for a day: does anything publish to its topic?"
    return ""
