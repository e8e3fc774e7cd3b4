"""The doctor tries the doors of the farm: our own public address, and the webhooks of subscribers."""

from __future__ import annotations

import contextlib
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web
from ports import free_port
from serving import serving

sys.path.insert(0, str(Path(__file__).parents[1] / "web"))

from fake_desk import FakeDesk

from alertd.config.load import load
from alertd.tools.finding import Finding
from alertd.tools.people_rounds import examine_doors
from alertd.web import server
from alertd.web.page import Farm

NOW = 1_795_000_000_000_000
TOKEN = "abcdefghijklmnopqrstuvwxyz0123456789"

CONFIG = """
mqtt: {{url: "mqtt://127.0.0.1:1883"}}
sources: [{{preset: alertd}}]
messengers: {{webhook: {{secret: abcdefghijklmnopqrstuvwxyz}}}}
subscribers:
  - {{id: anna, channels: [{{webhook: "{hook}"}}], consent: 2026-11-01}}
web: {{listen: "127.0.0.1:8080", public_url: "{public}", token: abcdefghijklmnopqrstuvwxyz0123456789}}
"""


@contextlib.asynccontextmanager
async def served(app: web.Application, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    async with serving(app, tls=tls) as port:
        yield f"{'https' if tls else 'http'}://localhost:{port}"


async def doors(folder: Path, public: str, hook: str) -> list[Finding]:
    path = folder / "alertd.yaml"
    path.write_text(CONFIG.format(public=public, hook=hook), encoding="utf-8")
    loaded = load(path)
    assert loaded.errors == []
    assert loaded.config is not None
    return await examine_doors(loaded.config)


def answering(status: int, text: str) -> web.Application:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, text=text)

    app = web.Application()
    app.router.add_post("/hooks/doctor", answer)
    return app


def ours(public: str) -> web.Application:
    """The daemon's own HTTP, as the proxy hands calls to it."""
    farm = Farm("Hof", "en", ZoneInfo("Europe/Berlin"))
    return server.build(FakeDesk(), farm, now=lambda: NOW, token=TOKEN, public_url=public, hooks={})


def certified(folder: Path) -> ssl.SSLContext:
    """A certificate that nobody vouches for, as it stands before Let's Encrypt was asked."""
    key, paper = folder / "key.pem", folder / "paper.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    words += ["-keyout", str(key), "-out", str(paper), "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run(words, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(paper, key)
    return context


async def test_a_public_address_that_leads_to_alertd_is_well(tmp_path: Path):
    async with served(ours("https://alerts.hof.example")) as public:
        found = await doors(tmp_path, public, f"http://127.0.0.1:{public.rsplit(':', 1)[1]}/x")
    assert [(one.level, one.part) for one in found] == [("ok", "subscriber anna"), ("ok", "webhooks")]
    assert f"{public}/hooks/ reaches alertd" in str(found[1])


@pytest.mark.parametrize(
    ("status", "text"), [(200, "<h1>It works!</h1>"), (404, "404"), (502, '{"error":{"code"'), (301, "")]
)
async def test_a_public_address_that_leads_elsewhere_is_named_with_the_remedy(tmp_path: Path, status: int, text: str):
    async with served(answering(status, text)) as public:
        found = await doors(tmp_path, public, f"http://127.0.0.1:{free_port()}/x")
    assert [one.level for one in found] == ["fail", "warn"]
    assert "refused" in str(found[0])
    assert f"answers {status}, and not by alertd" in str(found[1])
    assert "web.listen" in str(found[1])


async def test_a_certificate_that_nobody_vouches_for_is_said(tmp_path: Path):
    async with served(ours("https://alerts.hof.example"), certified(tmp_path)) as public:
        found = await doors(tmp_path, public, "https://localhost:1/x")
    assert found[1].level == "warn"
    assert "certificate" in str(found[1]).lower()


async def test_a_public_address_where_nobody_listens_is_said(tmp_path: Path):
    found = await doors(tmp_path, f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}/x")
    assert "cannot be reached from here" in str(found[1])
