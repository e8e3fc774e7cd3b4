"""Matrix against a real Synapse, Signal against a real signal-cli daemon (without an account: no network).

`make counterparts` brings both; they are found as `synapse_homeserver` and `signal-cli` on the path. Each takes seconds to
start, so this is not part of the suite that everybody runs.
"""

from __future__ import annotations

import asyncio
import shutil
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest
from deliveries import T0, delivery
from ports import free_port

from alertd.messengers.exchange import session
from alertd.messengers.matrix import Matrix, MatrixSettings
from alertd.messengers.signal_cli import Signal, SignalSettings
from alertd.model import Button, Channel, Reject, Retry, Sent
from alertd.seams import Place

SYNAPSE, SIGNAL = shutil.which("synapse_homeserver"), shutil.which("signal-cli")
BUTTONS = (Button("Take it", "ack:m1"), Button("False alarm", "fa:m1"))
START = 60
"""Seconds a server may take to start on a busy machine."""
OWN = """
enable_registration: true
enable_registration_without_verification: true
suppress_key_server_warning: true
rc_message: {per_second: 0.1, burst_count: 10}
"""


@asynccontextmanager
async def running(http, ready, *command, **more):
    """Run a server until it answers at `ready`."""
    quiet = asyncio.subprocess.DEVNULL
    program = await asyncio.create_subprocess_exec(*command, stdout=quiet, stderr=quiet, **more)
    try:
        async with asyncio.timeout(START):
            while True:
                try:
                    async with http.get(ready) as answer:
                        if answer.status == 200:
                            break
                except aiohttp.ClientError:
                    await asyncio.sleep(0.1)
        yield
    finally:
        if program.returncode is None:
            program.terminate()
            await program.wait()


# --- Matrix: Synapse ------------------------------------------------------------------------------


class Homeserver:
    """What people do there with a client of their own."""

    def __init__(self, http, base):
        self.http, self.base = http, f"{base}/_matrix/client/v3"

    async def call(self, method, path, token="", **body):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.http.request(method, f"{self.base}/{path}", json=body, headers=headers) as answer:
            found = await answer.json()
            assert answer.status == 200, found
            return found

    async def register(self, name):
        body = {"username": name, "password": "correct horse", "auth": {"type": "m.login.dummy"}}
        return (await self.call("POST", "register", **body))["access_token"]

    async def texts(self, room, token):
        return [one["body"] for one in await self.contents(room, token) if one["msgtype"] == "m.text"]

    async def contents(self, room, token):
        found = await self.call("GET", f"rooms/{room}/messages?dir=f&limit=50", token)
        return [event["content"] for event in found["chunk"] if event["type"] == "m.room.message"]


@pytest.fixture
async def homeserver(tmp_path):
    if SYNAPSE is None:
        pytest.skip("synapse_homeserver is not on the path: make counterparts")
    port = free_port()
    config = tmp_path / "homeserver.yaml"
    command = [SYNAPSE, "--config-path", config, "--server-name", "localhost", "--report-stats=no"]
    made = await asyncio.create_subprocess_exec(*command, "--generate-config", cwd=tmp_path)
    assert await made.wait() == 0
    written = config.read_text().replace("port: 8008", f"port: {port}")
    config.write_text(written + OWN)
    base = f"http://127.0.0.1:{port}"
    async with (
        session() as http,
        running(http, f"{base}/health", SYNAPSE, "--config-path", config, cwd=tmp_path),
    ):
        yield Homeserver(http, base)


async def heard(matrix, position):
    async with asyncio.timeout(30), aclosing(matrix.inbound(position)) as inbound:
        return await anext(inbound)


async def test_a_real_homeserver(homeserver):
    ours, anna, ben = [await homeserver.register(name) for name in ("alertd", "anna", "ben")]
    base = homeserver.base.removesuffix("/_matrix/client/v3")
    settings = MatrixSettings.model_validate({"homeserver": base, "token": ours})
    matrix = Matrix(settings, homeserver.http, lambda: 2 * T0, poll_seconds=2)
    assert await matrix.check() == "@alertd:localhost"
    room = (await homeserver.call("POST", "createRoom", anna, invite=["@alertd:localhost"]))["room_id"]
    one = delivery("Fever – Berta\nA-217", channels=(Channel("matrix", room),), buttons=BUTTONS)

    first = await matrix.send(one)  # invited: it joins, and sends
    assert isinstance(first, Sent)
    assert await matrix.send(replace(one, attempt=2)) == first, "the same transaction is the same event"
    await matrix.send(replace(one, key="k2", reply_to=first.ref))
    assert isinstance(await matrix.show(one, b"\x89PNG\r\n\x1a\n", first.ref), Sent)
    assert isinstance(await matrix.locate(one, Place(53.2, 12.05, "Berta", "02:10"), first.ref), Sent)
    image, place = (await homeserver.contents(room, anna))[-2:]
    assert (image["msgtype"], place["geo_uri"]) == ("m.image", "geo:53.200000,12.050000")
    assert await homeserver.texts(room, anna) == ["Fever – Berta\nA-217"] * 2

    here = (await homeserver.call("GET", "sync", ours))["next_batch"]
    up = {"m.relates_to": {"rel_type": "m.annotation", "event_id": first.ref, "key": "\U0001f44d"}}
    await homeserver.call("PUT", f"rooms/{room}/send/m.reaction/t1", anna, **up)
    (thumb,) = await heard(matrix, here)
    assert (thumb.address, thumb.sender, thumb.name, thumb.data) == (room, room, "anna", "ack:m1")

    await homeserver.call("POST", f"rooms/{room}/invite", anna, user_id="@ben:localhost")
    await homeserver.call("POST", f"rooms/{room}/join", ben)
    await homeserver.call("PUT", f"rooms/{room}/send/m.room.message/t2", ben, msgtype="m.text", body="LIST")
    (said,) = await heard(matrix, thumb.position)
    assert (said.address, said.sender, said.text) == (room, "@ben:localhost", "LIST")

    busy = [await matrix.send(replace(one, key=f"b{number}")) for number in range(15)]
    assert isinstance(busy[-1], Retry)
    assert busy[-1].after is not None
    assert not busy[-1].whole_account
    nowhere = replace(one, channel=Channel("matrix", "!nowhere:localhost"), key="n")
    assert isinstance(await matrix.send(nowhere), Reject)
    wrong = Matrix(MatrixSettings.model_validate({"homeserver": base, "token": "x"}), homeserver.http, lambda: T0)
    assert (await wrong.send(one)).config


# --- Signal: signal-cli ---------------------------------------------------------------------------


async def test_a_real_signal_daemon(tmp_path):
    if SIGNAL is None:
        pytest.skip("signal-cli is not on the path: make counterparts")
    base = f"http://127.0.0.1:{free_port()}"
    command = [SIGNAL, "--config", tmp_path, "daemon", "--http", base.removeprefix("http://")]
    command += ["--receive-mode", "on-connection"]
    async with session() as http, running(http, f"{base}/api/v1/check", *command):
        settings = SignalSettings.model_validate({"api_base": base, "account": "+4915100000000"})
        signal = Signal(settings, http, lambda: T0)
        one = delivery(channels=(Channel("signal", "+4915112345678"),))
        outcome = await signal.send(one)
        assert outcome == Retry("signal-cli does not know the account", whole_account=True, config=True)
        with pytest.raises(ConnectionError, match="signal-cli does not know"):
            await signal.check()
        nonsense = await signal._call("nonsense", {}, "k1")
        assert nonsense.json["error"]["code"] == -32601
        assert nonsense.json["id"] == "k1"
