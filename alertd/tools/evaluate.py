"""`make evaluate`: how right the alerts are, measured, on one page with the configuration used.

Three things are measured with what is shipped and nothing else: the generic detector on the Numenta
benchmark, the oestrus rule on recorded collars, and all rules for animals and places on made-up herds.
Recorded data is not part of the repository; where it is absent the page says so.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from ruamel.yaml import YAML

from alertd.config.load import load
from alertd.detect.adaptive import Adaptive
from alertd.tools import evaluate_collars, evaluate_nab
from alertd.tools.evaluate_herd import GOALS, WARM, Score, evaluate
from alertd.tools.herd_incidents import CALF

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from alertd.config.config import Config

CONFIG: Final = Path("config/evaluation.yaml")
PAGE: Final = Path("docs/evaluation.md")
REPORTED: Final = tuple(range(1, 21))
TUNED: Final = tuple(range(101, 111))
"""Limits were chosen on these; no herd of the page is among them."""
FLOORS: Final = {"oestrus": (0.90, 0.95), "fever and calving": (0.95, 0.99), "barn": (1.0, 1.0)}
LEARNED: Final = 8
"""Bytes of a learned column."""
NOTICE: Final = 4
"""Hours before the calf that are time to prepare."""
FALSE: Final = (3.0, 1.0)
"""False alerts per 100 animal-days: floor and goal."""


def herds(config: Config, seeds: Sequence[int], animals: int, days: int, every: float) -> Score:
    """Evaluate herds side by side, one process a core."""
    work = partial(evaluate, config, animals=animals, days=days, every=every)
    total = Score()
    if len(seeds) == 1:
        total.add(work(seeds[0]))
        return total
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for one in pool.map(work, seeds):
            total.add(one)
    return total


def herd_page(score: Score, seeds: Sequence[int], animals: int, days: int, every: float) -> str:
    """Return the part of the page about made-up herds."""
    herds = f"{len(seeds)} herds (seeds {seeds[0]} to {seeds[-1]}) of {animals} cows over {days} days"
    size = f"{score.animal_days:,.0f} animal-days, {score.alerts:,} alerts"
    lines = [
        "## Made-up herds, faults on",
        "",
        f"{herds}, a reading every {every / 60:g} min, the first {WARM} days not scored: {size}.",
        "Limits were chosen on herds 101 to 140." if seeds[0] == REPORTED[0] else "Limits are chosen on these herds.",
        "What the end of a run cuts off is not scored. A rule about sensors is right about a fault, a swapped collar",
        "and a gateway that is away; any other alert is false unless its animal or place has what it speaks of.",
        "",
        "| | found | of | share | by chance | floor | goal | median delay |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for goal, kinds in GOALS.items():
        share, chance = score.share(goal)
        found, whole = (sum(counts[kind] for kind in kinds) for counts in (score.found, score.happened))
        floor, wish = FLOORS[goal]
        hours = [hour for kind in kinds for hour in score.delays.get(kind, ())]
        delay = f"{median(hours):.1f} h" if hours else ""
        lines.append(
            f"| {goal} | {found} | {whole} | {share:.3f} | {chance:.3f} | {floor:.2f} | {wish:.2f} | {delay} |"
        )
    chance = 100 * score.false_by_chance / max(1.0, score.animal_days)
    limits = f"{FALSE[0]:.2f} | {FALSE[1]:.2f}"
    number = sum(score.false.values())
    lines += [
        f"| false alerts per 100 animal-days | {number} | | {score.false_rate:.2f} | {chance:.2f} | {limits} | |",
        "",
        "| incident | found | of | by chance | median delay |",
        "|---|---|---|---|---|",
    ]
    for kind in sorted(score.happened):
        hours = score.delays.get(kind, [])
        delay = f"{median(hours):.1f} h" if hours else ""
        chance = score.chance.get(kind, 0.0) / max(1, score.happened[kind])
        lines.append(f"| {kind} | {score.found[kind]} | {score.happened[kind]} | {chance:.3f} | {delay} |")
    lines += ["", *leads(score), "", "| rule | false alerts |", "|---|---|"]
    lines += [f"| {rule} | {count} |" for rule, count in score.false.most_common()]
    return "\n".join(lines) + "\n"


def leads(score: Score) -> list[str]:
    """Return how long before the calf calving was told: an incident goes on for hours after the calf."""
    calf = CALF / 3600
    before = [calf - delay for delay in score.delays.get("calving", ())]
    if not before:
        return ["No calving was found."]
    early, ready = sum(one > 0 for one in before), sum(one >= NOTICE for one in before)
    told = f"{early} of {len(before)} before the calf, {ready} at least {NOTICE} h before."
    first = f"{calf:.0f} h before the calf"
    return [
        f"Calving is found if it is told from 2 h before its first sign, {first}, to 20 h after it.",
        f"Median lead {median(before):.1f} h; {told}",
    ]


def state_page(config: Config) -> str:
    """Return the part of the page about memory: what rules learn of a series, in bytes."""
    rows = [(rule.name, rule.detect.learned * LEARNED) for rule in config.rules if rule.detect.learned]
    rows.append(("`adaptive`, of any series", Adaptive(kind="adaptive").learned * LEARNED))
    lines = ["## State per series", "", "What a rule learns of a series, beside the ring of its newest readings.", ""]
    return "\n".join([*lines, "| rule | bytes |", "|---|---|", *(f"| {name} | {size} |" for name, size in rows)]) + "\n"


def nab_page(root: Path) -> str:
    """Return the part of the page about the Numenta benchmark."""
    head = "## Numenta benchmark, `adaptive`\n\nOne configuration for all 58 series, strictly causal.\n\n"
    try:
        rows = evaluate_nab.evaluate(root)
    except FileNotFoundError as error:
        return f"{head}Not measured: {error} is not there.\n"
    lines = [f"| {what} | {score:.2f} | {chance:.2f} |" for what, score, chance in rows]
    return head + "\n".join(["| | score | by chance |", "|---|---|---|", *lines]) + "\n"


def collar_page(root: Path) -> str:
    """Return the part of the page about recorded collars."""
    head = f"## Recorded collars\n\nThe rule `{evaluate_collars.RULE}` as above, on activity alone.\n\n"
    try:
        found = evaluate_collars.evaluate(root)
    except FileNotFoundError as error:
        return f"{head}Not measured: {error} is not there.\n"
    lines = [
        f"| {name.replace('_', ' ')} | {value} |" for name, value in found.items() if isinstance(value, int | float)
    ]
    return head + "\n".join(["| | |", "|---|---|", *lines]) + "\n"


def met(score: Score) -> list[str]:
    """Return what of the floors is not met."""
    short = [f"{goal}: {score.share(goal)[0]:.3f}" for goal in GOALS if score.share(goal)[0] < FLOORS[goal][0]]
    return short + ([f"false alerts: {score.false_rate:.2f}"] if score.false_rate > FALSE[0] else [])


def read(path: Path) -> Config:
    """Return the configuration to be evaluated.

    Raises:
        SystemExit: it has errors; they were said.
    """
    loaded = load(path)
    if loaded.config is None:
        sys.exit("\n".join(str(problem) for problem in loaded.errors))
    return loaded.config


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the page, and say what is below its floor; returns the exit code."""
    parser = argparse.ArgumentParser(prog="evaluate", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--config", type=Path, default=CONFIG, help="the rules to be measured")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the results go; - is stdout")
    parser.add_argument(
        "--data", type=Path, default=Path("../shared"), help="folder with recorded data and its scorers"
    )
    parser.add_argument("--seeds", type=int, default=len(REPORTED), help="how many herds")
    parser.add_argument("--tuning", action="store_true", help="use the herds that limits are chosen on")
    parser.add_argument("--animals", type=int, default=30)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=30, help="between two readings")
    parser.add_argument("--why", action="store_true", help="name on stdout what was missed and what was false")
    chosen = parser.parse_args(arguments)
    seeds = (TUNED if chosen.tuning else REPORTED)[: chosen.seeds]
    config = read(chosen.config)
    every = chosen.minutes * 60
    score = herds(config, seeds, chosen.animals, chosen.days, every)
    if chosen.why:
        print("\n".join(score.why))
    made = herd_page(score, seeds, chosen.animals, chosen.days, every)
    parts = [made, nab_page(chosen.data), collar_page(chosen.data), state_page(config), _configuration(chosen.config)]
    _write(chosen.page, parts)
    short = met(score)
    for one in short:
        print(f"below the floor: {one}", file=sys.stderr)
    return 1 if short else 0


