"""What systemd hears from us, and what it thinks of our unit."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from alertd.systemd import Systemd

UNIT = Path(__file__).parents[1] / "systemd" / "alertd.service"


@pytest.fixture(params=["path", "abstract"])
def systemd(request, tmp_path):
    """Return our line to a stand-in for systemd's socket, and a function that reads the next datagram."""
    address = str(tmp_path / "notify") if request.param == "path" else f"@alertd-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind("\0" + address[1:] if address.startswith("@") else address)
        ear.settimeout(5)
        yield Systemd({"NOTIFY_SOCKET": address}), lambda: ear.recv(4096).decode()


SAID = {
    "ready": (lambda line: line.ready(), "READY=1"),
    "ready with a status": (lambda line: line.ready("214 devices"), "READY=1\nSTATUS=214 devices"),
    "status": (lambda line: line.status("3 open, outbox 0"), "STATUS=3 open, outbox 0"),
    "alive": (lambda line: line.alive(), "WATCHDOG=1"),
    "reloading": (lambda line: line.reloading(123456), "RELOADING=1\nMONOTONIC_USEC=123456"),
    "stopping": (lambda line: line.stopping("draining"), "STOPPING=1\nSTATUS=draining"),
    "more time": (lambda line: line.extend_timeout(30_000_000), "EXTEND_TIMEOUT_USEC=30000000"),
    "a name with a line break": (lambda line: line.status("cow\nREADY=1"), "STATUS=cow READY=1"),
    "umlauts": (lambda line: line.status("Kühe"), "STATUS=Kühe"),
}


@pytest.mark.parametrize(("say", "heard"), SAID.values(), ids=SAID)
def test_systemd_hears(systemd, say, heard):
    line, hear = systemd
    assert say(line) is True
    assert hear() == heard


@pytest.mark.parametrize("address", ["", "relative", "/nowhere/at/all", "@nobody-listens-here"])
def test_without_systemd_nothing_fails(address):
    line = Systemd({"NOTIFY_SOCKET": address} if address else {})
    assert line.ready() is False
    assert line.alive() is False


def test_a_systemd_that_is_busy_does_not_hold_the_engine_up(tmp_path):
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(address)
        line = Systemd({"NOTIFY_SOCKET": address})
        taken = [line.alive() for _ in range(10_000)]
    assert taken[0] is True
    assert taken[-1] is False


@pytest.mark.parametrize(
    ("environ", "interval"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 60_000_000),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 60_000_000),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_fed_only_when_systemd_asked_us(environ, interval):
    assert Systemd(environ).watchdog_interval == interval


def test_the_unit_says_what_the_daemon_relies_on():
    unit = UNIT.read_text()
    for line in (
        "Type=notify",
        "Restart=always",
        "RestartPreventExitStatus=2",
        "StartLimitIntervalSec=0",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "StateDirectory=alertd",
        "RuntimeDirectory=alertd",
        "OOMPolicy=continue",
    ):
        assert line in unit.splitlines()
    assert int(re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)[0]) > 10
    assert not re.search(r"^LoadCredential", unit, re.MULTILINE)  # a missing file would keep it from starting


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_the_unit_is_exposed_to_1_2_or_less():
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found = re.search(r"exposure level for alertd\.service: ([\d.]+)", said.stdout)
    assert found
    assert float(found[1]) <= 1.2


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_understands_every_line_of_unit_and_drop_in(tmp_path):
    shutil.copytree(UNIT.parent, tmp_path / "units")
    unit = tmp_path / "units" / "alertd.service"
    unit.write_text(unit.read_text().replace("/usr/bin/alertd", "/bin/true"))
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False, timeout=60
    )
    ours = [line for line in said.stderr.splitlines() if "alertd" in line]
    assert ours == []
