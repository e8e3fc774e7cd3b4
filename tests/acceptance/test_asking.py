"""What must be asked is asked by the daemon itself: a GX for its values, a Sparkplug node for its names."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import aiomqtt
from daemon import Daemon
from mosquitto import Mosquitto, need_mosquitto
from ports import free_port

sys.path.insert(0, str(Path(__file__).parents[1] / "ingest"))

from samples import metric, sparkplug

from alertd.ingest.dialects.sparkplug import parse_sparkplug
from alertd.ingest.settings import Limits

pytestmark = need_mosquitto

CONFIG = """
mqtt: {{url: "{broker}", client_id: alertd-asking}}
store: {{path: {folder}/alertd.db}}
sources: [{{preset: victron}}, {{preset: sparkplug_b}}]
rules: []
messengers: {{console: {{}}}}
subscribers: [{{id: anna, channels: [{{console: terminal}}], consent: 2026-11-01}}]
web: {{listen: "127.0.0.1:{web}"}}
"""
GX = "N/0123456789ab/battery/256/Soc"
NODE = "spBv1.0/Farm1/NDATA/Edge1"


async def test_a_gx_is_kept_talking_and_a_node_is_asked_for_its_names(tmp_path: Path) -> None:
    web = free_port()
    with Mosquitto(tmp_path / "broker") as broker:
        config = CONFIG.format(broker=broker.url, folder=tmp_path, web=web)
        async with Daemon(tmp_path, config, web), aiomqtt.Client("127.0.0.1", broker.port) as farm:
            await farm.subscribe("R/#")
            await farm.subscribe("spBv1.0/+/NCMD/#")
            await farm.publish(GX, b'{"value": 81.5}', qos=1)
            await farm.publish(NODE, sparkplug(metric(alias=1, value=20.5)), qos=1)
            asked: dict[str, bytes] = {}
            async with asyncio.timeout(20):
                async for message in farm.messages:
                    asked[str(message.topic)] = bytes(message.payload)
                    assert not message.retain
                    if len(asked) == 2:
                        break
    assert asked["R/0123456789ab/keepalive"] == b""
    document = parse_sparkplug(asked["spBv1.0/Farm1/NCMD/Edge1"], Limits())
    assert [(one.name, one.value) for one in document["metrics"]] == [("Node Control/Rebirth", True)]
