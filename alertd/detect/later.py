"""Settings of the detector kinds that are not built yet: accepted and proved, not judged with.

A configuration written for the whole of alertd passes `alertd check` today, which says of
each such rule that its kind is not available yet. A kind leaves this file when its module comes.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from alertd.detect.common import Detector, Number
from alertd.model import DAY, HOUR
from alertd.settings import Duration

Positive = Annotated[Number, Field(gt=0)]
Share = Annotated[Number, Field(ge=0, le=1)]
Span = Annotated[Duration, Field(gt=0)]
Degrees = Annotated[Number, Field(ge=-180, le=180)]


class Later(Detector):
    """A kind that judges nothing yet: to it no reading is bad and none is good."""


class Seasonal(Later):
    """Distance from the own same-hour baseline, in 1.4826 MAD."""

    kind: Literal["seasonal"] = "seasonal"
    baseline: Span = Field(10 * DAY, validate_default=False)
    bucket: Span = Field(HOUR, le=DAY, validate_default=False)
    above: Positive = Field(description="robust deviations")
    direction: Literal["up", "down", "both"] = "both"


class Baseline(Later):
    """An aggregate over a window against the own baseline, as a difference or a ratio."""

    kind: Literal["baseline"] = "baseline"
    window: Span
    baseline: Span
    aggregate: Literal["mean", "sum", "min", "max", "median"] = "mean"
    delta_above: Number | None = None
    delta_below: Number | None = None
    ratio_above: Positive | None = None
    ratio_below: Positive | None = None

    @model_validator(mode="after")
    def _limited(self) -> Baseline:
        if all(x is None for x in (self.delta_above, self.delta_below, self.ratio_above, self.ratio_below)):
            raise ValueError("needs delta_above, delta_below, ratio_above or ratio_below")
        if self.baseline <= self.window:
            raise ValueError("baseline must be longer than window")
        return self


class Geofence(Later):
    """Position outside an area. `match: {metric: position}`."""

    kind: Literal["geofence"] = "geofence"
    inside: str | None = Field(None, description="a GeoJSON file")
    polygon: list[Annotated[list[Degrees], Field(min_length=2, max_length=2)]] | None = Field(
        None, min_length=3, description="[[lon, lat], …]"
    )
    margin_m: Number = Field(20.0, ge=0, description="metres")
    fixes: int = Field(2, ge=1, description="positions in a row")

    @model_validator(mode="after")
    def _one_area(self) -> Geofence:
        if (self.inside is None) == (self.polygon is None):
            raise ValueError("needs inside: FILE.geojson or polygon: [[lon, lat], …], one of them")
        return self


KINDS: Final[dict[str, type[Later]]] = {
    "seasonal": Seasonal,
    "baseline": Baseline,
    "geofence": Geofence,
}
"""Kind as written in `detect: {kind: …}` to its settings."""
