"""The source against a real mosquitto: nothing lost, nothing twice, whatever is killed."""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
import sys
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from mosquitto import Mosquitto, need_mosquitto
from mqtt_reader import Reader, publish, reader, watch
from ports import free_port

from alertd.ingest.ledger import Ledger
from alertd.seams import Raw

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

pytestmark = need_mosquitto

PROTOCOLS = ["5", "3.1.1"]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as mosquitto:
        yield mosquitto


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@contextlib.asynccontextmanager
async def living(one: Reader) -> AsyncIterator[Reader]:
    try:
        yield one
    finally:
        await one.stop()


def numbers(first: int, last: int) -> list[str]:
    return [str(number) for number in range(first, last)]


# --- nothing lost, nothing twice --------------------------------------------------------------------


async def test_readings_arrive_in_order_each_with_a_time_of_its_own(broker: Mosquitto, protocol: str) -> None:
    async with living(reader(broker.url, protocol)) as daemon:
        await daemon.until_ready()
        await publish(broker.port, numbers(0, 200))
        await daemon.until_read(200)
        assert daemon.payloads == numbers(0, 200)
        times = [raw.received for raw in daemon.raws]
        assert all(before < after for before, after in pairwise(times))
        assert all(raw.packet and not raw.duplicate and not raw.backlog and not raw.retained for raw in daemon.raws)
        assert daemon.source.protocol == protocol


async def test_killed_between_commit_and_acknowledgement_nothing_is_lost_or_told_twice(
    broker: Mosquitto, protocol: str
) -> None:
    first = reader(broker.url, protocol, autocommit=False)
    await first.until_ready()
    await publish(broker.port, numbers(0, 15))
    await first.until_read(15)
    first.commit(acknowledge=False)
    await first.die()
    await publish(broker.port, numbers(15, 40))

    second = reader(broker.url, protocol, ledger=Ledger(first.committed, first.ledger.session))
    async with living(second) as daemon:
        await daemon.until_read(25)
        await publish(broker.port, ["last"])
        await daemon.until(lambda: "last" in daemon.payloads)
        assert daemon.payloads == [*numbers(15, 40), "last"]


async def test_killed_before_the_commit_everything_comes_again(broker: Mosquitto, protocol: str) -> None:
    first = reader(broker.url, protocol, autocommit=False)
    await first.until_ready()
    await publish(broker.port, numbers(0, 15))
    await first.until_read(15)
    await first.die()

    async with living(reader(broker.url, protocol, ledger=Ledger([], first.ledger.session))) as daemon:
        await daemon.until_read(15)
        assert daemon.payloads == numbers(0, 15)
        assert all(raw.duplicate and raw.backlog for raw in daemon.raws)


async def test_a_connection_lost_while_the_engine_holds_readings_repeats_none(broker: Mosquitto, protocol: str) -> None:
    async with living(reader(broker.url, protocol, autocommit=False)) as daemon:
        await daemon.until_ready()
        await publish(broker.port, numbers(0, 10))
        await daemon.until_read(10)
        daemon.source._line.abort()  # the network goes, the daemon stays
        if protocol == "3.1.1":
            daemon.source.lost("cut")  # paho tells of it only when it next looks at the socket
        await daemon.until(lambda: len(daemon.links) >= 3 and daemon.source.ready)
        await publish(broker.port, numbers(10, 12))
        await daemon.until_read(12)
        daemon.commit()
        await publish(broker.port, ["last"])
        await daemon.until_read(13)
        assert daemon.payloads == [*numbers(0, 12), "last"]
    async with living(reader(broker.url, protocol)) as daemon:
        await daemon.until_ready()
        await publish(broker.port, ["next"])
        await daemon.until(lambda: "next" in daemon.payloads)
        assert daemon.payloads == ["last", "next"], "what was committed and acknowledged did not come again"


