"""Functions written for one type of message: the general way without its loops, look-ups and questions.

What takes time is not the work but the way to it: unrolled, a row of four plain numbers is
appended in 0.3 microseconds, in a loop in 1.6, as long as decoding the message took. So the
steps of a pattern are written out as Python, once for all patterns that have the same steps
(`source_of`; `Pattern.source` shows them). The text is made of this module's own words and of
names such as `at_0` that `message_type` gave: nothing of a payload, a topic or the
configuration is in it, those are arguments.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import msgspec

from alertd.ingest.fields import tidy
from alertd.ingest.paths import MISSING
from alertd.ingest.values import plain_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from alertd.ingest.decoder import Decoded
    from alertd.seams import Raw

# What becomes of a value, and the `fact` that it needs (see `line.Op`):
PLAIN: Final = "plain"
"""A number that is the reading, in range by its type."""
RANGED: Final = "ranged"
"""A number that is the reading if it is in range: (least, most)."""
LINEAR: Final = "linear"
"""A number that is converted to the canonical unit: (factor, offset, least, most)."""
DIGITS: Final = "digits"
"""A number written as text: the same."""
WORD: Final = "word"
"""A word or a truth value that stands for a number: numbers by word."""
READ: Final = "read"
"""A number that its field must see, because some stand for a gap: the field's `read`."""
REFUSED: Final = "refused"
"""What a sensor sends without a probe, every time: (that number, why it is refused)."""
OTHER: Final = "other"
"""What its field must look at, and may refuse: its field."""
TEXT: Final = "text"
"""A text that gave no field, and may say that something is wrong: its key."""

NUMBERS: Final = frozenset({PLAIN, RANGED, LINEAR, DIGITS, WORD, READ})
"""Kinds that always give a number: a value that does not is of another type of message."""

FAR: Final = 10**20
"""No clock says so."""

BROKEN: Final = (msgspec.DecodeError, ValueError)
"""What is raised for a payload of another type."""

Read: TypeAlias = "Callable[[Raw, Decoded], bool | None]"
"""Appends the readings of a message; None: it is of another type, and nothing was done. True: there may be two
readings of one series."""


Step: TypeAlias = "tuple[str, str, bool]"


class Steps(NamedTuple):
    """All that is done with a message, as expressions on it (`m`) and on the object in its text (`n`); empty: nothing.

    `rows` are (number of its time, named, steps) of each row, each step (kind, what takes the value out, counted);
    `named`: the row says whose it is, else `device` does where the topic does not. `deep`: parts of the
    message are skipped, which may be nested deeper than is allowed. `found`: keys are met by a finder.
    """

    found: bool
    deep: bool
    text: str
    guards: tuple[str, ...]
    device: str
    times: tuple[str, ...]
    since: bool
    later: str
    ids: tuple[str, ...]
    rows: tuple[tuple[int, bool, tuple[Step, ...]], ...]
    outer: tuple[str, ...]


def source_of(steps: Steps) -> str:
    """Return the source of a function that makes a pattern's reading function."""
    head: list[str] = []
    for row, (_, _, values) in enumerate(steps.rows):
        head += [f"line{row} = p.lines[{row}]", f"rows{row} = of{row} = None"]
        for number, (kind, _, counted) in enumerate(values):
            name, op = f"{row}_{number}", f"line{row}.ops[{number}]"
            fact = f"{op}.fact"
            if counted:
                head.append(f"wrap{name} = {op}.field.wrap")
            if kind in (LINEAR, DIGITS):
                head.append(f"factor{name}, offset{name}, low{name}, high{name} = {fact}")
            elif kind == RANGED:
                head.append(f"low{name}, high{name} = {fact}")
            elif kind == REFUSED:
                head += [f"same{name} = {fact}[0]", f"why{name} = {fact}[1]"]
            elif kind != PLAIN:
                head.append(f"fact{name} = {fact}")
    head += [f"guard{number} = p.guards[{number}]" for number in range(len(steps.guards))]
    head += [f"outer{number} = p.outer[{number}]" for number in range(len(steps.outer))]
    body = [*_opened(steps), *_converted(steps), *_judged(steps), *_appended(steps)]
    changing = ", ".join(f"rows{row}, of{row}" for row in range(len(steps.rows)))
    return "\n".join(
        [
            "def make(p):",
            "    plan, sink, whose, shared, finder = p.plan, p.plan.sink, p.plan.whose, p.plan.shared, p.finder",
            "    decode, decode_text, deepest, topic = p.decode, p.decode_text, shared.limits.depth, plan.topic",
            "    told, arrived, source, since = p.told, p.arrived, sink.source, p.since",
            "    known, total = shared.repeats.known, shared.learned.counters.total",
            *(["    fields, idle = finder.fields, finder.idle", "    keys = len(fields)"] if steps.found else []),
            *(f"    {line}" for line in head),
            "    def read(raw, out):",
            f"        nonlocal {changing}",
            *(f"        {line}" for line in body),
            "    return read",
            "",
        ]
    )


