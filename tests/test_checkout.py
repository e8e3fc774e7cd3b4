"""What a fresh checkout brings: plain files only. A link that points out of the tree is right on one machine and breaks the next."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

TREE = Path(__file__).parent.parent


def test_every_committed_file_is_a_plain_file() -> None:
    listed = subprocess.run(["git", "ls-files", "--stage"], cwd=TREE, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip(f"git lists nothing here: {listed.stderr.strip()}")
    modes = {path: head.split()[0] for head, path in (line.split("\t", 1) for line in listed.stdout.splitlines())}
    assert {path: mode for path, mode in modes.items() if mode not in {"100644", "100755"}} == {}