async def test_a_broker_killed_and_started_again_goes_on_where_it_was(broker: Mosquitto, protocol: str) -> None:
    async with living(reader(broker.url, protocol, autocommit=False)) as daemon:
        await daemon.until_ready()
        await publish(broker.port, numbers(0, 10))
        await daemon.until_read(10)
        broker.save()
        broker.kill()
        await daemon.until(lambda: not daemon.links[-1].up)
        broker.start()
        await daemon.until_ready()
        daemon.commit()
        daemon.autocommit = True
        await publish(broker.port, numbers(10, 20))
        await daemon.until_read(20)
        assert daemon.payloads == numbers(0, 20)


async def test_a_burst_with_late_acknowledgement_overflows_nothing_on_mqtt_5(broker: Mosquitto) -> None:
    """With a window of 20 mosquitto's queue of 1000 would lose 480 of these (DESIGN.md section 4)."""
    async with living(reader(broker.url, autocommit=False)) as daemon:
        await daemon.until_ready()
        await publish(broker.port, numbers(0, 1500))
        await daemon.until_read(1000)
        assert daemon.source.pressing(len(daemon.raws))
        daemon.commit()
        daemon.autocommit = True
        await daemon.until_read(1500)
        assert daemon.payloads == numbers(0, 1500)


async def test_a_message_counts_once_however_many_subscriptions_it_matches(broker: Mosquitto, protocol: str) -> None:
    """mosquitto sends one copy for each subscription on MQTT 5."""
    filters = [("farm/+/t", 1), ("farm/cow/#", 1), ("farm/cow/+", 1), ("+/cow/t", 1)]
    async with living(reader(broker.url, protocol, filters=filters)) as daemon:
        await daemon.until_ready()
        assert set(daemon.source.granted) == {"farm/+/t", "farm/cow/#", "+/cow/t"}
        await publish(broker.port, ["1"] * 3 + numbers(2, 500))
        await daemon.until_read(501)
        assert daemon.payloads == ["1"] * 3 + numbers(2, 500)
        await daemon.until(lambda: daemon.source._in_flight == 0)
    async with living(reader(broker.url, protocol, filters=filters, ledger=daemon.ledger)) as daemon:
        await daemon.until_ready()
        await publish(broker.port, ["last"])
        await daemon.until_read(1)
        assert daemon.payloads == ["last"], "the copies were acknowledged with their messages"


async def test_a_message_at_qos_2_arrives_once_and_frees_its_place(broker: Mosquitto, protocol: str) -> None:
    async with living(reader(broker.url, protocol, filters=[("farm/#", 2)])) as daemon:
        await daemon.until_ready()
        await publish(broker.port, numbers(0, 60), qos=2)
        await daemon.until_read(60)
        assert daemon.payloads == numbers(0, 60)


async def test_a_qos_2_message_committed_and_not_answered_does_not_come_twice(broker: Mosquitto, protocol: str) -> None:
    first = reader(broker.url, protocol, autocommit=False, filters=[("farm/#", 2)])
    await first.until_ready()
    await publish(broker.port, numbers(0, 5), qos=2)
    await first.until_read(5)
    first.commit(acknowledge=False)
    await first.die()
    ledger = Ledger(first.committed, first.ledger.session)
    async with living(reader(broker.url, protocol, ledger=ledger, filters=[("farm/#", 2)])) as daemon:
        await daemon.until_ready()
        await publish(broker.port, ["last"], qos=2)
        await daemon.until(lambda: "last" in daemon.payloads)
        assert daemon.payloads == ["last"]


class Tap:
    """A line that only notes whether it is open."""

    def __init__(self) -> None:
        self.turned: list[str] = []

    copies = 0

    def pause(self) -> None:
        self.turned.append("pause")

    def resume(self) -> None:
        self.turned.append("resume")


async def test_a_flood_that_nobody_takes_waits_in_the_network() -> None:
    source = reader("mqtt://127.0.0.1:1").source
    tap = source._line = Tap()
    for _ in range(90):
        source.heard([Raw("farm/flood", b"1", 0) for _ in range(100)])
    assert tap.turned == ["pause"]
    taken = [source._next() for _ in range(70)]
    assert tap.turned == ["pause", "resume"]
    assert sum(len(batch.messages) for batch in taken) == 7000