def _opened(steps: Steps) -> list[str]:
    """Decode it, or see that it is of another type."""
    lines = ["if len(fields) != keys:", "    return None"] if steps.found else []
    lines.append("payload = raw.payload")
    if steps.deep:
        lines += ["if len(payload) - len(payload.translate(None, b'{[')) > deepest:", "    return None"]
    lines += ["try:", "    m = decode(payload)"]
    if steps.text:
        lines.append(f"    n = decode_text({steps.text})")
    lines += ["except BROKEN:", "    return None"]
    if steps.guards:
        other = " or ".join(f"{at} != guard{number}" for number, at in enumerate(steps.guards))
        lines += [f"if {other}:", "    return None"]
    if not all(named for _, named, _ in steps.rows):
        lines.append(f"entry = whose.fixed or whose.met({steps.device})" if steps.device else "entry = whose.fixed")
        lines += ["if entry is None:", "    return None"]
    return lines


def _converted(steps: Steps) -> list[str]:
    """Make numbers of the values that are not plain, or see that one is none."""
    lines: list[str] = []
    for row, (_, _, values) in enumerate(steps.rows):
        for number, (kind, at, _) in enumerate(values):
            name = f"{row}_{number}"
            value, scaled = f"v{name}", f"factor{name} + offset{name}"
            if kind == LINEAR:
                lines += [f"{value} = tidy({at} * {scaled})", f"if not low{name} <= {value} <= high{name}:"]
            elif kind == DIGITS:
                lines += [f"{value} = plain_number({at})", f"if {value} is None:", "    return None"]
                lines += [f"if factor{name} != 1.0 or offset{name}:", f"    {value} = tidy({value} * {scaled})"]
                lines.append(f"if not low{name} <= {value} <= high{name}:")
            elif kind == RANGED:
                lines.append(f"if not low{name} <= {at} <= high{name}:")
            elif kind == READ:
                lines += [f"{value} = fact{name}({at})", f"if type({value}) is not float:"]
            elif kind == REFUSED:
                lines.append(f"if {at} != same{name}:")
            elif kind == WORD:
                lines += [f"{value} = fact{name}.get({at})", f"if {value} is None:"]
            else:
                continue
            lines.append("    return None")
    return lines


def _judged(steps: Steps) -> list[str]:
    """See when its rows were, or that this needs a closer look; and whether the message came before."""
    lines: list[str] = []
    for number, at in enumerate(steps.times):
        lines.append(f"value = {at or None}")
        if steps.later:
            lines += ["if value is None or value is MISSING:", f"    value = {steps.later}"]
        if steps.since and at:
            lines += ["if not since <= value < FAR:", "    return None"]
        lines += ["if value is None or value is MISSING or value == '':", "    if raw.backlog:", "        return None"]
        lines += [f"    moment{number} = None", "else:", f"    moment{number} = told(value, shared, raw)"]
        lines += [f"    if moment{number} is None:", "        return None"]
    if steps.since and len(steps.times) > 1:
        apart = "".join(f"moment{number}, " for number in range(len(steps.times)))
        lines += [f"if len({{{apart}}}) < {len(steps.times)}:", "    return None"]
    if steps.ids:
        lines += [f"if known(source, raw, ({', '.join(steps.ids)},), plan.owner):", "    plan.refuse_repeat(raw, out)"]
        lines.append("    return False")
    return lines


