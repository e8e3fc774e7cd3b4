"""The devices file: a table of animals and sensors as people keep it in a spreadsheet."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

from alertd.config.document import LARGEST, Node
from alertd.config.problem import Place, Problem, problem

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS: Final = ("id", "name", "tag", "species", "group", "profile")
"""Columns with a meaning of their own; every other one is a label."""


def read_devices(path: Path, shown: str) -> tuple[list[Node], list[Problem]]:
    """Read a CSV file with a header into nodes as they would stand under `devices:`.

    The separator is `,`, or `;` where only that stands in the header (spreadsheets of countries
    that write 39,5). Empty cells are left out, empty lines skipped; all cells are text.
    """
    start = Place(shown, 1, 1)
    try:
        data = path.read_bytes()[: LARGEST + 1]
        text = data.decode("utf-8-sig")
    except OSError as error:
        return [], [problem(start, (), f"cannot be read: {(error.strerror or str(error)).lower()}")]
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return [], [problem(Place(shown, line, 1), (), "is not UTF-8 text; save the file as UTF-8")]
    first = text.partition("\n")[0]
    separator = ";" if ";" in first and "," not in first else ","
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        header = [cell.strip() for cell in next(rows, [])]
        faults = _header_faults(header, separator, start)
        if faults:
            return [], faults
        devices = []
        line = rows.line_num + 1
        for row in rows:
            if any(cell.strip() for cell in row):
                if len(row) > len(header):
                    faults.append(
                        problem(Place(shown, line, 1), (), f"has {len(row)} cells under {len(header)} columns")
                    )
                devices.append(_device(header, row, Place(shown, line, 1)))
            line = rows.line_num + 1
    except csv.Error as error:
        return [], [problem(Place(shown, rows.line_num, 1), (), f"is not CSV: {error}")]
    return devices, faults


def _header_faults(header: list[str], separator: str, start: Place) -> list[Problem]:
    if "id" not in header:
        return [problem(start, (), f"the first line must name the columns, one of them id; it has {', '.join(header)}")]
    faults, col = [], 1
    for index, name in enumerate(header):
        if name in header[:index] or not name:
            reason = f"column {name} is given twice" if name else f"column {index + 1} has no name"
            faults.append(problem(start._replace(col=col), (), reason))
        col += len(name) + len(separator)
    return faults


def _device(header: list[str], row: list[str], place: Place) -> Node:
    """Make the node of one row. A cell's column is exact as long as no cell before it is quoted."""
    device, labels = Node({}, place, keys={}), Node({}, place, keys={})
    col = 1
    for name, cell in zip(header, row, strict=False):
        here = place._replace(col=col + len(cell) - len(cell.lstrip()))
        col += len(cell) + 1
        if not (text := cell.strip()):
            continue
        target = device if name in COLUMNS else labels
        assert target.keys is not None
        target.value[name], target.keys[name] = Node(text, here, raw=text), here
    if labels.value:
        assert device.keys is not None
        device.value["labels"], device.keys["labels"] = labels, place
    return device