async def test_a_flood_of_large_payloads_waits_too() -> None:
    source = reader("mqtt://127.0.0.1:1").source
    tap = source._line = Tap()
    for _ in range(20):
        source.heard([Raw("farm/camera", bytes(1_000_000), 0)])
    assert tap.turned == ["pause"]


# --- what the broker says of a message --------------------------------------------------------------


async def test_the_retained_copy_is_marked_and_a_live_one_is_not(broker: Mosquitto, protocol: str) -> None:
    await publish(broker.port, ["before"], retain=True)
    async with living(reader(broker.url, protocol)) as daemon:
        await daemon.until_read(1)
        await daemon.until_ready()
        await publish(broker.port, ["after"], retain=True)
        await daemon.until_read(2)
        assert [(raw.payload, raw.retained) for raw in daemon.raws] == [(b"before", True), (b"after", False)]


async def test_what_was_kept_during_an_outage_is_backlog_and_what_comes_later_is_not(
    broker: Mosquitto, protocol: str
) -> None:
    async with living(reader(broker.url, protocol)) as daemon:
        await daemon.until_ready()
    await publish(broker.port, numbers(0, 100))
    async with living(reader(broker.url, protocol)) as daemon:
        await daemon.until_read(100)
        assert all(raw.backlog for raw in daemon.raws)
        await daemon.until(lambda: not daemon.source._backlog)
        await publish(broker.port, ["live"])
        await daemon.until_read(101)
        assert not daemon.raws[-1].backlog


async def test_a_broker_that_waits_for_our_acknowledgement_has_not_sent_its_backlog_yet(broker: Mosquitto) -> None:
    async with living(reader(broker.url, "3.1.1")) as daemon:
        await daemon.until_ready()
    await publish(broker.port, numbers(0, 50))
    async with living(reader(broker.url, "3.1.1", autocommit=False)) as daemon:
        await daemon.until_read(20)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await daemon.until(lambda: not daemon.source._backlog)
        daemon.commit()
        daemon.autocommit = True
        await daemon.until_read(50)
        assert all(raw.backlog for raw in daemon.raws)


# --- the connection -----------------------------------------------------------------------------------


async def test_a_broker_that_is_not_there_yet_is_waited_for() -> None:
    async with living(reader(f"mqtt://127.0.0.1:{free_port()}")) as daemon:
        await daemon.until(lambda: bool(daemon.links))
        assert not daemon.links[0].up
        assert re.fullmatch(r"127\.0\.0\.1:\d+ refused the connection: is the broker running.*", daemon.links[0].why)


async def test_the_first_connection_comes_when_the_broker_does(tmp_path: Path, protocol: str) -> None:
    broker = Mosquitto(tmp_path)
    async with living(reader(broker.url, protocol)) as daemon:
        await daemon.until(lambda: bool(daemon.links))
        broker.start()
        try:
            await daemon.until_ready()
            assert [link.up for link in daemon.links] == [False, True], "an absence is told once"
        finally:
            broker.stop()


async def test_a_name_that_does_not_exist_is_said_to_be_so() -> None:
    async with living(reader("mqtt://no-such-broker.invalid:1883")) as daemon:
        await daemon.until(lambda: bool(daemon.links))
        assert daemon.whys == ["the name no-such-broker.invalid cannot be resolved: check mqtt.url and DNS"]


async def test_wrong_and_right_password(tmp_path: Path, protocol: str) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text("")
    hashing = await asyncio.create_subprocess_exec("mosquitto_passwd", "-b", str(passwords), "alertd", "right")
    assert await hashing.wait() == 0
    with Mosquitto(tmp_path / "broker", ["allow_anonymous false", f"password_file {passwords}"]) as broker:
        async with living(reader(broker.url, protocol, username="alertd", password="wrong")) as daemon:
            await daemon.until(lambda: bool(daemon.links))
            assert "mqtt.username" in daemon.whys[0]
        async with living(reader(broker.url, protocol, username="alertd", password="right")) as daemon:
            await daemon.until_ready()


