"""Mutated messages through every decoder: nothing raises, values stay finite, time and memory stay bounded.

Run: make fuzz (five million inputs), or python tests/ingest/fuzz.py INPUTS [SEED].
Inputs are made from typical ones by changes that parsers fear: bits, cuts, splices,
repetitions, and words such as NaN, 1e999, deep brackets and cut UTF-8.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

from payloads import body_of, cases, described
from readings import NOW, decoder
from samples import FORMATS, OTHERS, SAMPLES

from alertd.seams import Raw

if TYPE_CHECKING:
    from alertd.ingest.decoder import Decoder

BATCH = 64
WORDS = [
    *(b"NaN", b"Infinity", b"-1e999", b"1e999", b"null", b"true", b'""', b"[]", b"{}", b"9" * 400, b"-0", b"1e-400"),
    *(b"[" * 40, b'{"a":' * 40, b"\xff\xfe", b"\xc3\x28", b"\xed\xa0\x80", "\u202e".encode(), b"\x00", b"\\ud800"),
    *(b'"0001-01-01T00:00:00Z"', b'"9999-12-31T23:59:59Z"', b"18446744073709551616", b"-9223372036854775809"),
    *(b"327.67", b"unavailable", b"1,5", b'"4,2 \xc2\xb0C"', b'"value":', b'"unit":', b"|", b"#", b";", b"\n", b"/"),
    *(b"\x80" * 10, b"\x12\x7f", b"\x0a\xff\xff\xff\xff\x0f", b'"timestamp":{"year":2026,"month":"May","day":31}'),
]
SMALL = 4096


@dataclass
class Report:
    """What a run saw; `slowest` in seconds for a batch of 64, `grown` in MB of resident memory."""

    inputs: int = 0
    readings: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    grown: float = 0.0

    def __str__(self) -> str:
        reasons = ", ".join(f"{name} {count}" for name, count in self.reasons.most_common())
        return (
            f"{self.inputs} inputs, {self.readings} readings, no exception; slowest batch of {BATCH}: "
            f"{self.slowest * 1000:.0f} ms of CPU, memory grew by {self.grown:.0f} MB\nrefused: {reasons}"
        )


def build() -> Decoder:
    """Return one decoder of every preset and format, and of what an operator would write for the described devices."""
    sources = [source for source, _, _ in (*SAMPLES.values(), *FORMATS.values())]
    sources += [case["read_by"] for case in described()]
    return decoder(*(source for number, source in enumerate(sources) if source not in sources[:number]))


def seeds() -> list[tuple[str, bytes]]:
    """Return the typical messages, those of described devices, and the recorded ones where they are at hand."""
    typical = [(topic, payload) for _, topic, payload in (*SAMPLES.values(), *FORMATS.values())]
    return typical + OTHERS + [(case["topic_example"], body_of(case)) for case in (*described(), *cases())]


def mutate(payload: bytes, other: bytes, dice: random.Random) -> bytes:
    """Return a payload with one to four changes."""
    data = bytearray(payload)
    for _ in range(dice.choice((1, 1, 2, 4))):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(7):
            case 0 if data:
                data[at % len(data)] ^= 1 << dice.randrange(8)
            case 1:
                data[at:at] = dice.choice(WORDS)
            case 2:
                del data[at : at + dice.choice((1, 1, 2, 8, 64))]
            case 3:
                cut = dice.randrange(len(other) + 1)
                data[at:] = other[cut:]
            case 4:
                piece = data[at : at + dice.choice((1, 4, 16, 64))]
                data[at:at] = piece * dice.choice((1, 2, 8))
            case 5 if data:
                data[at % len(data)] = dice.randrange(256)
            case _:
                end = at + dice.choice((1, 2, 4, 8))
                data[at:end] = dice.choice(WORDS)
    return bytes(data[:SMALL])


def turned(topic: str, dice: random.Random) -> str:
    """Return the topic, now and then with a device name nobody expects."""
    if dice.randrange(16):
        return topic
    levels = topic.split("/")
    levels[dice.randrange(len(levels))] = dice.choice(
        ("", "$x", "a\nb", "\u202eKuh", "x" * 300, "tele", "0", "{device}")
    )
    return "/".join(levels)


def run(inputs: int, seed: int = 1) -> Report:
    """Feed mutated messages to one decoder.

    Raises:
        AssertionError: an exception in a decoder, or a value that is not finite.
    """
    dice, made, start = random.Random(seed), build(), seeds()
    report, before = Report(), _resident()
    received = NOW
    while report.inputs < inputs:
        raws = []
        for _ in range(BATCH):
            topic, payload = dice.choice(start)
            received += 1 + dice.randrange(1_000_000)
            raws.append(
                Raw(
                    turned(topic, dice),
                    mutate(payload, dice.choice(start)[1], dice),
                    received,
                    retained=not dice.randrange(9),
                )
            )
        begin = time.process_time()
        out = made.decode(raws)
        report.slowest = max(report.slowest, time.process_time() - begin)
        assert not out.poison, f"{out.poison[0][0].topic!r} {out.poison[0][0].payload!r}\n{out.poison[0][1]}"
        assert all(abs(value) < float("inf") for value in out.value)
        assert len(out.row) + len(out.rejected) < BATCH * SMALL
        report.inputs += BATCH
        report.readings += len(out.row)
        report.reasons.update(why.reason for _, _, why in out.rejected)
    report.grown = _resident() - before
    return report


def _resident() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    began = time.monotonic()
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    print(run(count, int(sys.argv[2]) if len(sys.argv) > 2 else 1))  # noqa: T201 (a script prints)
    print(f"{time.monotonic() - began:.0f} s")  # noqa: T201
