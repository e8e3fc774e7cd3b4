"""`geofence`: a position outside (or inside) an area.

A position is the latitude and longitude of one message. They become one reading of the metric
`position`, so that one rule on one series judges them: both numbers packed into one that float64
holds exactly, a third of a metre fine (`POSITION`). What people see is how far it is outside.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import numpy as np
from pydantic import Field, PrivateAttr, model_validator

from alertd.detect.common import Detector, Number
from alertd.detect.derived import Derived
from alertd.model import BAD, BAND, GOOD, Verdicts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alertd.seams import History

    Ring = NDArray[np.float64]
    """(n, 2) longitude and latitude in degrees; the last point is the first."""

FINE: Final = 300_000
"""Steps a degree: 0.37 m. 180 times 360 degrees of them fit the 53 bits of a float64."""
WIDE: Final = 360 * FINE + 1
METRES: Final = 111_195.0
"""A degree of latitude on a sphere of 6371 km radius; the ellipsoid differs by half a percent."""

POSITION: Final = Derived.model_validate(
    {
        "metric": "position",
        "from": {"lat": "latitude", "lon": "longitude"},
        "formula": f"round((lat + 90) * {FINE}) * {WIDE} + round((lon + 180) * {FINE})",
        "max_age": "1s",
    }
)
"""What makes a position of a message's two numbers."""

Degrees = Annotated[Number, Field(ge=-180, le=180)]
Point = Annotated[list[Degrees], Field(min_length=2, max_length=2)]


class Geofence(Detector):
    """Position outside an area, or inside one that is to be avoided. `match: {metric: position}`."""

    kind: Literal["geofence"] = "geofence"
    inside: str | None = Field(None, description="a GeoJSON file: the area it must be inside of")
    outside: str | None = Field(None, description="a GeoJSON file: the area it must stay outside of")
    polygon: list[Point] | None = Field(None, min_length=3, description="[[lon, lat], …]: must be inside")
    margin_m: Number = Field(20.0, ge=0, description="metres: GNSS on an animal is off by 11 m, more under trees")
    fixes: int = Field(2, ge=1, le=1000, description="positions in a row")

    _rings: tuple[Ring, ...] = PrivateAttr(default=())

    @model_validator(mode="after")
    def _one_area(self) -> Geofence:
        if sum(area is not None for area in (self.inside, self.outside, self.polygon)) != 1:
            raise ValueError(
                "needs inside: FILE.geojson, outside: FILE.geojson or polygon: [[lon, lat], …], one of them"
            )
        if self.polygon is not None:
            self._rings = (_closed(self.polygon),)
        return self

    @property
    def file(self) -> str | None:
        """The GeoJSON file that `reading` wants, None where the area stands in the rule."""
        return self.inside or self.outside

    def reading(self, geojson: str) -> Geofence:
        """Return the same rule with the area of its file.

        Raises:
            ValueError: the text is no GeoJSON with a polygon.
        """
        made = self.model_copy()
        made._rings = rings(geojson)  # noqa: SLF001 (its own)
        return made

    @property
    def learned(self) -> int:
        """Return 1: how many positions in a row were beyond the margin."""
        return 1

    def told(self, value: float, score: float, normal: float) -> float:  # noqa: ARG002 (a packed position says nothing)
        """Return metres, not the packed position."""
        return score

    def told_unit(self, unit: str) -> str:  # noqa: ARG002
        """Return `m`."""
        return "m"

    def judge(
        self,
        history: History | None,  # noqa: ARG002 (a position speaks for itself)
        learned: NDArray[np.float64],
        time: NDArray[np.int64],  # noqa: ARG002
        value: NDArray[np.float64],
        *,
        slot: int,  # noqa: ARG002
    ) -> Verdicts:
        """Judge k positions; the score is how many metres it is on the wrong side (negative: on the right one)."""
        longitude, latitude = unpacked(value)
        wrong = np.array([self._wrong(*point) for point in zip(longitude.tolist(), latitude.tolist(), strict=True)])
        beyond = wrong > self.margin_m
        count = np.where(beyond, np.nan_to_num(learned[:, 0]) + 1, 0.0)
        learned[:, 0] = np.minimum(count, self.fixes)
        state = np.where(beyond & (count >= self.fixes), BAD, np.where(wrong <= 0, GOOD, BAND)).astype(np.int8)
        return Verdicts(state, wrong, np.full(len(value), np.nan))

    def reason(self, value: float, score: float, normal: float, unit: str) -> str:  # noqa: ARG002 (it has only a distance)
        """Say how far, and on which side."""
        return f"{score:.0f} m {'inside' if self.outside is not None else 'outside'} the area"

    def _wrong(self, longitude: float, latitude: float) -> float:
        """Return metres to the edge: positive on the wrong side, negative on the right one."""
        inside, edge = False, np.inf
        for ring in self._rings:
            inside ^= _inside(ring, longitude, latitude)  # a hole is a ring within a ring
            edge = min(edge, _to_edge(ring, longitude, latitude))
        return -edge if inside == (self.outside is None) else edge


