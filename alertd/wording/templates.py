"""The operator's own messages: Jinja2 templates, compiled once, sandboxed, never in the way of an alarm.

jinja2 is imported when the first rule has a message: a farm without them saves its
4 MB. Names of animals are values of a template, never part of one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from alertd.wording.values import ANY, FILTERS, Figure, Moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jinja2 import Template

    from alertd.alerting.settings import Rule

VARIABLES: Final = (
    "device",
    "name",
    "tag",
    "id",
    "group",
    "metric",
    "value",
    "normal",
    "limit",
    "delta",
    "ratio",
    "since",
    "duration",
    "rule",
    "severity",
    "number",
)
"""What a message may name; all are text, empty where it is not known.

`value`, `normal`, `limit` and `delta` (value less normal) take the filters `number` and `unit`, `since`
takes `since` and `ago`, `tag` takes `ear_tag` (`alertd.wording.values`).
"""
FIGURES: Final = frozenset({"value", "normal", "limit", "delta", "ratio"})

KEPT: Final = (
    *("abs", "capitalize", "default", "first", "float", "int", "last", "length", "lower"),
    *("replace", "round", "title", "trim", "upper"),
)
"""Jinja's own filters that a message may use: they reshape what is there and cannot make it long."""

# What an expression that compiles can still raise while it runs, template bugs and hostile sizes alike.
_FAULTS: Final = (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError)
_TITLE: Final = re.compile(r"([^{}:.!?\n]{2,40}):\s")
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+")


class Templates:
    """The compiled messages by rule and language.

    `faults` names every message that does not compile or does not render with all
    variables filled; such a rule speaks in the plain words.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._texts: dict[str, dict[str, Template]] = {}
        self._advice: dict[str, dict[str, str]] = {}
        self._titles: dict[str, dict[str, str]] = {}
        self.faults: list[str] = []
        for rule in rules:
            if rule.message is not None:
                texts = {"": rule.message} if isinstance(rule.message, str) else rule.message
                for language, text in texts.items():
                    self._compile(rule.name, language, text)

    def _compile(self, rule: str, language: str, text: str) -> None:
        template, fault = compiled(text)
        if template is None:
            self.faults.append(f"rule {rule}: message" + (f" ({language}): {fault}" if language else f": {fault}"))
            return
        self._texts.setdefault(rule, {})[language] = template
        self._advice.setdefault(rule, {})[language] = advice_in(text)
        self._titles.setdefault(rule, {})[language] = title_in(text)

    def render(
        self, rule: str, languages: Iterable[str], variables: Mapping[str, str]
    ) -> tuple[str | None, str | None]:
        """Return the rule's message in the first of these languages it has, or else in its first, and a fault.

        (None, None): the rule has no message of its own. (None, fault): it failed; the plain words must do.
        """
        texts = self._texts.get(rule)
        if not texts:
            return None, None
        language = _chosen(texts, languages)
        text, fault = _render(texts[language], variables)
        if fault:
            return None, f"rule {rule}: message: {fault}"
        return (text, None) if text else (None, f"rule {rule}: message is empty")

    def advice(self, rule: str, languages: Iterable[str]) -> str:
        """Return what the rule's message says to do, whatever was measured; "" if it has no such words."""
        texts = self._advice.get(rule)
        return texts[_chosen(texts, languages)] if texts else ""

    def title(self, rule: str, languages: Iterable[str]) -> str:
        """Return what the rule's message calls it, "" if it does not begin with a name."""
        texts = self._titles.get(rule)
        return texts[_chosen(texts, languages)] if texts else ""


def compiled(text: str) -> tuple[Template | None, str]:
    """Return a message ready to be filled in; or None, and why it will never be one."""
    from jinja2 import TemplateError  # noqa: PLC0415 (lazy: see the module's docstring)

    try:
        template = _environment().from_string(text)
    except TemplateError as error:
        return None, str(error)
    _, fault = _render(template, _filled())
    return (None, fault) if fault else (template, "")


def title_in(text: str) -> str:
    """Return the words before the first colon, such as `Fever` of `Fever: {{ device }}, …`; "" if there are none.

    A rule's name is a word of the file, in one language; this is what people call it in theirs.
    """
    found = _TITLE.match(text.strip())
    return found[1].strip() if found else ""


def advice_in(text: str) -> str:
    """Return the sentences at the end of a message that name no variable, such as "Check udder.".

    They hold for every animal, and so also for a message about several and for the fixed
    templates of WhatsApp. A text without any variable is no advice but the whole message.
    """
    found: list[str] = []
    sentences = _SENTENCE.split(" ".join(text.split()))
    for sentence in reversed(sentences):
        if "{" in sentence or "}" in sentence:
            break
        found.insert(0, sentence)
    return " ".join(found) if len(found) < len(sentences) else ""


def _chosen(texts: Mapping[str, object], languages: Iterable[str]) -> str:
    return next((one for one in (*languages, "") if one in texts), next(iter(texts)))


def _filled() -> dict[str, str]:
    """Return all variables with something in them: what does not render with these never will."""
    values: dict[str, str] = dict.fromkeys(VARIABLES, "1")
    values |= {name: Figure.of("1", 1.0, ANY) for name in FIGURES}
    return values | {"since": Moment.of(0, 60_000_000, "UTC", "en")}


def _environment() -> Any:
    from jinja2 import StrictUndefined  # noqa: PLC0415 (lazy: see the module's docstring)
    from jinja2.exceptions import SecurityError  # noqa: PLC0415
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    class Sandbox(ImmutableSandboxedEnvironment):
        """No attribute that leads out (Jinja's own guard), no multiplication that makes a text endless."""

        intercepted_binops = frozenset({"*", "**"})

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            if operator == "**" or isinstance(left, str) or isinstance(right, str):
                raise SecurityError(f"{operator} is not for messages")
            return super().call_binop(context, operator, left, right)

    # No autoescape: the text is plain, each messenger escapes for its own markup.
    sandbox = Sandbox(undefined=StrictUndefined, autoescape=False, cache_size=0)
    sandbox.filters = {name: sandbox.filters[name] for name in KEPT} | FILTERS
    sandbox.globals = {}
    return sandbox


def _render(template: Template, variables: Mapping[str, str]) -> tuple[str, str | None]:
    from jinja2 import TemplateError  # noqa: PLC0415 (lazy: see the module's docstring)

    try:
        return template.render(variables).strip(), None
    except (TemplateError, *_FAULTS) as error:
        return "", f"{type(error).__name__}: {error}"