def _configuration(path: Path) -> str:
    """Return the configuration and, of the rules it includes, what judges: as it is written."""
    text = path.read_text(encoding="utf-8")
    lines = [f"## The configuration\n\n`{path}`:\n\n```yaml\n{text}```\n"]
    lines += ["| derived | formula |", "|---|---|"]
    rules = ["", "| rule | of | mode | judged by |", "|---|---|---|---|"]
    reader = YAML(typ="safe")
    for name in (path.name, *reader.load(text).get("include", ())):
        part = reader.load((path.parent / name).read_text(encoding="utf-8"))
        lines += [f"| {one['metric']} | `{one['formula']}` |" for one in part.get("derived", ())]
        for rule in part.get("rules", ()):
            of = ", ".join(
                [rule["match"]["metric"]] if isinstance(rule["match"]["metric"], str) else rule["match"]["metric"]
            )
            judged = ", ".join(f"{key}: {value}" for key, value in rule["detect"].items() if key != "polygon")
            rules.append(f"| {rule['name']} | {of} | {rule.get('mode', 'live')} | {judged} |")
    return "\n".join(lines + rules) + "\n"


def _write(path: Path, parts: Iterable[str]) -> None:
    head = "# How right the alerts are\n\nWritten by `make evaluate`; do not edit.\n"
    text = "\n".join([head, *parts])
    if str(path) == "-":
        sys.stdout.write(text)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
