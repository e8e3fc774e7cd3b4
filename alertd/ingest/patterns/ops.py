"""What a pattern does with each value of a row: the same that the general way did with this message's."""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING, Any, Literal

from alertd.ingest.auto import chosen
from alertd.ingest.paths import EVERY, MISSING, find
from alertd.ingest.patterns.line import Op
from alertd.ingest.patterns.message_type import Leaf
from alertd.ingest.patterns.sketch import NUMBER, SCALAR, THERE, Unlike, Unread
from alertd.ingest.patterns.written import DIGITS, LINEAR, OTHER, PLAIN, READ, REFUSED, TEXT, WORD
from alertd.ingest.ranges import SENTINELS
from alertd.ingest.values import plain_number

if TYPE_CHECKING:
    from alertd.ingest.fields import Field
    from alertd.ingest.paths import Path
    from alertd.ingest.reader import Reader


def ops_of(reader: Reader, row: dict[str, Any], *, inside: bool = False) -> list[tuple[Op | None, Leaf, Path]]:
    """Return (op, type, path in the row) of each value, in the order in which they are read; without an op it is not.

    With `inside` the row is the message's own, and a value may stand in an object with its unit.

    Raises:
        Unlike: what becomes of one of them is not decided by keys and types alone.
    """
    found: list[tuple[Op | None, Leaf, Path]] = []
    for field, _, _ in reader.mapped:
        if field.aggregate is not None or field.unless or EVERY in field.path:
            raise Unlike
        value = find(row, field.path)
        if value is None:
            raise Unlike
        if inside and type(value) is dict:
            found += _with_unit(field, value, field.path)
        elif value is not MISSING:
            op, leaf = op_of(field, value)
            found.append((op, THERE if leaf is SCALAR else leaf, field.path))
    finder = reader.finder
    if finder is not None:
        within = {field.path[0] for field, key, _ in reader.mapped if key is None}
        within |= {path[0] for _, _, path in found if len(path) > 1}
        for key, value in row.items():
            if key in within:  # what is mapped stands inside it
                if finder.fields.get(key) is not None:
                    raise Unlike
                continue
            if key not in finder.fields:
                found.append((*_unseen(key, value), (key,)))
                continue
            meant = finder.fields[key]
            if meant is not None and meant.beside:
                meant = chosen(meant, row)
            if inside and meant is not None and type(value) is dict:
                found += _with_unit(meant, value, (key,))
                continue
            found.append((None, _any(value), (key,)) if meant is None else (*op_of(meant, value), (key,)))
    return found


def _with_unit(field: Field, value: dict[str, Any], path: Path) -> list[tuple[Op | None, Leaf, Path]]:
    """Return the same for `{"value": 12.9, "unit": "°C"}`: of a message of the pattern the unit is the same.

    Raises:
        Unlike: it is not that, or what becomes of it is not decided by kind and size alone.
    """
    number, unit = value.get("value"), value.get("unit")
    if not (type(number) is float or type(number) is int) or not field.linear:
        raise Unlike
    if "unit" not in value:
        op, leaf = op_of_number(field, number, field.factor, field.offset)
        more = []
    elif type(unit) is str and unit in field.scales:
        op, leaf = op_of_number(field, number, *field.scales[unit])
        more = [(None, Leaf(Literal[unit]), (*path, "unit"))]
    else:
        raise Unlike
    if op.kind not in (PLAIN, LINEAR):
        raise Unlike
    return [(op, leaf, (*path, "value")), *more]


def op_of(field: Field, value: Any) -> tuple[Op, Leaf]:
    """Return what is done with the value of a field, and how it must be.

    Raises:
        Unlike: an object or a list.
    """
    kind = type(value)
    if kind is dict or kind is list:
        raise Unlike
    if kind is float or kind is int:
        return op_of_number(field, value, field.factor, field.offset)
    if kind is str and field.free and value in field.plainly:
        return Op(WORD, field.metric, field, field.plainly), Leaf(str)
    if kind is str and field.free and not field.words and not field.missing:
        number = plain_number(value)
        if number is not None and type(field.convert(number, field.factor, field.offset)) is float:
            return Op(DIGITS, field.metric, field, (field.factor, field.offset, field.low, field.high)), Leaf(str)
    if kind is bool and field.free and not field.loose:
        numbers = {flag: field.read(flag) for flag in (False, True)}
        if all(type(number) is float for number in numbers.values()):
            return Op(WORD, field.metric, field, numbers), Leaf(bool)
    return Op(OTHER, field.metric, field, field), SCALAR


def op_of_number(field: Field, value: float, factor: float, offset: float) -> tuple[Op, Leaf]:
    """Return the same for a number that becomes canonical by a factor and an offset."""
    if field.placed:
        return Op(OTHER, field.metric, field, field), NUMBER
    number = field.convert(value, factor, offset) if field.linear else field.read(value)
    if type(number) is not float:
        if value in SENTINELS or value in field.missing:
            return Op(REFUSED, field.metric, field, (value, number)), NUMBER
        return Op(OTHER, field.metric, field, field), NUMBER
    if not field.linear:
        return Op(READ, field.metric, field, field.read, counted=field.counter), NUMBER
    if factor == 1.0 and offset == 0.0:
        return Op(PLAIN, field.metric, field, counted=field.counter), Leaf(float, field.low, field.high)
    scale = (factor, offset, field.low, field.high)
    return Op(LINEAR, field.metric, field, scale, counted=field.counter), Leaf(float)


def _unseen(key: str, value: Any) -> tuple[Op | None, Leaf]:
    """Return what is done with a value that gave no field: only of a text it has to be asked again."""
    kind = type(value)
    if kind is str:
        return Op(TEXT, key, None, key), Leaf(str)
    if kind is dict and type(value.get("value")) is NoneType:
        return None, Leaf(Unread)
    if value is None or kind is list:
        return None, Leaf(kind)
    raise Unlike


def _any(value: Any) -> Leaf:
    return Leaf() if type(value) is dict or type(value) is list else SCALAR
