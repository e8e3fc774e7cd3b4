"""`geofence`: where an animal is, how far it is from where it should be, and how sure that is."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd.detect.formula import compile_formula
from alertd.detect.geofence import POSITION, Geofence, rings, unpacked
from alertd.model import BAD, BAND, GOOD

SQUARE = [[10.0, 50.0], [10.01, 50.0], [10.01, 50.01], [10.0, 50.01]]
"""About 715 by 1112 metres."""
HOLE = [[10.004, 50.004], [10.006, 50.004], [10.006, 50.006], [10.004, 50.006], [10.004, 50.004]]
PACK = compile_formula(POSITION.formula, POSITION.from_)


def packed(*points):
    return np.array([PACK({"lat": latitude, "lon": longitude}) for longitude, latitude in points])


def judged(fence, *points):
    """States and metres of positions of one animal, in order."""
    learned = np.full((1, 1), np.nan)
    verdicts = [fence.judge(None, learned, np.array([0]), packed(point), slot=0) for point in points]
    return [int(one.state[0]) for one in verdicts], [round(float(one.score[0])) for one in verdicts]


@given(st.floats(-180, 180), st.floats(-90, 90))
def test_a_position_keeps_a_third_of_a_metre(longitude, latitude):
    value = packed((longitude, latitude))
    assert value[0] < 2**53
    back = unpacked(value)
    assert abs(back[0][0] - longitude) < 2e-6
    assert abs(back[1][0] - latitude) < 2e-6


def test_one_stray_fix_is_nothing_two_in_a_row_are():
    fence = Geofence(kind="geofence", polygon=SQUARE)
    inside, out = (10.005, 50.005), (10.02, 50.005)
    assert judged(fence, inside, out, inside, out, out, inside)[0] == [GOOD, BAND, GOOD, BAND, BAD, GOOD]


def test_distance_is_in_metres_and_the_margin_counts():
    fence = Geofence(kind="geofence", polygon=SQUARE, fixes=1)
    states, metres = judged(fence, (10.005, 50.0099), (10.005, 50.0101), (10.005, 50.0103), (9.99, 50.005))
    assert states == [GOOD, BAND, BAD, BAD]
    assert metres == pytest.approx([-11, 11, 33, 715], abs=2)


def test_a_hole_is_outside_and_an_area_may_be_the_one_to_avoid():
    area = {"type": "Polygon", "coordinates": [[*SQUARE, SQUARE[0]], HOLE]}
    geojson = json.dumps({"type": "Feature", "geometry": area})
    pasture = Geofence(kind="geofence", inside="pasture.geojson", fixes=1, margin_m=5).reading(geojson)
    pond = Geofence(kind="geofence", outside="pond.geojson", fixes=1, margin_m=5).reading(geojson)
    pool, grass, road = (10.005, 50.005), (10.002, 50.002), (10.02, 50.005)
    assert judged(pasture, pool, grass, road)[0] == [BAD, GOOD, BAD]
    assert judged(pond, pool, grass, road)[0] == [GOOD, BAD, GOOD]
    assert pond.reason(0, 12.4, np.nan, "m") == "12 m inside the area"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is no JSON"),
        ("[]", "has no Polygon"),
        ('{"type": "Point", "coordinates": [1, 2]}', "has no Polygon"),
        ('{"type": "Polygon", "coordinates": [[[1, 2], [3, 4]]]}', "fewer than three points"),
        ('{"type": "Polygon", "coordinates": [[[1], [3], [4]]]}', "not .longitude, latitude."),
        ('{"type": "Polygon", "coordinates": [[[50, 100], [50, 101], [51, 100]]]}', "off the Earth"),
    ],
)
def test_a_file_that_is_no_area_says_why(text, says):
    with pytest.raises(ValueError, match=says):
        rings(text)


def test_collections_and_several_areas_are_one_area():
    polygon = {"type": "Polygon", "coordinates": [SQUARE]}
    far = {"type": "MultiPolygon", "coordinates": [[[[20, 50], [21, 50], [21, 51]]]]}
    both = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "geometry": polygon},
            {"type": "Feature", "geometry": {"type": "GeometryCollection", "geometries": [far]}},
        ],
    }
    assert len(rings(json.dumps(both))) == 2
