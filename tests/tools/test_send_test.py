"""`send-test` without a daemon: one message through store, consent and messenger; never without consent."""

from __future__ import annotations

import asyncio
import sys

import pytest
from fake_telegram import FakeTelegram

from alertd.model import SECOND
from alertd.store.sqlite import SqliteStore

CONFIG = """
farm: {{name: Hof, timezone: Europe/Berlin, language: en}}
mqtt: {{url: "mqtt://127.0.0.1:1"}}
store: {{path: {store}}}
sources: [{{preset: alertd}}]
messengers: {{telegram: {{token: "{token}", api_base: "{base}"}}}}
subscribers:
  - {{id: anna, name: Anna, channels: [{{telegram: "4711"}}], consent: 2026-11-01}}
  - {{id: bob, name: Bob, channels: [{{telegram: "4712"}}]}}
web: {{listen: "off"}}
"""


@pytest.fixture
async def api():
    async with FakeTelegram(chats=[4711, 4712]) as api:
        yield api


@pytest.fixture
def send(tmp_path, api):
    config = tmp_path / "alertd.yaml"
    config.write_text(CONFIG.format(store=tmp_path / "a.db", token=api.token, base=api.base))

    async def run(*options: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "alertd", "send-test", "-c", str(config), *options,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, said.decode()

    return run


async def test_one_message_goes_out_and_its_id_is_told(send, api, tmp_path):
    assert await send("--to", "anna") == (0, f"sent by telegram, id {api.sent[0].message_id}\n")
    assert len(api.sent) == 1
    store = SqliteStore(tmp_path / "a.db")
    await store.open()
    rows = await store.messages(10)
    assert [(row["kind"], row["state"]) for row in rows] == [("test", "sent")]
    await store.close()


async def test_without_consent_nothing_leaves(send, api):
    assert await send("--to", "bob") == (
        1,
        "alertd: refused: bob has no channel with consent (alertd people invite bob)\n",
    )
    assert not api.sent


async def test_a_refusal_is_told_and_nothing_stays_for_later(send, api, tmp_path):
    api.fail("403")
    code, said = await send("--to", "anna", "--channel", "telegram")
    assert code == 1
    assert said.startswith("reject by telegram")
    store = SqliteStore(tmp_path / "a.db")
    await store.open()
    assert await store.waiting(2**62 // SECOND * SECOND) == []
    await store.close()


async def test_a_name_that_is_not_there_is_a_usage_error(send, api):
    assert await send("--to", "nobody") == (2, "alertd: no subscriber is called 'nobody'\n")
    assert (await send("--to", "anna", "--channel", "whatsapp"))[0] == 2
    assert not api.sent
