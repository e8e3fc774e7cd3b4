"""How many of each group are affected: the counts that the group guard keeps (`alerting.guard`)."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Herds:
    """How many of each group are affected."""

    firing: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)
    """(rule, group) to the devices that have the rule firing, with how many alerts each."""
    heard: dict[str, tuple[int, dict[str, int]]] = field(default_factory=dict)
    """Rule to (minute of counting, group to how many devices it judges were heard within a day)."""
