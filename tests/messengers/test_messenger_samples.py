"""What docs/messengers.md tells an operator to write is what alertd accepts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from alertd.config.load import load

ROOT = Path(__file__).parents[2]
SAMPLES = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "messengers.md").read_text(encoding="utf-8"), re.DOTALL)
FARM = """
mqtt: {url: mqtt://127.0.0.1}
sources: [{topic: "barn/{device}/{metric}", format: number}]
"""


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_sample_of_the_manual_passes_the_check(tmp_path, sample):
    path = tmp_path / "alertd.yaml"
    path.write_text(FARM + sample, encoding="utf-8")
    loaded = load(path)
    assert loaded.config is not None, loaded.errors


@pytest.mark.parametrize(
    "room", ["!room:matrix.example", "#room:matrix.example", "!6Tg246tikbrA9pQMp3d0ceHQjAhrfqGTciMHh4HUOXE"]
)
def test_a_matrix_room_may_be_named_with_its_server_or_as_newer_rooms_are(tmp_path, room):
    path = tmp_path / "alertd.yaml"
    path.write_text(
        f"{FARM}messengers: {{matrix: {{homeserver: 'https://matrix.example', token: x}}}}\n"
        f"subscribers: [{{id: anna, channels: [{{matrix: '{room}'}}], consent: 2026-11-01}}]\n",
        encoding="utf-8",
    )
    assert load(path).config is not None
