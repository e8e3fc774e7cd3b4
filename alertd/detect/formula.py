"""Formulas an operator may write: numbers, names, + - * / **, parentheses and a few functions. Nothing else.

Python's own grammar reads the text, and every node of the tree is looked at: what is not
listed here is an error that names its position. What is left becomes nested functions over
floats; there is no `eval`, and no integer that could grow without end.
"""

from __future__ import annotations

import ast
import keyword
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Values = Mapping[str, float]
Part = Callable[[Values], float]

LONGEST: Final = 1000
"""Characters."""
DEEPEST: Final = 100
"""Levels of nesting: far below what Python's stack bears, far above what anybody can read."""
MOST: Final = 255
"""Arguments of `min` and `max`."""

OPERATORS: Final[dict[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.Div: lambda left, right: left / right,
    ast.Pow: math.pow,  # of floats: too large is an error, not a number of a million digits
}
FUNCTIONS: Final[dict[str, tuple[int, int, Callable[..., float]]]] = {
    "min": (2, MOST, min),
    "max": (2, MOST, max),
    "abs": (1, 1, abs),
    "exp": (1, 1, math.exp),
    "log": (1, 1, math.log),
    "sqrt": (1, 1, math.sqrt),
    "round": (1, 2, lambda value, places=0.0: round(value, int(places))),
}
"""Name to the fewest and the most arguments, and what it does; `log` is the natural one."""


class FormulaError(ValueError):
    """It is not a formula; the message names the character (from 1) and what is wrong there."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula that was proved. `names` are those that occur in it."""

    text: str
    names: frozenset[str]
    _part: Part

    def __call__(self, values: Values) -> float | None:
        """Return its value; None where it has none: a division by zero, a root of less than nothing, an overflow."""
        try:
            result = self._part(values)
        except (ArithmeticError, ValueError):
            return None
        return result if math.isfinite(result) else None


def compile_formula(text: str, names: Iterable[str]) -> Formula:
    """Prove a formula over these names.

    Raises:
        FormulaError: it has a fault.
    """
    if len(text) > LONGEST:
        raise FormulaError(f"is longer than {LONGEST} characters")
    flat = text.replace("\n", " ").replace("\t", " ")
    start = len(flat) - len(flat.lstrip())
    try:
        tree = ast.parse(flat.strip(), mode="eval")
    except SyntaxError as error:
        at = start + error.offset if error.offset else len(flat.rstrip()) + 1  # none: it ends too early
        raise FormulaError(f"at character {at}: is no formula ({error.msg})") from None
    except (ValueError, MemoryError, RecursionError):
        raise FormulaError("is no formula") from None
    reader = _Reader(flat.strip(), start, tuple(names))
    return Formula(text, frozenset(reader.used), reader.part(tree.body))


def check_name(name: str) -> None:
    """Prove a name that formulas are to use.

    Raises:
        ValueError: it cannot be one.
    """
    if not (name.isascii() and name.isidentifier()) or keyword.iskeyword(name):
        raise ValueError(f"{name} cannot stand in a formula: letters, digits and _, not first a digit")
    if name in FUNCTIONS:
        raise ValueError(f"{name} is a function of formulas: choose another name")


class _Reader:
    def __init__(self, text: str, start: int, names: Sequence[str]) -> None:
        self._text = text
        self._start = start
        self._names = names
        self._depth = 0
        self.used: set[str] = set()

    def part(self, node: ast.expr) -> Part:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._fault(node, f"is nested deeper than {DEEPEST} levels")
        found = self._part(node)
        self._depth -= 1
        return found

    def _part(self, node: ast.expr) -> Part:
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return self._constant(node, value)
            case ast.Name(id=name):
                return self._name(node, name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self.part(operand)
                return lambda values: -inner(values)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.part(operand)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
                first, does, second = self.part(left), OPERATORS[type(op)], self.part(right)
                return lambda values: does(first(values), second(values))
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                return self._call(node, name, args)
        raise self._fault(node, "only numbers, names, + - * / **, parentheses and " + ", ".join(FUNCTIONS))

    def _constant(self, node: ast.expr, value: float) -> Part:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self._fault(node, "the number is too large")
        return lambda _: number

    def _name(self, node: ast.expr, name: str) -> Part:
        if name in FUNCTIONS:
            raise self._fault(node, f"{name} is a function: write {name}(...)")
        if name not in self._names:
            near = get_close_matches(name, self._names, n=1)
            known = f"did you mean {near[0]}?" if near else "known are " + ", ".join(self._names)
            raise self._fault(node, f"{name} is not named under from ({known})")
        self.used.add(name)
        return lambda values: values[name]

    def _call(self, node: ast.expr, name: str, args: list[ast.expr]) -> Part:
        if name not in FUNCTIONS:
            raise self._fault(node, f"there is no function {name}; there are {', '.join(FUNCTIONS)}")
        fewest, most, does = FUNCTIONS[name]
        if not fewest <= len(args) <= most:
            wanted = f"{fewest}" if fewest == most else f"at least {fewest}" if most == MOST else f"{fewest} or {most}"
            raise self._fault(node, f"{name} takes {wanted} argument{'s' if wanted != '1' else ''}, not {len(args)}")
        parts = [self.part(one) for one in args]
        if len(parts) == 1:
            only = parts[0]
            return lambda values: does(only(values))
        return lambda values: does(*[part(values) for part in parts])

    def _fault(self, node: ast.expr, reason: str) -> FormulaError:
        before = self._text.encode()[: node.col_offset]  # Python counts bytes
        return FormulaError(f"at character {self._start + len(before.decode()) + 1}: {reason}")
