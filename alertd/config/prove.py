"""The tree against the settings: every error at once, each at the place where it was written.

Pydantic says where in the data something is wrong; here that becomes file, line and column.
A misspelt key is taken for what it most likely is and the proof repeated, so that what stands
below it is proved in the same run and its absence is not reported as well.
"""

from __future__ import annotations

import json
import types
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from alertd.config.config import Config
from alertd.config.problem import Keys, Problem, closest, listing, problem
from alertd.config.sentences import sentence
from alertd.messengers import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_core import ErrorDetails

    from alertd.config.document import Node

_NOT_A_SCALAR: Final = {"list_type", "dict_type", "model_type", "model_attributes_type"}


class _Found(NamedTuple):
    """One pydantic error with its place in the tree. `forks`: unions passed, as (keys so far, branch)."""

    keys: Keys
    forks: tuple[tuple[Keys, str], ...]
    error: ErrorDetails


def prove(tree: Node) -> tuple[Config | None, list[Problem]]:
    """Check `tree` against `Config`. Misspelt keys are renamed or taken out of the tree.

    Returns:
        The configuration, or None with at least one error.
    """
    problems: list[Problem] = []
    renamed: set[Keys] = set()
    while True:
        try:
            # Strict and as JSON: words and dates are read from text, but "yes" is no bool and "5" no number.
            config = Config.model_validate_json(json.dumps(tree.plain()), strict=True)
        except ValidationError as failure:
            found = [_locate(tree, error) for error in failure.errors(include_url=False)]
        else:
            return (None if problems else config), problems
        unknown = {item.keys for item in found if item.error["type"] == "extra_forbidden"}
        mended = [fault for keys in sorted(unknown, key=str) if (fault := _mend(tree, keys, renamed)) is not None]
        problems += mended
        if not mended:
            return None, problems + _report(tree, found)


def at(tree: Node, keys: Keys) -> Node | None:
    """Return the node at `keys`, or None."""
    node: Node | None = tree
    for key in keys:
        if node is None:
            return None
        if isinstance(key, int):
            node = node.items()[key] if key < len(node.items()) else None
        else:
            node = node.mapping().get(key)
    return node


def _locate(tree: Node, error: ErrorDetails) -> _Found:
    """Find the place of an error: pydantic's path also names union branches, which nobody wrote."""
    loc = error["loc"]
    absent = error["type"] == "missing"

    def walk(node: Node | None, rest: Keys, keys: Keys) -> tuple[tuple[bool, int], Keys, tuple[tuple[Keys, str], ...]]:
        """Return the best reading of `rest`: one that ends on a key, then one that skips least."""
        if not rest:
            return (True, 0), keys, ()
        head, tail = rest[0], rest[1:]
        readings = []
        below = at(node, (head,)) if node is not None else None
        if below is not None or (absent and not tail and node is not None and isinstance(node.value, dict)):
            (ends, skipped), found, forks = walk(below, tail, (*keys, head))
            readings.append(((ends, skipped), found, forks))
        if isinstance(head, str):
            (ends, skipped), found, forks = walk(node, tail, keys)
            readings.append(((ends and bool(tail), skipped - 1), found, ((keys, head), *forks)))
        if not readings:
            return (False, -len(rest)), keys, ()
        return max(readings, key=lambda reading: reading[0])

    _, keys, forks = walk(tree, loc, ())
    return _Found(keys, forks, error)


def _mend(tree: Node, keys: Keys, renamed: set[Keys]) -> Problem | None:
    """Report an unknown key and rename it, once, to what was meant, or take it out."""
    parent, name = at(tree, keys[:-1]), keys[-1] if keys else ""
    if parent is None or parent.keys is None or name not in parent.mapping():
        return None
    assert isinstance(name, str)
    known = known_keys(tree, keys[:-1])
    hint = closest(name, known)
    reason = "unknown key"
    if name == "<<":
        reason = "unknown key: keys are merged so only in YAML 1.1, write them out"
    elif name.isdecimal() and parent.value[name].value is None:  # 39,5 in { } is 39 and a key 5
        reason = "unknown key: the decimal sign is a point, such as 39.5"
    fault = problem(parent.keys[name], keys, reason, hint)
    value, place = parent.value.pop(name), parent.keys.pop(name)
    if hint and hint not in parent.value and keys not in renamed:
        renamed.add((*keys[:-1], hint))
        parent.value[hint], parent.keys[hint] = value, place
    return fault


