"""What the doctor says: one finding a line, worst kind first to the eye, with the remedy behind it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Level = Literal["ok", "note", "warn", "fail"]
"""fail: does not work now. warn: will lose data or mislead somebody. note: cannot be seen from here."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `part` (broker, source barn, telegram), what was found, what to do."""

    level: Level
    part: str
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.level:<5}{self.part}: {self.text}" + (f"; {self.remedy}" if self.remedy else "")

    def row(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


def failed(findings: Iterable[Finding]) -> bool:
    """Return whether something does not work."""
    return any(finding.level == "fail" for finding in findings)
