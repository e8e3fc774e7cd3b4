"""The oestrus rule on recorded collars, through the whole of alertd: what `alertd backtest` would have told.

Data and scorer are not ours to ship: `root` is a folder with `data/collars` and
`tools/collar_score.py`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

OESTRUS: Final = "{kind: baseline, window: 12h, baseline: 7d, ratio_above: 1.45, clear_after: 24h}"
"""Twelve hours of activity against the same hours of seven days: the rule of config/rules/dairy.yaml."""
CONFIG: Final = f"""
farm: {{name: Collars}}
mqtt: {{url: mqtt://127.0.0.1}}
sources: [{{preset: alertd}}]
rules:
  - name: oestrus
    match: {{metric: activity}}
    detect: {OESTRUS}
    severity: info
    resolve: silent
    group_by: [device]
messengers: {{console: {{}}}}
subscribers: [{{id: farmer, channels: [{{console: farmer}}], consent: 2000-01-01}}]
"""


def evaluate(root: Path) -> dict[str, Any]:
    """Return the scorer's findings: episodes, found, sensitivity, extra_per_animal_week, chance_sensitivity and more.

    Raises:
        FileNotFoundError: data or scorer are not there.
    """
    data, tool = root / "data" / "collars", root / "tools" / "collar_score.py"
    readings, reference = data / "readings.csv", data / "reference.csv"
    for path in (readings, reference, tool):
        if not path.exists():
            raise FileNotFoundError(path)
    with tempfile.TemporaryDirectory() as folder:
        config, alerts = Path(folder) / "alertd.yaml", Path(folder) / "alerts.jsonl"
        config.write_text(CONFIG, encoding="utf-8")
        with alerts.open("w", encoding="utf-8") as out:
            backtest = [
                sys.executable,
                "-m",
                "alertd",
                "backtest",
                "-c",
                str(config),
                str(readings),
                "--format",
                "jsonl",
            ]
            subprocess.run(backtest, stdout=out, check=True)  # noqa: S603 (our own command)
        score = [sys.executable, str(tool), "--reference", str(reference), "--readings", str(readings), str(alerts)]
        found: dict[str, Any] = json.loads(subprocess.run(score, capture_output=True, check=True, text=True).stdout)  # noqa: S603
        return found
