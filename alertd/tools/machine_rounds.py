"""The doctor's rounds over the machine: clock, disk, memory."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from alertd.clock import BUILT, SYNCHRONIZED
from alertd.tools.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alertd.config.config import Config

MEMINFO: Final = Path("/proc/meminfo")
CGROUP: Final = Path("/sys/fs/cgroup")
LOW: Final = 500_000_000
NONE: Final = 64_000_000
"""Bytes free on the disk; the ballast alone is 16 MB."""
IDLE: Final = 130_000_000
"""Resident bytes of the daemon without series (DESIGN.md section 5, the floor)."""
WITH_WINDOW: Final = 10_000
WITHOUT: Final = 1_500
"""Bytes of one series whose rules look back, and of one whose rules do not."""


def examine_clock(synchronized: Path = SYNCHRONIZED) -> Finding:
    """Say whether somebody sets this machine's clock."""
    if time.time_ns() // 1000 < BUILT:
        return Finding("fail", "clock", f"shows {time.strftime('%Y-%m-%d %H:%M')}", "set it; then enable NTP")
    if synchronized.exists() or _timedatectl():
        return Finding("ok", "clock", "set by the network")
    remedy = "timedatectl set-ntp true (containers use their host's)"
    return Finding("note", "clock", "nobody is seen to set it: is NTP on?", remedy)


def _timedatectl() -> bool:
    """Return what systemd says: chrony and ntpd count too."""
    program = shutil.which("timedatectl")
    if program is None:
        return False
    try:
        words = [program, "show", "-p", "NTPSynchronized", "--value"]
        answer = subprocess.run(words, capture_output=True, text=True, timeout=5, check=False)  # noqa: S603 (fixed words)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.stdout.strip() == "yes"


def examine_disk(store: Path) -> Iterator[Finding]:
    """Say whether the store's disk has room and may be written."""
    folder = store.absolute().parent
    if not folder.is_dir():
        yield Finding("fail", "disk", f"{folder} does not exist", f"mkdir -p {folder}, or mend store.path")
        return
    mine = store if store.exists() else folder
    if not os.access(mine, os.W_OK):
        remedy = "run as alertd's own user, or mend its rights"
        yield Finding("fail", "disk", f"{mine} cannot be written by this user", remedy)
    free = shutil.disk_usage(folder).free
    text = f"{free / 1e9:.1f} GB free for {store.name}"
    if free < NONE:
        yield Finding("fail", "disk", text, "free some: readings are not acknowledged on a full disk")
    elif free < LOW:
        yield Finding("warn", "disk", text, "free some, or shorten store.keep_readings")
    else:
        yield Finding("ok", "disk", text)


def examine_memory(config: Config, meminfo: Path = MEMINFO, cgroup: Path = CGROUP) -> Finding:
    """Hold `limits.series` against the memory there is: a flood of made-up devices must not end the daemon."""
    looks_back = any(rule.detect.span or rule.detect.samples for rule in config.rules if rule.enabled)
    each = WITH_WINDOW if looks_back else WITHOUT
    worst = IDLE + config.limits.series * each
    room = _room(meminfo, cgroup)
    text = f"limits.series {config.limits.series} may take {worst / 1e6:.0f} MB"
    if room is None:
        return Finding("note", "memory", f"{text}; how much there is cannot be seen")
    text += f" of {room / 1e6:.0f} MB"
    if worst > room:
        fits = max(100, (room - IDLE) // each // 100 * 100)
        return Finding("warn", "memory", text, f"limits: {{series: {fits}}}")
    return Finding("ok", "memory", text)


def _room(meminfo: Path, cgroup: Path) -> int | None:
    """Return bytes available: the machine's, or what the cgroup allows if that is less."""
    rooms = []
    try:
        fields = dict(line.split(":", 1) for line in meminfo.read_text(encoding="ascii").splitlines() if ":" in line)
        rooms.append(int(fields["MemAvailable"].split()[0]) * 1024)
    except (OSError, KeyError, ValueError, IndexError):
        pass  # not Linux, or hidden: the cgroup may still tell
    try:
        limit = (cgroup / "memory.max").read_text(encoding="ascii").strip()
        if limit.isdigit():
            rooms.append(int(limit))
    except OSError:
        pass  # no limit of our own
    return min(rooms, default=None)
