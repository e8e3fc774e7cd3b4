"""What a fresh checkout brings: plain files only. A link that points out of the tree is right on one machine and breaks the next."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

TREE = Path(__file__).parent.parent


def test_every_committed_file_is_a_plain_file() -> None:
    if not (TREE / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files", "--stage"], cwd=TREE, capture_output=True, text=True, check=True)
    modes = {path: head.split()[0] for head, path in (line.split("\t", 1) for line in listed.stdout.splitlines())}
    assert {path: mode for path, mode in modes.items() if mode not in {"100644", "100755"}} == {}