def known_keys(tree: Node, keys: Keys) -> list[str]:
    """Return the keys that the settings know at this place of the tree."""
    if keys == ("messengers",):
        return list(SETTINGS)
    if keys[:1] == ("messengers",):
        shapes, keys_left, node = [SETTINGS[str(keys[1])]], keys[2:], at(tree, keys[:2])
    else:
        shapes, keys_left, node = [Config], keys, tree
    candidates: list[Any] = list(shapes)
    for key in keys_left:
        node = at(node, (key,)) if node is not None else None
        candidates = [inner for shape in candidates for inner in _below(shape, key)]
        candidates = _of_kind(candidates, node)
    names = [
        field.alias or name
        for shape in candidates
        if isinstance(shape, type) and issubclass(shape, BaseModel)
        for name, field in shape.model_fields.items()
    ]
    return list(dict.fromkeys(names))


def _below(shape: Any, key: str | int) -> Iterator[Any]:
    """Yield the types that may stand under `key` of a value of type `shape`."""
    if isinstance(shape, type) and issubclass(shape, BaseModel):
        for name, field in shape.model_fields.items():
            if key == (field.alias or name):
                yield from _alternatives(field.annotation)
    elif get_origin(shape) is list and isinstance(key, int):
        yield from _alternatives(get_args(shape)[0])
    elif get_origin(shape) is dict:
        yield from _alternatives(get_args(shape)[1])


def _alternatives(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        yield from _alternatives(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, types.UnionType):
        for inner in get_args(annotation):
            yield from _alternatives(inner)
    else:
        yield annotation


def _of_kind(candidates: list[Any], node: Node | None) -> list[Any]:
    """Keep the shapes whose `kind` is the one written, where there is such a choice."""
    kind = node.get("kind") if node is not None else None
    chosen = [
        shape
        for shape in candidates
        if kind is not None
        and isinstance(shape, type)
        and issubclass(shape, BaseModel)
        and "kind" in shape.model_fields
        and shape.model_fields["kind"].default == kind.value
    ]
    return chosen or candidates


def _report(tree: Node, found: list[_Found]) -> list[Problem]:
    """Turn errors into problems, of a union's branches only those that fit what was written."""
    problems: dict[tuple[Keys, str], Problem] = {}
    for group in _by_place(found).values():
        deeper = [item for item in group if item.forks and len(item.keys) > len(item.forks[-1][0])]
        kept = deeper or [item for item in group if _fits(tree, item)] or group
        said = [(item, *_said(tree, item)) for item in kept]
        if len({item.keys for item in kept}) == 1 and all(reason.startswith("must be ") for _, reason, _ in said):
            phrases = dict.fromkeys(reason.removeprefix("must be ") for _, reason, _ in said)
            said = [(kept[0], f"must be {listing(phrases)}", next(filter(None, (hint for *_, hint in said)), ""))]
        for item, reason, hint in said:
            node = at(tree, item.keys) or at(tree, item.keys[:-1]) or tree
            keys = (*item.keys, "kind") if item.error["type"].startswith("union_tag") else item.keys
            node = at(tree, keys) or node
            problems.setdefault((keys, reason), problem(node.place, keys, reason.removeprefix("kind "), hint))
    return list(problems.values())


def _said(tree: Node, item: _Found) -> tuple[str, str]:
    """Say what is wrong; where a mapping is meant, with the keys that it may have."""
    reason, hint = sentence(item.error, at(tree, item.keys))
    known = known_keys(tree, item.keys) if item.error["type"].startswith("model_") else []
    if known:
        reason = f"must be a mapping such as {{{', '.join(f'{name}: …' for name in known[:2])}}}"
    return reason, hint


def _by_place(found: list[_Found]) -> dict[Keys, list[_Found]]:
    """Put together the errors of one union (by its place), and leave the others by their own."""
    groups: dict[Keys, list[_Found]] = {}
    for item in found:
        groups.setdefault(item.forks[-1][0] if item.forks else item.keys, []).append(item)
    return groups


def _fits(tree: Node, item: _Found) -> bool:
    """Return whether this error speaks of the shape that was written, not of another branch of the union."""
    if not item.forks or item.keys != item.forks[-1][0]:
        return True
    node = at(tree, item.keys)
    scalar = node is None or not isinstance(node.value, dict | list)
    kind = item.error["type"]
    if scalar:
        return kind not in _NOT_A_SCALAR
    return kind in ("value_error", "too_short", "too_long", "union_tag_invalid", "union_tag_not_found")
