"""Real messages on a real broker: publishes recorded payloads (payloads.jsonl) with paho, once.

python tests/replay.py mqtt://127.0.0.1:1883 payloads.jsonl
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

RECORDED = Path(__file__).parents[1].parent / "shared" / "contract" / "payloads.jsonl"
"""40 real payloads of 25 vendors; not part of the repository."""


def messages(path: Path) -> list[tuple[str, bytes, bool]]:
    """Return (topic, payload, retained) of every line that can be published."""
    rows: list[dict[str, Any]] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        (row["topic_example"], _bytes(row), bool(row["retain"]))
        for row in rows
        if not any(sign in row["topic_example"] for sign in "+#\0")
    ]


def _bytes(row: dict[str, Any]) -> bytes:
    match row["encoding"]:
        case "json":
            return json.dumps(row["payload"]).encode()
        case "base64":
            return base64.b64decode(row["payload"])
    return str(row["payload"]).encode()


def publish(url: str, rows: list[tuple[str, bytes, bool]], qos: int = 1) -> None:
    """Publish in order and return when the broker has taken the last one."""
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect(urlsplit(url).hostname or "", urlsplit(url).port or 1883)
    client.loop_start()
    for topic, payload, retained in rows:
        client.publish(topic, payload, qos=qos, retain=retained).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    publish(sys.argv[1], messages(Path(sys.argv[2])))
