"""SenML (RFC 8428): a list of records with base values, relative times, and names that hold device and metric."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from alertd.ingest.dialects.row import Row
from alertd.ingest.paths import MISSING
from alertd.ingest.ranges import METRICS
from alertd.model import Rejected

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alertd.ingest.dialects.sparkplug import Nodes

_BY_UNIT: Final = {
    "Cel": "temperature", "K": "temperature", "%RH": "humidity", "%EL": "battery", "EL": "battery", "V": "voltage",
    "A": "current", "W": "power", "J": "energy", "Pa": "pressure", "hPa": "pressure", "lx": "illuminance",
    "kg": "weight", "g": "weight", "m": "distance", "m/s": "speed", "lat": "latitude", "lon": "longitude",
    "beat/min": "heart_rate", "beats": "heart_rate", "l": "water_volume", "l/s": "water_flow", "Hz": "frequency",
    "S/m": "conductivity", "dB": "snr", "dBW": "rssi", "s": "uptime",
}  # fmt: skip
"""What is measured where a name gives the device alone: by the unit (RFC 8428 section 12.1)."""

UNITS: Final = {"lat": "deg", "lon": "deg", "%EL": "%", "beat/min": "1/min", "beats": "1/min"}
"""SenML's units that are not in the table of units."""

REMEMBERED: Final = 256
"""Characters of names and unit up to which it is remembered what they mean."""

RELATIVE: Final = 1 << 28
"""A smaller time counts from now (RFC 8428 section 4.5.3)."""

_FAR: Final = 10**20
"""No clock says so."""


def read_senml(document: Any, _levels: Mapping[str, str], _nodes: Nodes) -> list[Row | Rejected]:
    """Return a row for each device and time of a pack, in its order, behind what was refused."""
    records = document if isinstance(document, list) else [document]
    bn, bt, bu, bv = "", 0, "", None
    rows: dict[tuple[str, Any], Row] = {}
    found: list[Row | Rejected] = []
    for record in records:
        if type(record) is not dict:
            found.append(Rejected("not_senml", "a SenML pack is a list of records"))
            continue
        get = record.get
        bn, bt, bu, bv = get("bn", bn), get("bt", bt), get("bu", bu), get("bv", bv)
        value = get("v", MISSING)
        if type(value) is float or type(value) is int:
            if bv is not None and _number(bv):
                value = _sum(value, bv)
        else:
            value = _other_value(record)
            if value is MISSING:
                continue  # a record of base values alone, or of a sum or a text we have no use for
        n, unit = get("n", ""), get("u", bu)
        if type(bn) is not str or type(n) is not str or type(unit) is not str:
            found.append(Rejected("not_senml", "names and units of SenML are texts"))
            continue
        known = len(bn) + len(n) + len(unit) <= REMEMBERED
        device, metric = split_name(bn, n, unit) if known else split_name.__wrapped__(bn, n, unit)
        if not metric:
            found.append(Rejected("no_metrics", f"{bn}{n}: neither its name nor its unit says what is measured"))
            continue
        t = get("t", 0)
        time = bt + t if type(t) is type(bt) is int and -_FAR < bt + t < _FAR else _time(t, bt)
        row = rows.get((device, time))
        if row is None:
            relative = time != 0 and time < RELATIVE
            row = rows[device, time] = Row({}, MISSING if time == 0 else time, device, relative=relative)
        spelling = UNITS.get(unit, unit)
        row.values[metric] = {"value": value, "unit": spelling} if spelling and type(value) is not bool else value
    found += rows.values()
    return found


def _other_value(record: dict[str, Any]) -> Any:
    value = record.get("v", MISSING)
    if value is not MISSING:
        return value
    if isinstance(record.get("vb"), bool):
        return record["vb"]
    text = record.get("vs", MISSING)
    return text if isinstance(text, str) else MISSING


@lru_cache(maxsize=4096)
def split_name(bn: str, n: str, unit: str) -> tuple[str, str]:
    """Return device and metric. A name whose last part is no known metric is the device's, measured by its unit."""
    if bn and n:
        return bn.rstrip(":/_-"), n.strip(":/_-")
    name = bn + n
    cut = max(name.rfind(":"), name.rfind("/"))
    last = name[cut + 1 :]
    if last.lower() in METRICS:
        return name[: max(cut, 0)].rstrip(":/_-"), last.lower()
    return name.rstrip(":/_-"), _BY_UNIT.get(unit, "")


def _time(t: Any, bt: Any) -> Any:
    total = _sum(t if _number(t) else 0, bt if _number(bt) else 0)
    return total if abs(total) < _FAR else _FAR


def _sum(one: float, other: float) -> float:
    """Return the sum; of a whole number that no float can hold and a float it is infinite, and refused as that."""
    try:
        return one + other
    except OverflowError:
        return math.inf


def _number(value: Any) -> bool:
    return type(value) is int or type(value) is float
