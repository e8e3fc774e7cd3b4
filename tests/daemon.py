"""`alertd run` as a process of its own, for the acceptance tests."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Self

import aiohttp

CONFIG = """
farm: {{name: Hof, timezone: Europe/Berlin, language: en}}
mqtt: {{url: "mqtt://127.0.0.1:{mqtt}", client_id: alertd-test}}
store: {{path: {store}}}
sources:
  - {{topic: "farm/{{device}}/{{metric}}", format: number}}
devices:
  - {{id: barn-3, name: Barn 3}}
rules:
  - name: barn-hot
    match: {{metric: temperature}}
    detect: {{kind: threshold, above: 30, clear: 28}}
    severity: critical
    group_by: [device]
    repeat: 1h
messengers:
  telegram: {{token: "{token}", api_base: "{api}"}}
subscribers:
  - {{id: anna, name: Anna, channels: [{{telegram: "4711"}}], consent: 2026-11-01}}
web: {{listen: "127.0.0.1:{web}"}}
"""


class Daemon:
    """`alertd run` as a process of its own."""

    def __init__(self, folder: Path, config: str, web: int) -> None:
        self.path = folder / "alertd.yaml"
        self.path.write_text(config, encoding="utf-8")
        self.web = web
        self.log = folder / "log"
        self.process: asyncio.subprocess.Process | None = None

    async def launch(self) -> None:
        """Start the process, without waiting for anything."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "alertd", "run", "-c", str(self.path), stdout=log, stderr=log
            )

    async def start(self) -> None:
        """Start the process and wait until it is healthy."""
        await self.launch()
        assert self.process is not None
        async with asyncio.timeout(90), aiohttp.ClientSession() as http:
            while True:
                try:
                    async with http.get(f"http://127.0.0.1:{self.web}/healthz") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                assert self.process.returncode is None, self.log.read_text()
                await asyncio.sleep(0.05)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def stop(self, number: int) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        async with asyncio.timeout(30):
            return await self.process.wait()