async def test_a_second_alertd_with_our_client_id_is_named_as_the_cause(broker: Mosquitto) -> None:
    async with living(reader(broker.url)) as first:
        await first.until_ready()
        second = reader(broker.url)
        await first.until(lambda: bool(first.whys))
        assert "another client uses our client id alertd-test" in first.whys[0]
        await second.die()


async def test_an_old_broker_is_spoken_to_in_3_1_1() -> None:
    """A broker of 3.1.1 answers our CONNECT with return code 1 (MQTT 3.1.1, 3.2.2.3)."""
    levels: list[int] = []

    async def old_broker(incoming: asyncio.StreamReader, outgoing: asyncio.StreamWriter) -> None:
        connect = await incoming.read(1000)
        level = connect[connect.index(b"MQTT") + 4]
        levels.append(level)
        outgoing.write(b"\x20\x02\x00\x00" if level == 4 else b"\x20\x02\x00\x01")
        await outgoing.drain()
        if level == 4:
            subscribe = await incoming.read(1000)
            outgoing.write(b"\x90\x03" + subscribe[2:4] + b"\x01")
            await incoming.read(1000)
        outgoing.close()

    server = await asyncio.start_server(old_broker, "127.0.0.1", 0)
    async with server, living(reader(f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}")) as daemon:
        await daemon.until_ready()
        assert daemon.source.protocol == "3.1.1"
        assert levels == [5, 4]


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff\xff\xff\xff\xff\xff", b""])
async def test_a_server_that_does_not_speak_mqtt_ends_in_a_sentence(answer: bytes, protocol: str) -> None:
    async def other_server(incoming: asyncio.StreamReader, outgoing: asyncio.StreamWriter) -> None:
        await incoming.read(1000)
        outgoing.write(answer)
        outgoing.close()

    server = await asyncio.start_server(other_server, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with living(reader(f"mqtt://127.0.0.1:{port}", protocol)) as daemon:
            await daemon.until(lambda: bool(daemon.whys))
            assert daemon.whys[0].startswith(f"127.0.0.1:{port} ")


@pytest.mark.parametrize("version", [*PROTOCOLS, "auto"])
async def test_websockets(tmp_path: Path, version: str) -> None:
    port = free_port()
    with Mosquitto(tmp_path, [f"listener {port} 127.0.0.1", "protocol websockets"]) as broker:
        async with living(reader(f"ws://127.0.0.1:{port}", version)) as daemon:
            await daemon.until_ready()
            await publish(broker.port, numbers(0, 100))
            await daemon.until_read(100)
            assert daemon.payloads == numbers(0, 100)
            assert daemon.source.protocol == ("3.1.1" if version == "3.1.1" else "5")


# --- TLS ------------------------------------------------------------------------------------------------


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    for name in ("ca", "stranger"):
        openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem",
        )  # fmt: skip
    openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", *names,
        "-CA", f"{folder}/ca.pem", "-CAkey", f"{folder}/ca.key",
        "-keyout", f"{folder}/broker.key", "-out", f"{folder}/broker.pem",
    )  # fmt: skip
    return folder


@pytest.fixture
def tls_broker(tmp_path: Path, certificates: Path) -> Iterator[tuple[Mosquitto, int]]:
    port = free_port()
    lines = [
        f"listener {port} 127.0.0.1",
        f"certfile {certificates}/broker.pem",
        f"keyfile {certificates}/broker.key",
    ]
    with Mosquitto(tmp_path / "broker", lines) as mosquitto:
        yield mosquitto, port


async def test_tls_with_the_farms_own_authority(
    tls_broker: tuple[Mosquitto, int], certificates: Path, protocol: str
) -> None:
    broker, port = tls_broker
    tls = {"ca": str(certificates / "ca.pem")}
    async with living(reader(f"mqtts://127.0.0.1:{port}", protocol, tls=tls)) as daemon:
        await daemon.until_ready()
        await publish(broker.port, numbers(0, 500))
        await daemon.until_read(500)
        assert daemon.payloads == numbers(0, 500)


