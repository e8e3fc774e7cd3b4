"""Files of recorded readings, JSONL or CSV: lines in, a recording out.

A line that is no reading costs nothing but itself.
"""

from __future__ import annotations

import csv
from itertools import chain, count, islice
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import msgspec

from alertd.tools.backtest_columns import columns_of
from alertd.tools.backtest_recorder import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from alertd.tools.backtest_columns import Columns
    from alertd.tools.backtest_recorder import Complain, Recorder

    TakeAtOnce = Callable[[Columns], bool]

CSV_COLUMNS: Final = ("time", "device", "metric", "value")
"""What the header of a CSV must name. `received`, `unit`, `quality`, `group` mean what they say, others are labels."""
MEANT: Final = frozenset(Line.__struct_fields__) - {"labels"}
SCALARS: Final = (str, int, float)
"""What a label may be; lists and objects are none."""
SEPARATORS: Final = ",;\t"
CHUNK: Final = 8192
"""Lines taken at a time: their columns fit into a processor's cache."""
MARK: Final = b"\xef\xbb\xbf"
"""What some editors put before UTF-8."""


class _Plain(Line, forbid_unknown_fields=True):
    """A line of JSON without keys of its own: nearly all are, and are decoded by the thousand."""


class BadRecordingError(Exception):
    """A file that cannot be read at all; the message says why, and begins with the line where one is to blame."""


def read_file(recorder: Recorder, file: BinaryIO, complain: Complain, progress: Callable[[int], None]) -> None:
    """Read one file, JSONL if its first sign is a brace, else CSV.

    Raises:
        BadRecordingError: a CSV whose header lacks a column.
    """
    first = next(file, b"").removeprefix(MARK)
    read = _jsonl if first.lstrip()[:1] in (b"{", b"") else _csv
    lines = chain([first], file)
    for numbers, found in read(
        lines, lambda number, why: recorder.refuse(complain, number, why), recorder.take_at_once
    ):
        recorder.take(numbers, found, complain)
        progress(recorder.taken)


def _jsonl(lines: Iterator[bytes], refuse: Complain, _take: TakeAtOnce) -> Iterator[tuple[list[int], list[Line]]]:
    """Yield lines of JSON with their numbers, thousands at a time."""
    decoder = msgspec.json.Decoder(_Plain)
    for start in count(1, CHUNK):
        chunk = list(islice(lines, CHUNK))
        if not chunk:
            return
        numbers = list(range(start, start + len(chunk)))
        try:
            found: list[Line] = [*decoder.decode_lines(b"".join(chunk))]
        except (msgspec.DecodeError, UnicodeDecodeError):
            found = []
        if len(found) != len(chunk):  # a fault, an empty line, or two objects on one
            numbers, found = [], []
            for number, text in enumerate(chunk, start):
                try:
                    found.append(_line(decoder, text))
                    numbers.append(number)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    if text.strip():
                        refuse(number, f"not a reading: {error}")
        yield numbers, found


def _line(decoder: msgspec.json.Decoder[_Plain], text: bytes) -> Line:
    """Read one line; keys that are not a reading's are its labels, as the further columns of a CSV are.

    Raises:
        msgspec.DecodeError, UnicodeDecodeError: it is no reading.
    """
    try:
        return decoder.decode(text)
    except msgspec.ValidationError:
        line = msgspec.json.decode(text, type=Line)
        own = msgspec.json.decode(text, type=dict[str, Any])
        more = {key: value for key, value in own.items() if key not in Line.__struct_fields__}
        line.labels = {key: value for key, value in more.items() if isinstance(value, SCALARS)} | (line.labels or {})
        return line


def _csv(lines: Iterator[bytes], refuse: Complain, take: TakeAtOnce) -> Iterator[tuple[list[int], list[Line]]]:
    """Yield rows with the numbers of their lines, thousands at a time; none where `take` could take them at once.

    Raises:
        BadRecordingError: the header lacks a column.
    """
    names, separator = _header(next(lines, b""))
    place = {name: at for at, name in enumerate(names) if name in MEANT}
    labels = [(name, at) for at, name in enumerate(names) if name and name not in MEANT]
    device, metric, value, time = (place[name] for name in ("device", "metric", "value", "time"))
    more = [(name, at) for name, at in place.items() if name not in CSV_COLUMNS]
    for start in count(2, CHUNK):
        chunk = list(islice(lines, CHUNK))
        if not chunk:
            return
        numbers: list[int] = []
        found: list[Line] = []
        columns = _columns(chunk, names, separator)
        if columns is not None and take(columns):
            yield numbers, found
            continue
        for number, raw in enumerate(chunk, start):
            text = raw.decode("utf-8", "replace").rstrip("\r\n")
            cells = text.split(separator) if '"' not in text else _quoted(text, separator)
            if len(cells) != len(names):
                if text.strip():
                    refuse(number, f"not a reading: {len(cells)} columns where the header has {len(names)}")
                continue
            line = Line(cells[device], cells[metric], _number(cells[value]), cells[time] or None)
            for name, at in more:
                setattr(line, name, cells[at] or None)
            if labels:
                line.labels = {name: cells[at] for name, at in labels if cells[at]}
            numbers.append(number)
            found.append(line)
        yield numbers, found


def _columns(chunk: list[bytes], names: list[str], separator: str) -> Columns | None:
    """Return lines without quotes, of as many cells as the header has, as columns; None: some are not such lines."""
    sign, wide = separator.encode(), len(names)
    if {line.count(sign) for line in chunk} != {wide - 1}:
        return None
    whole = b"".join(chunk).replace(b"\r\n", b"\n")
    if b'"' in whole or b"\r" in whole:
        return None
    try:  # at once: a list for each line would cost as much as all the rest
        cells = whole.removesuffix(b"\n").decode().replace("\n", separator).split(separator)
    except UnicodeDecodeError:
        return None
    return columns_of({name: cells[at::wide] for at, name in enumerate(names)})


def _header(raw: bytes) -> tuple[list[str], str]:
    """Return the names of the columns and what separates them.

    Raises:
        BadRecordingError: one that must be there is not.
    """
    text = raw.decode("utf-8", "replace").strip("\r\n")
    separator = next((sign for sign in SEPARATORS if sign in text), ",")
    names = [name.strip() for name in _quoted(text, separator)]
    names = [name.lower() if name.lower() in MEANT else name for name in names]
    lacking = ", ".join(name for name in CSV_COLUMNS if name not in names)
    if lacking:
        wanted = ", ".join(CSV_COLUMNS)
        raise BadRecordingError(f"1: neither JSON lines nor CSV whose header names {wanted}: missing {lacking}")
    return names, separator


def _quoted(text: str, separator: str) -> list[str]:
    """Split a line with quotes, into nothing if they do not match: a stray quote costs its own line alone."""
    try:
        return next(csv.reader([text], delimiter=separator, strict=True), [])
    except csv.Error:
        return []


def _number(text: str) -> Any:
    """Return a cell as a number, or as it is: words are read, and nonsense refused, with the reading."""
    try:
        return float(text)
    except ValueError:
        return text
