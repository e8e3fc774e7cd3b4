"""`make week`: how many messages a person gets in one week of a made-up herd.

The same week is told three times: every alert by itself, grouped as the rules are shipped, and with
what a careful operator sets for people: quiet hours, a budget, a digest. `evaluate_herd` says what
of it was right; here it is only counted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from alertd.audience.settings import Subscriber
from alertd.config.load import load
from alertd.model import DAY
from alertd.tools.backtest_replay import Replay
from alertd.tools.evaluate_herd import START, WARM, devices, record
from alertd.tools.herd import Herd, cow_names
from alertd.tools.herd_incidents import natural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alertd.config.config import Config
    from alertd.tools.backtest_recorder import Recording

DAYS: Final = WARM + 7
CALM: Final = {
    "quiet_hours": {"from": "21:00", "to": "05:00"},
    "budget": {"per_day": 10},
    "digest": {"at": "06:00", "collect": "info"},
}
"""What a careful operator sets for everybody."""
HEAD: Final = ("", "person", "messages a day", "worst day", "critical a day")


@dataclass(slots=True)
class Told:
    """What one person was told after the rules had learned: messages by day, critical ones, messages by rule."""

    days: Counter[int] = field(default_factory=Counter)
    critical: int = 0
    rules: Counter[str] = field(default_factory=Counter)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the tables; return 0, 2 for a configuration that is wrong."""
    parser = argparse.ArgumentParser(prog="python -m alertd.tools.week", description=__doc__)
    parser.add_argument("--config", type=Path, default=Path("config/catalogue.yaml"))
    parser.add_argument("--page", type=Path, help="where the tables go; default stdout")
    parser.add_argument("--animals", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=30.0, help="between two readings of a device")
    parser.add_argument("--live", action="store_true", help="shadow rules are told, too")
    chosen = parser.parse_args(arguments)
    loaded = load(chosen.config)
    if loaded.config is None:
        print("\n".join(str(error) for error in loaded.errors), file=sys.stderr)
        return 2
    herd = Herd(chosen.animals, chosen.seed, natural(cow_names(chosen.animals), chosen.seed, DAYS), transport=True)
    rules = [one.model_copy(update={"mode": "live"} if chosen.live else {}) for one in loaded.config.rules]
    config = loaded.config.model_copy(update={"devices": devices(herd), "rules": rules})
    recording = record(herd, chosen.minutes * 60, DAYS)
    ways = variants(config)
    with ProcessPoolExecutor(min(len(ways), os.cpu_count() or 1)) as pool:
        found = list(pool.map(partial(told, recording=recording), [one for _, one in ways]))
    shadow = "shadow rules told" if chosen.live else "shadow rules told to nobody"
    size = f"{chosen.animals} animals, a reading every {chosen.minutes:g} min"
    what = f"`{chosen.config}`: {len(rules)} rules, {shadow}. {size}."
    text = page(what, [(name, outcome) for (name, _), outcome in zip(ways, found, strict=True)])
    if chosen.page is None:
        sys.stdout.write(text)
    else:
        chosen.page.write_text(text, encoding="utf-8")
    return 0


def variants(config: Config) -> list[tuple[str, Config]]:
    """Return the farm as it would be without grouping, as shipped, and with quiet hours, budget and digest."""
    alone = [one.model_copy(update={"group_by": ["device", "metric"], "herd": None}) for one in config.rules]
    calm = [Subscriber.model_validate(one.model_dump(by_alias=True) | CALM) for one in config.subscribers]
    return [
        ("every alert by itself", config.model_copy(update={"rules": alone})),
        ("grouped", config.model_copy()),
        ("grouped, quiet hours, budget, digest", config.model_copy(update={"subscribers": calm})),
    ]


def told(config: Config, recording: Recording) -> dict[str, Told]:
    """Return what each person is told in the week after the days in which rules learn."""
    found = {one.id: Told() for one in config.subscribers}
    rule_of: dict[str, str] = {}
    for happened in Replay(config, recording).run():
        if happened.alert is not None:
            rule_of[f"A-{happened.alert.number}"] = happened.alert.rule
        message = happened.message
        if message is None or happened.at < START + WARM * DAY:
            continue
        one = found[message.subscriber]
        one.days[(happened.at - START) // DAY] += 1
        one.critical += message.critical
        one.rules.update({rule_of.get(number, message.kind.value) for number in message.alerts})
    return found


def page(what: str, ways: Sequence[tuple[str, dict[str, Told]]]) -> str:
    """Return the tables: messages a day by person, and which rules they are of."""
    lines = [
        "# A week of messages",
        "",
        "Written by `make week`; do not edit.",
        "",
        what,
        "",
        _row(HEAD),
        _row(["---"] * 5),
    ]
    for name, people in ways:
        for number, (person, one) in enumerate(people.items()):
            first = name if number == 0 else ""
            worst = max(one.days.values(), default=0)
            lines.append(_row([first, person, f"{one.days.total() / 7:.1f}", str(worst), f"{one.critical / 7:.1f}"]))
    lines += ["", "Messages a day and person that tell of a rule:", "", _row(["rule", *(name for name, _ in ways)])]
    lines.append(_row(["---"] * (1 + len(ways))))
    each = [_by_rule(people) for _, people in ways]
    for rule in sorted({name for one in each for name in one}, key=lambda name: -each[0].get(name, 0.0)):
        lines.append(_row([rule, *(f"{one.get(rule, 0.0):.1f}" for one in each)]))
    return "\n".join(lines) + "\n"


def _by_rule(people: dict[str, Told]) -> dict[str, float]:
    whole: Counter[str] = Counter()
    for one in people.values():
        whole.update(one.rules)
    return {rule: count / 7 / len(people) for rule, count in whole.items()}


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    raise SystemExit(main())
