"""How long decoding takes per message, on a topic that is known: prints microseconds of CPU, asserts nothing.

Beside each stands what the general way takes, by which the first messages of a topic are read and those that are unlike
the ones before them (`ingest.patterns`), and the floor of the same run: msgspec alone on the same payload (for what is no JSON: bytes to
text), and how many times that the readings cost. How an interpreter was compiled makes a third of difference: of two
figures only those of one interpreter can be compared.

Run: python tests/benchmarks/bench_decode.py
"""

from __future__ import annotations

import platform
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1] / "ingest"))

import msgspec
from samples import SAMPLES

from alertd.ingest.decoder import Decoder
from alertd.ingest.patterns.pattern import FEW
from alertd.ingest.settings import Limits, Source
from alertd.seams import Raw

if TYPE_CHECKING:
    from alertd.model import Series

plain = msgspec.json.Decoder().decode
MESSAGES = 200
ROUNDS = 60
START = 1_795_000_000_000_000

CASES: dict[str, tuple[dict[str, object], str, bytes]] = {
    "json, 2 mapped metrics, own time": (
        {
            "topic": "lindenau/collar/{device}",
            "format": "json",
            "time": "ts",
            "metrics": {"activity": "act", "temperature": "temp"},
        },
        "lindenau/collar/cow-1",
        b'{"ts": 1795000000123, "act": 17.5, "temp": 38.6}',
    ),
    "json, 2 metrics without mapping": (
        {"topic": "lindenau/collar/{device}", "format": "json", "time": "ts"},
        "lindenau/collar/cow-1",
        b'{"ts": 1795000000123, "activity": 17.5, "temperature": 38.6}',
    ),
    "json, own time as text, degF, a counter": (
        {
            "topic": "lindenau/collar/{device}",
            "format": "json",
            "time": "ts",
            "metrics": {
                "body_temperature": {"path": "temp", "unit": "degF"},
                "steps": {"path": "n", "kind": "counter", "wrap": 65536},
            },
        },
        "lindenau/collar/cow-1",
        b'{"ts": "2026-11-18T11:06:40Z", "temp": 101.5, "n": 12}',
    ),
    "number": ({"topic": "farm/{device}/{metric}", "format": "number"}, "farm/tank/temperature", b"4,2 \xc2\xb0C"),
    **SAMPLES,
}


def decoder(*sources: dict[str, object], patterns: int = FEW) -> Decoder:
    """Build a decoder from written sources."""
    rows: dict[tuple[str, str], int] = {}

    def intern(series: Series) -> int:
        return rows.setdefault((series.device, series.metric), len(rows))

    written = [Source.model_validate(source) for source in sources]
    return Decoder(written, [], Limits(), timezone="Europe/Berlin", register=intern, patterns=patterns)


def changed(payload: bytes, number: int) -> bytes:
    """Return the payload as another message: its id, or the sequence number of a RuuviTag's advertisement."""
    return payload.replace(b"{n}", b"%d" % number).replace(b"E44715DA77", b"E4%04XDA77" % number)


def bare(payloads: list[bytes]) -> None:
    """Decode and drop: what nobody can do without."""
    for payload in payloads:
        try:
            plain(payload)
        except msgspec.DecodeError:
            payload.decode("latin-1")


def main() -> None:
    """Print the best of a few rounds for each kind of payload, and what a new topic costs."""
    print(f"Python {platform.python_version()}, {platform.python_compiler()}")  # noqa: T201 (a script prints)
    for name, (source, topic, payload) in CASES.items():
        subject, general = decoder(source), decoder(source, patterns=0)
        raws = [Raw(topic, changed(payload, number), START + number) for number in range(MESSAGES)]
        payloads = [raw.payload for raw in raws]
        best = slow = floor = float("inf")
        readings = 0
        for _ in range(ROUNDS):
            begin = time.process_time()
            out = subject.decode(raws)
            best = min(best, time.process_time() - begin)
            readings = len(out.row)
            begin = time.process_time()
            general.decode(raws)
            slow = min(slow, time.process_time() - begin)
            begin = time.process_time()
            bare(payloads)
            floor = min(floor, time.process_time() - begin)
        print(  # noqa: T201 (a script prints)
            f"{name:42} {best / MESSAGES * 1e6:6.2f} µs a message, {readings / MESSAGES:.1f} readings; "
            f"general way {slow / MESSAGES * 1e6:5.1f} µs; bare {floor / MESSAGES * 1e6:5.2f} µs, {best / floor:4.1f} times"
        )
    for count in (1, 20):
        sources = [{"topic": f"farm{number}/{{device}}/{{metric}}", "format": "number"} for number in range(count)]
        subject = decoder(*sources)
        raws = [Raw(f"farm0/d{number}/temperature", b"4.2", START + number) for number in range(MESSAGES // 2)]
        begin = time.process_time()
        subject.decode(raws)
        spent = time.process_time() - begin
        print(f"new topic, {count:2} sources {spent / len(raws) * 1e6:26.2f} µs")  # noqa: T201 (a script prints)


if __name__ == "__main__":
    main()
