"""Presets: sources that ship ready-made. Data, not code: a preset is one line in PRESETS and its shapes.

Sources of the facts: DOMAIN.md section 1. The shapes stand in three files by where the
messages come from: `presets_lorawan`, `presets_home`, `presets_hubs`.
"""

from __future__ import annotations

from typing import Final

from alertd.ingest.presets_home import HOME
from alertd.ingest.presets_hubs import HUBS
from alertd.ingest.presets_lorawan import LORAWAN_SERVERS
from alertd.ingest.shapes import Preset, Shape

PRESETS: Final[dict[str, Preset]] = {
    "alertd": Preset(
        "alertd/v1",
        (Shape("{base}/{site}/{kind}/{device}", time="ts", auto=True),),
    ),
    **LORAWAN_SERVERS,
    **HOME,
    **HUBS,
}
"""Every preset, by the name the operator writes."""
