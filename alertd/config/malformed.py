"""What YAML's parser means, in an operator's words, and the line that has to be mended.

The parser says where it could not go on; the mistake is often a line or more above: a bracket that was
not closed, a colon without a space, a line that stands too far to the right.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ruamel.yaml.error import MarkedYAMLError

_SHELL: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_TIGHT: Final = re.compile(r"\s*(?:- )?[A-Za-z_]+:(?=[^\s:/])")
"""A key whose colon has no space behind it; `mqtt://` and `08:00` are none."""
_BEGINS: Final = re.compile(r"found character '(.+)' that cannot start any token")
_PLAINER: Final = {
    "found unexpected end of stream": "the file ends inside quotes",
}
_NO_BREAK: Final = "\N{NO-BREAK SPACE}"


def malformed(error: MarkedYAMLError, text: str) -> tuple[int, int, str]:
    """Return line and column, from 1, of what is to be mended, and what is wrong there."""
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return 1, 1, str(error.problem or error.context)
    lines = text.splitlines()
    line, said = mark.line, str(error.problem or error.context)
    here = lines[line] if line < len(lines) else ""
    above = next((at for at in range(line - 1, -1, -1) if lines[at].strip()), None)
    for at in (line, above):
        if at is not None and at < len(lines) and _NO_BREAK in lines[at]:
            return at + 1, lines[at].index(_NO_BREAK) + 1, "a no-break space: type plain spaces"
    if found := _SHELL.search(here):
        return line + 1, found.start() + 1, f"{found[0]} is not replaced here: write {{env: {found[1]}}}"
    if said == "mapping values are not allowed here":
        return _second_colon(lines, line, mark.column, above)
    if said.startswith("expected ',' or"):
        return _unclosed(error.context_mark, lines, line, mark.column)
    if said.startswith("expected <block end>"):
        return line + 1, mark.column + 1, _misplaced(here[: mark.column])
    if said == "could not find expected ':'" and error.context_mark is not None:
        at = error.context_mark
        return at.line + 1, at.column + 1, "this line is neither `key: value` nor does it begin with `- `"
    if found := _BEGINS.match(said):
        reason = (
            "a tab: indent with spaces" if found[1] == "\\t" else f"text that begins with {found[1]} stands in quotes"
        )
        return line + 1, mark.column + 1, reason
    return line + 1, mark.column + 1, _PLAINER.get(said, said)


def _second_colon(lines: list[str], line: int, column: int, above: int | None) -> tuple[int, int, str]:
    before = lines[line][:column]
    if ": " in before:
        braces = re.search(r": +\{\{", before)
        reason = "text with {{ }} stands in quotes" if braces else "a second ': ' on this line: put the text in quotes"
        return line + 1, column + 1, reason if braces else f"{reason} or start a new line"
    if above is not None and (tight := _TIGHT.match(lines[above])):
        return above + 1, tight.end() + 1, "a space is missing after the colon"
    return line + 1, column + 1, "this line is indented deeper than the one above, which has its value already"


def _unclosed(opened: Any, lines: list[str], line: int, column: int) -> tuple[int, int, str]:
    """Name the bracket, where it was opened on an earlier line: there something is missing."""
    if opened is None or opened.line == line or opened.line >= len(lines):
        return line + 1, column + 1, "a comma, a quote or a closing bracket is missing before this"
    bracket = lines[opened.line][opened.column]
    closing = "}" if bracket == "{" else "]"
    where = f"noticed in line {line + 1}"
    return (
        opened.line + 1,
        opened.column + 1,
        f"this {bracket} is not closed: is a quote or {closing} missing? ({where})",
    )


def _misplaced(before: str) -> str:
    written = before.strip()
    if not written:
        return "this line stands under none of the lines above: indent it like its neighbours"
    if written.endswith("}"):
        return "text that begins with { stands in quotes"
    if written.endswith(('"', "'")):
        return "text goes on after its closing quote: put all of it in quotes"
    return "this is not expected here: put the text in quotes, or indent the line like its neighbours"