def unpacked(value: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (longitudes, latitudes) in degrees of packed positions."""
    whole = value.astype(np.int64)
    return (whole % WIDE) / FINE - 180, (whole // WIDE) / FINE - 90


def rings(geojson: str) -> tuple[Ring, ...]:
    """Return the rings of all polygons of a GeoJSON text (RFC 7946), holes among them.

    Raises:
        ValueError: what is wrong with it.
    """
    try:
        document = json.loads(geojson)
    except ValueError as error:
        raise ValueError(f"is no JSON: {error}") from None
    found = [_closed(ring) for polygon in _polygons(document) for ring in polygon]
    if not found:
        raise ValueError("has no Polygon or MultiPolygon")
    return tuple(found)


def _polygons(thing: Any) -> list[list[Any]]:
    match thing:
        case {"type": "FeatureCollection", "features": list(features)}:
            return [polygon for feature in features for polygon in _polygons(feature)]
        case {"type": "Feature", "geometry": geometry}:
            return _polygons(geometry)
        case {"type": "GeometryCollection", "geometries": list(geometries)}:
            return [polygon for geometry in geometries for polygon in _polygons(geometry)]
        case {"type": "Polygon", "coordinates": list(polygon)}:
            return [polygon]
        case {"type": "MultiPolygon", "coordinates": list(polygons)}:
            return polygons
    return []


def _closed(points: Any) -> Ring:
    try:
        ring = np.array([[float(point[0]), float(point[1])] for point in points])
    except (TypeError, ValueError, IndexError):
        raise ValueError("has a ring whose points are not [longitude, latitude]") from None
    if len(ring) < 3:  # noqa: PLR2004 (a triangle)
        raise ValueError("has a ring of fewer than three points")
    if not (np.isfinite(ring).all() and (np.abs(ring) <= (180, 90)).all()):
        raise ValueError("has a point off the Earth: points are [longitude, latitude] in degrees")
    return ring if (ring[0] == ring[-1]).all() else np.vstack([ring, ring[:1]])


def _inside(ring: Ring, longitude: float, latitude: float) -> bool:
    """Count the edges that a ray to the east crosses (W. R. Franklin's pnpoly)."""
    x, y = ring[:-1, 0], ring[:-1, 1]
    next_x, next_y = ring[1:, 0], ring[1:, 1]
    spans = (y > latitude) != (next_y > latitude)
    with np.errstate(divide="ignore", invalid="ignore"):
        crosses = spans & (longitude < (next_x - x) * (latitude - y) / (next_y - y) + x)
    return bool(crosses.sum() % 2)


def _to_edge(ring: Ring, longitude: float, latitude: float) -> float:
    """Return metres to the nearest edge, on a plane that touches the Earth at the position."""
    scale = np.array([METRES * np.cos(np.radians(latitude)), METRES])
    points = (ring - (longitude, latitude)) * scale
    start, along = points[:-1], np.diff(points, axis=0)
    length = (along**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.clip(np.nan_to_num(-(start * along).sum(axis=1) / length), 0, 1)
    nearest = start + share[:, None] * along
    return float(np.hypot(nearest[:, 0], nearest[:, 1]).min())
