"""Formulas of derived metrics, proved before the first reading; columns point into the formula."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alertd.config.names import entries
from alertd.config.problem import problem
from alertd.detect.derived import out_of_order
from alertd.detect.formula import FormulaError, compile_formula

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alertd.config.config import Config
    from alertd.config.document import Node
    from alertd.config.problem import Problem


def check_formulas(tree: Node) -> Iterator[Problem]:
    """Yield what is wrong with each formula."""
    for keys, one in entries(tree, "derived"):
        formula, names = one.get("formula"), one.get("from")
        if formula is None or formula.text is None or names is None:
            continue  # the settings say so
        try:
            compile_formula(formula.text, names.mapping())
        except FormulaError as error:
            yield problem(formula.place, (*keys, "formula"), str(error))


def check_order(config: Config, tree: Node) -> Iterator[Problem]:
    """Yield the inputs that are computed only later in the list, or by the entry itself."""
    nodes = [node for _, node in entries(tree, "derived")]
    for index, name, metric in out_of_order(config.derived):
        node = nodes[index].get("from", name) or nodes[index]
        reason = f"{metric} is computed by this entry or a later one: put the one that computes it first"
        yield problem(node.place, ("derived", index, "from", name), reason)
