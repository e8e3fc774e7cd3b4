"""2. Readings are judged: windows of all series as arrays, one module per detector kind. Pure.

`KINDS` is the whole plugin mechanism: a new detector is a module here and a line below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Union

from pydantic import Field

from alertd.detect.absence import Absence
from alertd.detect.adaptive import Adaptive
from alertd.detect.baseline import Baseline
from alertd.detect.common import Detector
from alertd.detect.drift import Drift
from alertd.detect.flatline import Flatline
from alertd.detect.fraction import Fraction
from alertd.detect.geofence import Geofence
from alertd.detect.peers import Peers
from alertd.detect.rate import Rate
from alertd.detect.robust_zscore import RobustZScore
from alertd.detect.seasonal import Seasonal
from alertd.detect.spikes import Spikes
from alertd.detect.state import State
from alertd.detect.threshold import Threshold
from alertd.detect.zscore import ZScore

KINDS: Final[dict[str, type[Detector]]] = {
    "threshold": Threshold,
    "zscore": ZScore,
    "robust_zscore": RobustZScore,
    "rate": Rate,
    "drift": Drift,
    "seasonal": Seasonal,
    "baseline": Baseline,
    "flatline": Flatline,
    "spikes": Spikes,
    "peers": Peers,
    "fraction": Fraction,
    "absence": Absence,
    "geofence": Geofence,
    "adaptive": Adaptive,
    "state": State,
}
"""The kinds that judge, by the name the operator writes."""

if TYPE_CHECKING:
    Detect = Detector
else:
    Detect = Annotated[Union[tuple(KINDS.values())], Field(discriminator="kind")]  # noqa: UP007 (built)
    """What stands under `detect:` of a rule: one of the kinds, told apart by `kind:`."""

__all__ = ["KINDS", "Detect", "Detector"]
