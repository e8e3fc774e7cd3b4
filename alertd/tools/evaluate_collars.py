"""The oestrus rule on recorded collars, through the whole of alertd: what `alertd backtest` would have told.

Data and scorer are not ours to ship: `root` is a folder with `data/collars` and
`tools/collar_score.py`.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

RULES: Final = Path(__file__).parents[2] / "config" / "rules" / "dairy.yaml"
RULE: Final = "heat"
"""The ready-made rule that is measured. The recordings know no groups and no rumination: activity alone counts."""
CONFIG: Final = """
farm: {{name: Collars}}
mqtt: {{url: mqtt://127.0.0.1}}
include: [{rules}]
sources: [{{preset: alertd}}]
devices:
{devices}
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
        config.write_text(_config(readings), encoding="utf-8")
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
            told = subprocess.run(backtest, capture_output=True, check=True, text=True).stdout  # noqa: S603 (our own command)
            out.writelines(f"{line}\n" for line in told.splitlines() if json.loads(line).get("rule") == RULE)
        score = [sys.executable, str(tool), "--reference", str(reference), "--readings", str(readings), str(alerts)]
        found: dict[str, Any] = json.loads(subprocess.run(score, capture_output=True, check=True, text=True).stdout)  # noqa: S603
        return found


def _config(readings: Path) -> str:
    """Return the ready-made rules on a farm of the recorded animals."""
    with readings.open(encoding="utf-8", newline="") as lines:
        animals = sorted({row["device"] for row in csv.DictReader(lines)})
    devices = "\n".join(f"  - {{id: {json.dumps(one)}, species: cattle}}" for one in animals)
    return CONFIG.format(rules=json.dumps(str(RULES)), devices=devices)
