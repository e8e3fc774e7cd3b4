"""Files of recorded readings, JSONL or CSV: lines in, a recording out.

A line that is no reading costs nothing but itself.
"""

from __future__ import annotations

import csv
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import msgspec

from alertd.tools.backtest_columns import Columns, Table
from alertd.tools.backtest_recorder import Line, columns_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from alertd.tools.backtest_columns import Key
    from alertd.tools.backtest_recorder import Complain, Recorder

    TakeAtOnce = Callable[[Columns], bool]

CSV_COLUMNS: Final = ("time", "device", "metric", "value")
"""What the header of a CSV must name. `received`, `unit`, `quality`, `group` mean what they say, others are labels."""
MEANT: Final = frozenset(Line.__struct_fields__) - {"labels"}
SCALARS: Final = (str, int, float)
"""What a label may be; lists and objects are none."""
SEPARATORS: Final = ",;\t"
BLOCK: Final = 1 << 18
"""Bytes taken at a time: their columns fit into a processor's cache."""
NAMES: Final = ("device", "metric", "unit")
"""Columns that say which series it is."""
MARK: Final = b"\xef\xbb\xbf"
"""What some editors put before UTF-8."""


class BadRecordingError(Exception):
    """A file that cannot be read at all; the message says why, and begins with the line where one is to blame."""


class NoJournalError(Exception):
    """Neither a daemon nor a store gives readings (`backtest_journal`); the message says what was tried."""


def read_file(recorder: Recorder, file: BinaryIO, complain: Complain, progress: Callable[[int], None]) -> None:
    """Read one file, JSONL if its first sign is a brace, else CSV.

    Raises:
        BadRecordingError: a CSV whose header lacks a column.
    """
    first = file.readline().removeprefix(MARK)
    read = _jsonl if first.lstrip()[:1] in (b"{", b"") else _csv
    for numbers, found in read(
        first, _blocks(file), lambda number, why: recorder.refuse(complain, number, why), recorder.take_at_once
    ):
        recorder.take(numbers, found, complain)
        progress(recorder.taken)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """Yield whole lines, thousands at a time."""
    while block := file.read(BLOCK):
        yield block if block.endswith(b"\n") else block + file.readline()


def _lines(block: bytes) -> list[bytes]:
    lines = block.split(b"\n")
    return lines if lines[-1] else lines[:-1]


def _jsonl(
    first: bytes, blocks: Iterator[bytes], refuse: Complain, take: TakeAtOnce
) -> Iterator[tuple[list[int], list[Line]]]:
    """Yield lines of JSON with their numbers, thousands at a time; none where `take` could take them at once."""
    decoder, start = msgspec.json.Decoder(Line), 1
    for block in chain([first], blocks):
        numbers: list[int] = []
        found: list[Line] = []
        count = block.count(b"\n") + (not block.endswith(b"\n"))
        try:
            some = decoder.decode_lines(block)
        except (msgspec.DecodeError, UnicodeDecodeError):
            some = []
        if len(some) != count or not take(columns_of(some)):  # else a fault, an empty line, or two objects on one
            for number, text in enumerate(_lines(block), start):
                try:
                    found.append(_line(text))
                    numbers.append(number)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    if text.strip():
                        refuse(number, f"not a reading: {error}")
        start += count
        yield numbers, found


def _line(text: bytes) -> Line:
    """Read one line; keys that are not a reading's are its labels, as the further columns of a CSV are.

    Raises:
        msgspec.DecodeError, UnicodeDecodeError: it is no reading.
    """
    line = msgspec.json.decode(text, type=Line)
    own = msgspec.json.decode(text, type=dict[str, Any])
    more = {key: value for key, value in own.items() if key not in Line.__struct_fields__}
    if more:
        line.labels = {key: value for key, value in more.items() if isinstance(value, SCALARS)} | (line.labels or {})
    return line


def _csv(
    first: bytes, blocks: Iterator[bytes], refuse: Complain, take: TakeAtOnce
) -> Iterator[tuple[list[int], list[Line]]]:
    """Yield rows with the numbers of their lines, thousands at a time; none where `take` could take them at once.

    Raises:
        BadRecordingError: the header lacks a column.
    """
    names, separator = _header(first)
    place = {name: at for at, name in enumerate(names) if name in MEANT}
    labels = [(name, at) for at, name in enumerate(names) if name and name not in MEANT]
    device, metric, value, time = (place[name] for name in ("device", "metric", "value", "time"))
    more = [(name, at) for name, at in place.items() if name not in CSV_COLUMNS]
    keys, start = _Keys([name for name in names if name in NAMES], separator), 2
    for block in blocks:
        numbers: list[int] = []
        found: list[Line] = []
        try:
            columns = _columns(Table(block.replace(b"\r\n", b"\n"), names, separator.encode()), keys)
        except ValueError:  # quotes, another number of cells, no number, no text
            columns = None
        if columns is not None and take(columns):
            start += len(columns.keys)
            yield numbers, found
            continue
        lines = _lines(block)
        for number, raw in enumerate(lines, start):
            text = raw.decode("utf-8", "replace").rstrip("\r")
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
        start += len(lines)
        yield numbers, found


class _Keys(dict[bytes, "Key"]):
    """Which series the cells of these columns name, as they stand in the file."""

    def __init__(self, names: list[str], separator: str) -> None:
        super().__init__()
        self.names, self._separator = names, separator

    def __missing__(self, cells: bytes) -> Key:
        named = dict(zip(self.names, cells.decode().split(self._separator), strict=True))
        found = self[cells] = named["device"], named["metric"], named.get("unit") or None
        return found


def _columns(table: Table, keys: _Keys) -> Columns:
    """Return a table as columns.

    Raises:
        ValueError: a value is no number, or a cell no text.
    """
    nothing: list[str | None] = [None]
    return Columns(
        [keys[cells] for cells in table.together(keys.names)],
        table.numbers("value"),
        table.moments("time"),
        table.moments("received") if "received" in table else nothing,
        {cell.decode() or None for cell in {*table.cells("quality")}} if "quality" in table else {None},
    )


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