def _appended(steps: Steps) -> list[str]:
    """Append the readings: from here on the message is read."""
    lines: list[str] = []
    for row, (time, named, values) in enumerate(steps.rows):
        whole = "".join(f"{at}, " for _, at, _ in values)
        lines += [
            f"one = {f'line{row}.entry' if named else 'entry'}",
            f"time, quality = moment{time} or arrived(shared, raw)",
            "if one.turns:",
            "    one = one.at(time)",
            f"if one is not of{row}:",
            f"    rows{row} = line{row}.rows_of(one)",
            f"    of{row} = one if rows{row} is not None else None",
            f"if rows{row} is None:",
            f"    line{row}.read_new(({whole}), sink, finder, one, time, quality, raw, out)",
            "else:",
            *(f"    {line}" for line in _unrolled(row, values)),
        ]
        if len(steps.rows) > 1:
            lines.append(f"device{row}, time{row} = one.device, time")
        if any(kind == OTHER for kind, _, _ in values):
            lines += ["if sink.position:", "    sink.place(one, time, quality, raw, out)"]
    for number, at in enumerate(steps.outer):
        lines += [f"if {at} is not MISSING:", f"    sink.single(outer{number}, {at}, one, time, quality, raw, out)"]
    if any(kind == TEXT for _, _, values in steps.rows for kind, _, _ in values):
        lines += ["if finder.refused:", "    plan.refuse_found(finder, raw, out)"]
    crowded = "finder.crowded" if steps.found else "False"
    if len(steps.rows) > 1:
        apart = "".join(f"(device{row}, time{row}), " for row in range(len(steps.rows)))
        crowded += f" or len({{{apart}}}) < {len(steps.rows)}"
    return [*lines, f"return {crowded}"]


def _unrolled(row: int, values: tuple[Step, ...]) -> list[str]:
    """Append the readings of a row, each with its place in the book (`r`)."""
    lines = ["received = raw.received"]
    taken = "".join(f"r{number}, " for number, (kind, _, _) in enumerate(values) if kind in NUMBERS)
    if taken:
        lines.append(f"{taken} = rows{row}")
    readings = ""
    for number, (kind, at, counted) in enumerate(values):
        name = f"{row}_{number}"
        value = at if kind in (PLAIN, RANGED) else f"v{name}"
        if counted:
            value = f"total(r{number}, one.sender, time, {value}, wrap{name}, old=raw.retained)"
        if kind in NUMBERS:
            readings += f"r{number}, time, received, {value}, quality, source, "
            if number + 1 == len(values) or values[number + 1][0] not in NUMBERS:
                lines.append(f"out.readings += ({readings})")
                readings = ""
        elif kind == REFUSED:
            lines.append(f"out.rejected.append((sink.label, raw, why{name}))")
        elif kind == OTHER:
            lines += [f"if {at} is not None:", f"    sink.one(fact{name}, {at}, one, time, quality, raw, out)"]
        elif kind == TEXT:
            lines += [
                f"if idle.get(fact{name}) != {at}:",
                f"    sink.text(finder, fact{name}, {at}, one, time, quality, raw, out)",
            ]
    return lines


class Written(NamedTuple):
    """The source, and what it makes of a pattern."""

    source: str
    make: Callable[[Any], Read]


@lru_cache(maxsize=1024)
def written_for(steps: Steps) -> Written:
    """Return what is shared by all patterns with the same steps."""
    names: dict[str, Any] = {
        "BROKEN": BROKEN,
        "FAR": FAR,
        "MISSING": MISSING,
        "plain_number": plain_number,
        "tidy": tidy,
    }
    source = source_of(steps)
    exec(compile(source, "<written for a type of message>", "exec"), names)  # noqa: S102 (see above)
    return Written(source, names["make"])
