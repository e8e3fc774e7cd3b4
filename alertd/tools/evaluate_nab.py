"""The adaptive detector on the Numenta Anomaly Benchmark, by the benchmark's own definition.

Data and scorer are not ours to ship: `root` is a folder with `data/nab` and
`tools/nab_score.py`. One configuration for all 58 files, strictly causal.
"""

from __future__ import annotations

import importlib.util
import random
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alertd.tools.score import LIMIT, scores

if TYPE_CHECKING:
    from pathlib import Path

PROFILES: Final = {
    "standard": "standard",
    "reward_low_FP_rate": "low false alarms",
    "reward_low_FN_rate": "low misses",
}
SPLITS: Final = 6


def evaluate(root: Path) -> list[tuple[str, float, float]]:
    """Return (what, score, chance) rows; a score of 100 is perfect, chance what random scores get.

    Raises:
        FileNotFoundError: data or scorer are not there.
    """
    nab, tool = root / "data" / "nab", root / "tools" / "nab_score.py"
    for path in (nab, tool):
        if not path.exists():
            raise FileNotFoundError(path)
    spec = importlib.util.spec_from_file_location("nab_score", tool)
    assert spec is not None
    assert spec.loader is not None
    scorer: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(scorer)
    whole = scorer.Scorer(str(nab))
    ours = [scores(file.ts.astype(np.int64) * 1_000_000, file.val) for file in whole.files]
    dice = np.random.default_rng(1)
    chance = [dice.random(file.n) for file in whole.files]
    best, luck = whole.sweep(ours), whole.sweep(chance)
    fixed = whole.at(ours, LIMIT)
    rows = [(f"NAB {said}", best[key]["score"], luck[key]["score"]) for key, said in PROFILES.items()]
    rows += [(f"NAB {said}, threshold {LIMIT}", fixed[key]["score"], 0.0) for key, said in PROFILES.items()]
    frozen = _frozen(scorer, nab, whole.files, [ours, chance])
    return [*rows, ("NAB standard, threshold from a random half, scored on the other", *frozen)]


def _frozen(scorer: Any, nab: Path, files: list[Any], tried: list[list[Any]]) -> tuple[float, float]:
    """Return the mean score of each when the threshold comes from the other half of the files, over 6 splits."""
    sums = np.zeros(len(tried))
    for seed in range(SPLITS):
        order = list(range(len(files)))
        random.Random(seed).shuffle(order)  # noqa: S311 (a split, no secret)
        halves = [sorted(order[: len(order) // 2]), sorted(order[len(order) // 2 :])]
        parts = [scorer.Scorer(str(nab), subset={files[at].rel for at in half}.__contains__) for half in halves]
        for this, other in ((0, 1), (1, 0)):
            for number, one in enumerate(tried):
                limit = parts[this].sweep([one[at] for at in halves[this]])["standard"]["threshold"]
                sums[number] += parts[other].at([one[at] for at in halves[other]], limit)["standard"]["score"]
    first, second = (sums / (2 * SPLITS)).tolist()
    return first, second