async def test_a_certificate_nobody_vouches_for_is_not_trusted(
    tls_broker: tuple[Mosquitto, int], certificates: Path, protocol: str
) -> None:
    tls = {"ca": str(certificates / "stranger.pem")}
    async with living(reader(f"mqtts://127.0.0.1:{tls_broker[1]}", protocol, tls=tls)) as daemon:
        await daemon.until(lambda: bool(daemon.whys))
        assert "is not trusted" in daemon.whys[0]
        assert "mqtt.tls.ca" in daemon.whys[0]


async def test_tls_to_a_plain_port_says_so(broker: Mosquitto, certificates: Path, protocol: str) -> None:
    tls = {"ca": str(certificates / "ca.pem")}
    async with living(reader(f"mqtts://127.0.0.1:{broker.port}", protocol, tls=tls)) as daemon:
        await daemon.until(lambda: bool(daemon.whys))
        assert daemon.whys[0].startswith(f"TLS with 127.0.0.1:{broker.port} failed")


async def test_a_missing_certificate_file_is_named(protocol: str) -> None:
    async with living(reader("mqtts://127.0.0.1:1", protocol, tls={"ca": "no/such/ca.pem"})) as daemon:
        await daemon.until(lambda: bool(daemon.whys))
        assert daemon.whys[0].startswith("no/such/ca.pem: ")


# --- status and publishing ------------------------------------------------------------------------------


async def test_the_status_topic_says_online_then_offline(broker: Mosquitto, protocol: str) -> None:
    one = reader(broker.url, protocol, status_topic="alertd/farm/status")
    await one.until_ready()
    status = watch(broker.port, "alertd/farm/status")
    assert await anext(status) == "online"
    await one.stop()
    assert await anext(status) == "offline"
    await status.aclose()


LIFE = """
import asyncio, sys
from mqtt_reader import reader
async def life():
    one = reader(sys.argv[1], sys.argv[2], status_topic="alertd/farm/status")
    await one.until_ready()
    await asyncio.Event().wait()
asyncio.run(life())
"""


async def test_a_daemon_killed_with_kill_9_is_offline(broker: Mosquitto, protocol: str) -> None:
    status = watch(broker.port, "alertd/farm/status")
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LIFE, broker.url, protocol, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert await anext(status) == "online"
    child.kill()
    assert await anext(status) == "offline"
    await child.wait()
    await status.aclose()


@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_what_the_source_publishes_arrives(broker: Mosquitto, protocol: str, qos: int) -> None:
    async with living(reader(broker.url, protocol)) as daemon:
        await daemon.until_ready()
        for number in range(30):
            await daemon.source.publish("farm/fan/set", str(number).encode(), qos=qos, retain=False)
        await daemon.until_read(30)
        assert daemon.payloads == numbers(0, 30)


async def test_many_publishes_at_once_stay_below_the_brokers_receive_maximum(broker: Mosquitto, protocol: str) -> None:
    async with living(reader(broker.url, protocol)) as daemon:
        await daemon.until_ready()
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            for number in range(200):
                group.create_task(daemon.source.publish("farm/a", str(number).encode(), qos=1, retain=False))
        await daemon.until_read(200)
        assert sorted(daemon.payloads) == sorted(numbers(0, 200))
        assert len(daemon.links) == 1


async def test_publishing_without_a_connection_fails_at_once() -> None:
    async with living(reader(f"mqtt://127.0.0.1:{free_port()}")) as daemon:
        with pytest.raises(ConnectionError, match="not connected to 127"):
            await daemon.source.publish("farm/fan/set", b"ON", qos=1, retain=False)


async def test_closing_keeps_the_session(broker: Mosquitto, protocol: str) -> None:
    async with living(reader(broker.url, protocol)) as daemon:
        await daemon.until_ready()
        session = daemon.ledger.session
    await publish(broker.port, ["while away"])
    async with living(reader(broker.url, protocol, ledger=Ledger([], session))) as daemon:
        await daemon.until_read(1)
        assert daemon.payloads == ["while away"]
        assert daemon.ledger.session == session
