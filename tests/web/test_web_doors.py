"""The two doors, TCP and the UNIX socket, and who holds them open."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
import sys
from pathlib import Path

import aiohttp
import pytest
from fake_desk import FARM, NOW, FakeDesk, alert

from alertd.web.listen import listen
from alertd.web.server import build
from alertd.web.unix import bind, may_enter, short, socket_path


def app():
    return build(FakeDesk(alert(7)), FARM, now=lambda: NOW, token="secret")


async def over(path: Path, method: str, url: str) -> tuple[int, dict]:
    with short(path) as name:
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(name)) as http,
            http.request(method, f"http://localhost{url}") as answer,
        ):
            return answer.status, await answer.json()


async def test_on_the_socket_no_token_is_needed_and_commands_say_where_they_came_from(site):
    async with site(FakeDesk(alert(7)), token="secret") as farm:
        by_tcp, _ = await farm.ask("POST", "/api/v1/alerts/A-7/ack")
        by_socket, _ = await over(farm.unix, "POST", "/api/v1/alerts/A-7/ack")
        mode = stat.S_IMODE(farm.unix.stat().st_mode)
    assert (by_tcp, by_socket, mode) == (401, 200, 0o660)
    assert [command[5] for command in farm.desk.commands] == ["shell"]
    assert not farm.unix.exists()


@pytest.mark.parametrize(
    ("uid", "groups", "allowed"),
    [
        (0, {0}, True),
        (990, {990}, True),
        (1000, {1000, 990}, True),
        (1000, {1000}, False),
        (65534, {65534}, False),
    ],
)
def test_root_the_daemon_itself_and_its_group_may_enter(uid, groups, allowed):
    assert may_enter(uid, groups, own_uid=990, own_gid=990) is allowed


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
async def test_somebody_else_is_refused_even_if_the_folder_let_them_in(tmp_path):
    tmp_path.chmod(0o711)
    listening = await listen(app(), "off", tmp_path / "alertd.sock")
    (tmp_path / "alertd.sock").chmod(0o666)
    script = (
        "import os, socket\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "s = socket.socket(socket.AF_UNIX); s.connect('alertd.sock')\n"
        "s.sendall(b'GET /api/v1/alerts HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n')\n"
        "print(s.makefile('rb').read().decode())\n"
    )
    # in the folder already when it becomes somebody else: the folders above stay closed to it
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, cwd=tmp_path, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await child.communicate()
    await listening.close()
    assert said.startswith(b"HTTP/1.1 403")
    assert b"wrong_peer" in said
    assert b"cow-0421" not in said


async def test_a_socket_left_by_a_killed_daemon_is_replaced(tmp_path):
    path = tmp_path / "alertd.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    listening = await listen(app(), "off", path)
    status, _ = await over(path, "GET", "/healthz")
    await listening.close()
    assert status == 200


async def test_a_socket_in_use_is_left_alone(tmp_path):
    path = tmp_path / "alertd.sock"
    first = await listen(app(), "off", path)
    with pytest.raises(OSError, match="another program listens"):
        await listen(app(), "127.0.0.1:0", path)
    status, _ = await over(path, "GET", "/healthz")
    await first.close()
    assert status == 200


@pytest.mark.parametrize("turns", range(5))
async def test_nobody_who_came_the_moment_before_closing_is_left_hanging(turns):
    listening = await listen(app(), "127.0.0.1:0", None)
    with socket.create_connection(("127.0.0.1", listening.port)) as visitor:
        visitor.setblocking(False)
        for _ in range(turns):  # not yet accepted, accepted, known to the application
            await asyncio.sleep(0)
        await listening.close()
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(visitor, 1), 20) == b""


async def test_a_taken_port_is_an_error_that_leaves_nothing_open(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(OSError, match="address already in use"):
            await listen(app(), f"127.0.0.1:{other.getsockname()[1]}", tmp_path / "alertd.sock")
    assert not (tmp_path / "alertd.sock").exists()


async def test_a_successor_that_already_listens_keeps_its_socket(tmp_path):
    path = tmp_path / "alertd.sock"
    first = await listen(app(), "off", path)
    path.unlink()
    second = await listen(app(), "off", path)
    await first.close()
    status, _ = await over(path, "GET", "/healthz")
    await second.close()
    assert status == 200


async def test_a_path_longer_than_a_socket_address_works(tmp_path):
    folder = tmp_path / ("barn-" * 20) / ("north-" * 10)
    folder.mkdir(parents=True)
    path = folder / "alertd.sock"
    listening = await listen(app(), "off", path)
    status, _ = await over(path, "GET", "/healthz")
    await listening.close()
    assert status == 200
    assert not path.exists()


def test_a_file_that_is_no_socket_is_never_removed(tmp_path):
    path = tmp_path / "alertd.sock"
    path.write_text("notes")
    with pytest.raises(OSError, match="in use"):
        bind(path)
    assert path.read_text() == "notes"


def test_the_socket_is_in_the_runtime_directory_or_beside_the_store(tmp_path):
    store = tmp_path / "alertd.db"
    assert socket_path(store, {"RUNTIME_DIRECTORY": "/run/alertd"}) == Path("/run/alertd/alertd.sock")
    assert socket_path(store, {"RUNTIME_DIRECTORY": "/run/alertd:/run/more"}) == Path("/run/alertd/alertd.sock")
    assert socket_path(store, {}) == tmp_path / "alertd.sock"


async def test_connections_beyond_the_limit_are_closed_and_the_shell_still_gets_in(site):
    async with site(FakeDesk(alert(7)), most=2) as farm:
        idle = [await asyncio.open_connection("127.0.0.1", farm.port) for _ in range(3)]
        assert await idle[2][0].read() == b""
        status, _ = await over(farm.unix, "GET", "/api/v1/alerts")
        assert status == 200
        for _, writer in idle:
            writer.close()
            await writer.wait_closed()


async def test_a_caller_that_never_says_what_it_wants_is_hung_up_on(site):
    async with site(FakeDesk(), first_word=0.01) as farm:
        reader, writer = await asyncio.open_connection("127.0.0.1", farm.port)
        writer.write(b"GET / HT")
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_a_caller_that_asked_in_time_is_not_hung_up_on(site):
    desk = FakeDesk(alert(7))
    desk.never = asyncio.Event()
    async with site(desk, first_word=1) as farm:  # a busy machine needs some of it to send the request
        asking = asyncio.create_task(farm.ask("POST", "/api/v1/alerts/A-7/ack"))
        asyncio.get_running_loop().call_later(1.2, desk.never.set)
        status, _ = await asking
    assert status == 200


async def test_switched_off_only_the_socket_listens(tmp_path):
    listening = await listen(app(), "off", tmp_path / "alertd.sock")
    assert listening.port == 0
    await listening.close()
