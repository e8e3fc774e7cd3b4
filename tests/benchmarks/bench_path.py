"""The whole daemon beside a bare paho client: CPU per 100,000 QoS 1 messages, memory, bytes written.

    python tests/benchmarks/bench_path.py [MESSAGES]

Full path: MQTT 5 in, JSON with own time and two metrics decoded, two threshold rules
each, journal, acknowledgement. Both run against the same mosquitto, fed by the same
publisher; CPU is that of the whole process from subscribed to the last message.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from bench_mqtt import child as paho_child
from bench_mqtt import say
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

CONFIG = """
mqtt: {{url: "mqtt://127.0.0.1:{port}", client_id: bench}}
store: {{path: {folder}/alertd.db}}
sources:
  - topic: farm/collar/{{device}}
    format: json
    time: {{path: ts}}
    metrics: {{body_temperature: temp, activity: act}}
rules:
  - {{name: a, match: {{metric: body_temperature}}, detect: {{kind: threshold, above: 41}}, mode: shadow}}
  - {{name: b, match: {{metric: body_temperature}}, detect: {{kind: threshold, below: 36}}, mode: shadow}}
  - {{name: c, match: {{metric: activity}}, detect: {{kind: threshold, above: 90000}}, mode: shadow}}
  - {{name: d, match: {{metric: activity}}, detect: {{kind: threshold, below: -1}}, mode: shadow}}
subscribers: [{{id: me, channels: [{{console: me}}], consent: 2026-11-01}}]
web: {{listen: "127.0.0.1:{web}"}}
"""
DEVICES = 100


def publish(port: int, count: int, topic: str) -> None:
    """Publish as fast as the broker takes it; every message of a device has a time of its own."""
    client = Client(CallbackAPIVersion.VERSION2, "bench-feeder")
    client.max_inflight_messages_set(500)
    client.connect("127.0.0.1", port)
    client.loop_start()
    start = time.time() - 200
    for number in range(count):
        at = start + number / count * 190
        body = b'{"ts":%.6f,"temp":38.7,"act":%d}' % (at, 400 + number % 7)
        sent = client.publish(topic.format(number % DEVICES), body, 1)
        if number % 10_000 == 9_999 or number == count - 1:
            sent.wait_for_publish(600)
    client.disconnect()
    client.loop_stop()


def used(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> float:
    line = next(one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def written(pid: int) -> int:
    line = next(one for one in Path(f"/proc/{pid}/io").read_text().splitlines() if one.startswith("write_bytes"))
    return int(line.split()[1])


def readings(web: int) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{web}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith("alertd_readings_total"))


def healthy(web: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{web}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def full_path(folder: Path, port: int, web: int, count: int) -> tuple[float, float, float, float]:
    """Return CPU seconds, RSS idle and after in MB, bytes written per reading."""
    path = folder / "alertd.yaml"
    path.write_text(CONFIG.format(port=port, folder=folder, web=web))
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen([sys.executable, "-m", "alertd", "run", "-c", str(path)], stderr=log) as daemon,
    ):
        while not healthy(web):
            time.sleep(0.2)
        idle, before, wrote = resident(daemon.pid), used(daemon.pid), written(daemon.pid)
        run = [sys.executable, __file__, "publish", str(port), str(count), "farm/collar/cow-{:03}"]
        subprocess.run(run, check=True)
        while readings(web) < 2 * count:
            time.sleep(0.5)
        spent, full = used(daemon.pid) - before, resident(daemon.pid)
        wrote = written(daemon.pid) - wrote
        daemon.terminate()
        daemon.wait(20)
    return spent, idle, full, wrote / (2 * count)


def main() -> None:
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from mosquitto import Mosquitto  # noqa: PLC0415 (found only from here on)
    from ports import free_port  # noqa: PLC0415

    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder, Mosquitto(Path(folder), ["max_queued_messages 0"]) as broker:
        run = [sys.executable, __file__, "bare", str(broker.port), str(count)]
        with subprocess.Popen(run, stdout=subprocess.PIPE, text=True) as subscriber:
            assert subscriber.stdout is not None
            subscriber.stdout.readline()
            subprocess.run(
                [sys.executable, __file__, "publish", str(broker.port), str(count), "farm/collar/cow-0421"], check=True
            )
            bare = float(subscriber.stdout.readline())
        spent, idle, full, size = full_path(Path(folder), broker.port, free_port(), count)
    say(f"bare paho, discarding  {bare:6.2f} s CPU per {count} messages")
    say(
        f"alertd, full path      {spent:6.2f} s CPU, {spent / bare:.2f} of it ({2 * count / spent:,.0f} readings a CPU second)"
    )
    say(f"RSS idle {idle:.0f} MB, after {full:.0f} MB; {size:.0f} bytes written a reading")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["bare", port, count]:
            paho_child(int(port), int(count), "bare paho")
        case ["publish", port, count, topic]:
            publish(int(port), int(count), topic)
        case _:
            main()
