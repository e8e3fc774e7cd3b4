"""Our webhook body beside that of a real Alertmanager, which tells of the same alerts."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket

import aiohttp
import pytest
from aiohttp import web
from deliveries import delivery
from serving import Serving

from alertd.messengers.webhook import alertmanager

PROGRAM = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Alertmanager here: apt-get install prometheus-alertmanager")

FIRED, ENDED = "2026-11-22T02:10:00Z", "2026-11-22T03:00:00Z"


def fever(device, **facts):
    known = {"rule": "fever", "device": device, "group": "dairy", "severity": "critical", "state": "firing"}
    return known | {"fired": FIRED, "resolved": None, "why": f"{device} is hot"} | facts


def labels(alert):
    return {"alertname": alert["rule"]} | {name: alert[name] for name in ("device", "group", "severity")}


class Reference:
    """A real Alertmanager, and what it sends."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.sent: asyncio.Queue[dict] = asyncio.Queue()

    async def take(self, request: web.Request) -> web.Response:
        self.sent.put_nowait(await request.json())
        return web.Response()

    async def tell(self, http: aiohttp.ClientSession, *alerts: dict) -> dict:
        body = [
            {"labels": labels(one), "annotations": {"why": one["why"]}, "startsAt": one["fired"]}
            | ({"endsAt": one["resolved"]} if one["resolved"] else {})
            for one in alerts
        ]
        async with http.post(f"{self.url}/api/v2/alerts", json=body) as answer:
            assert answer.status == 200, await answer.text()
        async with asyncio.timeout(20):
            return await self.sent.get()


@pytest.fixture
async def reference(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    one = Reference(port)
    app = web.Application()
    app.router.add_post("/hook", one.take)
    hearing = await Serving.start(app)
    route = {"receiver": "anna", "group_by": ["alertname", "group"], "group_wait": "1ms", "group_interval": "100ms"}
    hook = {"url": f"http://127.0.0.1:{hearing.port}/hook", "send_resolved": True}
    config = {"route": route, "receivers": [{"name": "anna", "webhook_configs": [hook]}]}
    (tmp_path / "am.yml").write_text(json.dumps(config))
    program = await asyncio.create_subprocess_exec(
        str(PROGRAM),
        f"--config.file={tmp_path}/am.yml",
        f"--storage.path={tmp_path}/data",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(20), aiohttp.ClientSession() as http:
            while True:
                try:
                    async with http.get(f"{one.url}/-/ready") as answer:
                        if answer.status == 200:
                            break
                except aiohttp.ClientError:
                    await asyncio.sleep(0.02)
            yield one, http
    finally:
        program.terminate()
        await program.wait()
        await hearing.stop()


def ours(*alerts, still=0):
    data = {"alerts": list(alerts), "open": still}
    return alertmanager(delivery("x", data=data, incident="i1").message, receiver="anna")


def shape(value):
    """Return the types below a body: names of labels and annotations are each farm's own."""
    if isinstance(value, dict):
        return {name: "texts" if name.endswith(("abels", "nnotations")) else shape(one) for name, one in value.items()}
    return [shape(one) for one in value] if isinstance(value, list) else type(value).__name__


def told(body):
    """Return what receivers decide by."""
    alerts = sorted((one["labels"]["device"], one["status"], one["startsAt"], one["endsAt"]) for one in body["alerts"])
    return body["status"], body["groupLabels"], body["commonLabels"], alerts


async def test_the_same_alerts_make_the_same_body(reference) -> None:
    one, http = reference
    berta, alma = fever("cow-1"), fever("cow-2")
    theirs = await one.tell(http, berta, alma)
    assert shape(ours(berta, alma)) == shape(theirs)
    assert told(ours(berta, alma)) == told(theirs)

    over = fever("cow-1", state="resolved", resolved=ENDED)
    theirs = await one.tell(http, over)
    assert told(ours(over, alma)) == told(theirs)
    assert ours(over, still=1)["status"] == theirs["status"] == "firing"

    both = over, fever("cow-2", state="resolved", resolved=ENDED)
    theirs = await one.tell(http, both[1])
    while len(theirs["alerts"]) and theirs["status"] != "resolved":
        theirs = await asyncio.wait_for(one.sent.get(), 20)
    assert ours(both[1])["status"] == "resolved"
    assert shape(ours(both[1])) == shape(theirs | {"alerts": theirs["alerts"][:1]})
