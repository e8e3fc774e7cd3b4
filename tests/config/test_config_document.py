from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd.config.document import parse, read, scalar


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("0421", "0421"),
        ("012", "012"),
        ("-07", "-07"),
        ("21:30", "21:30"),
        ("2026-11-01", "2026-11-01"),
        ("yes", "yes"),
        ("on", "on"),
        ("No", "No"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("true", True),
        ("false", False),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-7", -7),
        ("+49", 49),
        ("0x1F", 31),
        ("0o17", 15),
        ("39.5", 39.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        (".inf", float("inf")),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_a_collar_0421_is_text_and_a_limit_39_5_is_a_number(written: str, meant: object) -> None:
    found = scalar(written)

    assert (found, type(found)) == (meant, type(meant))


def test_quoted_scalars_are_text() -> None:
    tree, faults = parse("{a: '421', b: \"true\", c: !!str 5, d: !!int '7'}", "f")

    assert tree is not None
    assert not faults
    assert tree.plain() == {"a": "421", "b": "true", "c": "5", "d": 7}


def test_json_is_yaml() -> None:
    tree, faults = parse('{"a":[1,2.5,null,true],"b":{"c":"\\u00e4 \\ud83d\\udc04 \\/"}}', "f")

    assert tree is not None
    assert not faults
    assert tree.plain() == {"a": [1, 2.5, None, True], "b": {"c": "ä 🐄 /"}}


def test_every_value_knows_its_line_and_column() -> None:
    tree, _ = parse("rules:\n  - name: fever\n    above: 39.5\n", "farm.yaml")

    assert tree is not None
    rule = tree.get("rules").items()[0]  # type: ignore[union-attr]
    assert rule.get("above").place == ("farm.yaml", 3, 12)  # type: ignore[union-attr]
    assert rule.keys is not None
    assert rule.keys["above"] == ("farm.yaml", 3, 5)


def test_aliases_repeat_a_value_and_cannot_unfold_without_end() -> None:
    tree, _ = parse("a: &x {b: 1}\nc: *x\n", "f")
    assert tree is not None
    assert tree.plain() == {"a": {"b": 1}, "c": {"b": 1}}

    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    tree, faults = parse("\n".join(lines), "f")
    assert tree is None
    assert "aliases unfold to more than" in str(faults[0])


def test_nesting_has_an_end() -> None:
    tree, faults = parse("a: " + "[" * 60 + "]" * 60, "f")

    assert tree is None
    assert "nested deeper" in str(faults[0])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a: \xff", "f.yaml:1:4: is not UTF-8"),
        ("a: 1\nb: ü\n".encode("latin-1"), "f.yaml:2:4: is not UTF-8"),
        ("a: 1".encode("utf-16"), "is not UTF-8"),
        (b"", "f.yaml:1:1: is empty"),
        (b"# only a comment\n", "is empty"),
        (b"a: \x07", "f.yaml:1:4: a control character"),
        (b"a: [1,\n", "f.yaml:2:1: is not YAML"),
        (b"a: 'x", "the file ends inside quotes"),
        (b"a: b: c", "f.yaml:1:5: is not YAML: a second ': ' on this line"),
        (b'a: "\\ud83d"', "half of a surrogate pair"),
    ],
)
def test_what_cannot_be_read_is_one_clear_line(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(data)

    tree, faults = read(path, "f.yaml")

    assert tree is None
    assert len(faults) == 1
    assert said in str(faults[0])
    assert "\n" not in str(faults[0])


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")

    tree, faults = read(path, "f.yaml")

    assert not faults
    assert tree is not None
    assert tree.plain() == {"a": 1}


def test_a_missing_file_and_a_folder_are_one_line_each(tmp_path: Path) -> None:
    assert str(read(tmp_path / "no", "no")[1][0]) == "no:1:1: cannot be read: no such file or directory"
    assert str(read(tmp_path, "folder")[1][0]) == "folder:1:1: cannot be read: is a directory"


@given(st.text(alphabet="ab:-[]{},&*!|>'\"%@`#?\n\t \\0\x85\ufeffü😀", max_size=60))
def test_no_text_makes_the_reader_raise(text: str) -> None:
    tree, faults = parse(text, "f")

    assert tree is not None or faults
