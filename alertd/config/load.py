"""A file becomes a `Config`, or every reason why it does not, at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from alertd.config.areas import with_areas
from alertd.config.assemble import assemble
from alertd.config.calendars import missing_library, with_calendars
from alertd.config.chat import check_allowed, check_chat
from alertd.config.doubts import check_doubts
from alertd.config.forms import check_forms
from alertd.config.formulas import check_formulas, check_order
from alertd.config.languages import unreviewed
from alertd.config.matching import check_matching, known_labels
from alertd.config.names import check_names
from alertd.config.prove import prove
from alertd.config.reach import check_reach
from alertd.config.registry import check_registry
from alertd.config.secrets import literal_secrets, missing_extras, unreadable_secrets
from alertd.config.sources import check_readable, check_sources

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from alertd.config.config import Config
    from alertd.config.problem import Problem


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a file. `config` is None exactly when there are errors.

    `unreadable` are secrets that have the right form and cannot be read now, and extras that are missing: `check`
    warns of them, `run` and `doctor` refuse to start (exit 2). They are not part of `warnings`.
    """

    config: Config | None
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    unreadable: list[Problem] = field(default_factory=list)


def load(path: Path) -> Loaded:
    """Read and prove the configuration at `path`; never raises for what stands in it.

    Needs no network; reads only the files that the configuration names.
    """
    tree, problems = assemble(path)
    if tree is None:
        return Loaded(None, problems)
    config, faults = prove(tree)
    asked, warnings = check_matching(tree)
    proofs = (check_names, check_forms, check_formulas, check_sources, check_registry, check_chat)
    errors = _in_order([*problems, *faults, *(found for proof in proofs for found in proof(tree)), *asked])
    if config is not None and not errors:
        config, errors = with_areas(config, tree)
    if config is not None and not errors:
        config, errors, advice = with_calendars(config, tree)
        warnings += advice
    if config is not None and not errors:
        errors = _in_order([*check_readable(config, tree), *check_order(config, tree)])
    if config is None or errors:
        return Loaded(None, errors)
    warnings += [
        *literal_secrets(config, tree),
        *check_reach(config, tree, known_labels(tree)),
        *check_doubts(config, tree),
        *check_allowed(config, tree),
        *unreviewed(tree),
    ]
    unreadable = [*unreadable_secrets(config, tree), *missing_extras(config, tree), *missing_library(config, tree)]
    return Loaded(config, [], _in_order(warnings), _in_order(unreadable))


def _in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Sort by place, files as they first appear, and drop what two checks said alike."""
    unique = list(dict.fromkeys(problems))
    files = list(dict.fromkeys(problem.file for problem in unique))
    return sorted(unique, key=lambda problem: (files.index(problem.file), problem.line, problem.col))
