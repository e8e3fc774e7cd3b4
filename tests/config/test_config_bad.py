"""Each file in `bad/` has one mistake; its first line is the error that names it.

`*` in that line stands for any text, THIS_FILE for the file's own path.
"""

import fnmatch
from pathlib import Path

import pytest

from alertd.config.load import load

BAD = sorted((Path(__file__).parent / "bad").glob("*.yaml"))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_mistake_is_named_in_one_line_with_its_place(path: Path) -> None:
    expected = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ").replace("THIS_FILE", str(path))

    loaded = load(path)

    assert loaded.config is None
    assert len(loaded.errors) == 1, [str(error) for error in loaded.errors]
    literal = f"{path}:{expected}".replace("[", "[[]")
    assert fnmatch.fnmatchcase(str(loaded.errors[0]), literal), str(loaded.errors[0])


def test_there_are_cases() -> None:
    assert len(BAD) > 50
