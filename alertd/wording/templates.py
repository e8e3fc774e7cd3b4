"""The operator's own messages: Jinja2 templates, compiled once, sandboxed, never in the way of an alarm.

jinja2 is imported when the first rule has a message: a farm without them saves its
4 MB. Names of animals are values of a template, never part of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

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
    "since",
    "rule",
    "severity",
    "number",
)
"""What a message may name; all are text, empty where it is not known."""

# What an expression that compiles can still raise while it runs, template bugs and hostile sizes alike.
_FAULTS: Final = (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError)


class Templates:
    """The compiled messages by rule and language.

    `faults` names every message that does not compile or does not render with all
    variables filled; such a rule speaks in the plain words.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._texts: dict[str, dict[str, Template]] = {}
        self.faults: list[str] = []
        for rule in rules:
            if rule.message is not None:
                texts = {"": rule.message} if isinstance(rule.message, str) else rule.message
                for language, text in texts.items():
                    self._compile(rule.name, language, text)

    def _compile(self, rule: str, language: str, text: str) -> None:
        from jinja2 import TemplateError  # noqa: PLC0415 (lazy: see the module's docstring)

        where = f"rule {rule}: message" + (f" ({language})" if language else "")
        try:
            template = _environment().from_string(text)
        except TemplateError as error:
            self.faults.append(f"{where}: {error}")
            return
        _, fault = _render(template, dict.fromkeys(VARIABLES, "1"))
        if fault:
            self.faults.append(f"{where}: {fault}")
            return
        self._texts.setdefault(rule, {})[language] = template

    def render(
        self, rule: str, languages: Iterable[str], variables: Mapping[str, str]
    ) -> tuple[str | None, str | None]:
        """Return the rule's message in the first of these languages it has, or else in its first, and a fault.

        (None, None): the rule has no message of its own. (None, fault): it failed; the plain words must do.
        """
        texts = self._texts.get(rule)
        if not texts:
            return None, None
        language = next((one for one in (*languages, "") if one in texts), next(iter(texts)))
        text, fault = _render(texts[language], variables)
        if fault:
            return None, f"rule {rule}: message: {fault}"
        return (text, None) if text else (None, f"rule {rule}: message is empty")


def _environment() -> Any:
    from jinja2 import StrictUndefined  # noqa: PLC0415 (lazy: see the module's docstring)
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    # No autoescape: the text is plain, each messenger escapes for its own markup.
    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, cache_size=0)


def _render(template: Template, variables: Mapping[str, str]) -> tuple[str, str | None]:
    from jinja2 import TemplateError  # noqa: PLC0415 (lazy: see the module's docstring)

    try:
        return template.render(variables).strip(), None
    except (TemplateError, *_FAULTS) as error:
        return "", f"{type(error).__name__}: {error}"
