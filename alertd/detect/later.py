"""Settings of the detector kinds that are not built yet: accepted and proved, not judged with.

A configuration written for the whole of alertd passes `alertd check` today, which says of
each such rule that its kind is not available yet. A kind leaves this file when its module comes.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from alertd.detect.common import Detector, Number

Degrees = Annotated[Number, Field(ge=-180, le=180)]


class Later(Detector):
    """A kind that judges nothing yet: to it no reading is bad and none is good."""


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
    "geofence": Geofence,
}
"""Kind as written in `detect: {kind: …}` to its settings."""
