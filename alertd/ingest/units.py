"""Units: every spelling seen on farms, and how it becomes one of the canonical ones (CONTRACT.md section 3).

A table and not pint: that costs 40 MiB and 0.9 s (DOMAIN.md section 0). Factors are
exact by definition (foot, pound, US gallon) or by SI.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

Conversion = tuple[str, float, float]
"""Canonical unit, factor, offset: canonical value = value * factor + offset."""

_FOOT = 0.3048
_POUND = 0.45359237
_GALLON = 3.785411784

_TABLE: Final[dict[str, dict[str, tuple[float, float]]]] = {
    "degC": {
        "degC °C Cel Celsius C GradC Grad ℃": (1, 0),
        "degF °F [degF] Fahrenheit F ℉": (1 / 1.8, -32 / 1.8),
        "K Kelvin": (1, -273.15),
    },
    "%": {
        "% %RH %rF %r.F. RH %EL percent pct Prozent": (1, 0),
        "m3/m3 m3.m-3": (100, 0),  # volumetric water content
        "‰ promille": (0.1, 0),
    },
    "V": {"V Volt Volts": (1, 0), "mV Millivolt": (1e-3, 0), "kV Kilovolt": (1e3, 0)},
    "A": {"A Ampere Amp Amps": (1, 0), "mA": (1e-3, 0), "µA uA": (1e-6, 0)},
    "W": {"W Watt Watts": (1, 0), "mW": (1e-3, 0), "kW": (1e3, 0), "MW": (1e6, 0), "PS": (735.49875, 0)},
    "kWh": {
        "kWh kW.h": (1, 0),
        "Wh W.h": (1e-3, 0),
        "MWh MW.h": (1e3, 0),
        "Wmin W.min": (1e-3 / 60, 0),
        "J Ws W.s": (1e-3 / 3600, 0),
        "kJ": (1 / 3600, 0),
        "MJ": (1 / 3.6, 0),
    },
    "L": {
        "L l ltr Liter Litre Liters Litres": (1, 0),
        "mL ml": (1e-3, 0),
        "hL hl": (100, 0),
        "m3 m^3 cbm": (1e3, 0),
        "gal [gal_us]": (_GALLON, 0),
    },
    "L/min": {
        "L/min l/min lpm": (1, 0),
        "L/s l/s L.s-1": (60, 0),
        "L/h l/h L.h-1 l.h-1": (1 / 60, 0),
        "m3/h m^3/h": (1000 / 60, 0),
        "gal/min gpm": (_GALLON, 0),
    },
    "m": {
        "m Meter Metre": (1, 0),
        "mm Millimeter": (1e-3, 0),
        "cm Zentimeter": (1e-2, 0),
        "dm": (0.1, 0),
        "km": (1e3, 0),
        "in [in_i] inch": (_FOOT / 12, 0),
        "ft [ft_i] feet foot": (_FOOT, 0),
    },
    "m/s": {
        "m/s mps m.s-1": (1, 0),
        "km/h kmh kph kmph": (1 / 3.6, 0),
        "mph mi/h [mi_i]/h": (0.44704, 0),
        "kn kt [kn_i] knots": (1852 / 3600, 0),
    },
    "deg": {"deg ° Grad° degrees degree": (1, 0), "rad": (57.29577951308232, 0)},
    "ppm": {"ppm [ppm] ppmv": (1, 0), "ppb [ppb]": (1e-3, 0)},
    "hPa": {
        "hPa mbar Hektopascal": (1, 0),
        "Pa Pascal": (1e-2, 0),
        "kPa": (10, 0),
        "MPa": (1e4, 0),
        "bar": (1e3, 0),
        "psi [psi]": (68.94757293168361, 0),
        "mmHg mm[Hg]": (1.33322387415, 0),
        "inHg [in_i'Hg]": (33.86388666666671, 0),
    },
    "lx": {"lx lux": (1, 0), "klx klux": (1e3, 0)},
    "Hz": {"Hz 1/s s-1": (1, 0), "kHz": (1e3, 0), "MHz": (1e6, 0)},
    "dB": {"dB": (1, 0)},
    "dBm": {"dBm dB[m]": (1, 0)},
    "kg": {
        "kg": (1, 0),
        "g gram Gramm": (1e-3, 0),
        "mg": (1e-6, 0),
        "t tonne Tonne": (1e3, 0),
        "lb lbs [lb_av]": (_POUND, 0),
        "oz [oz_av]": (_POUND / 16, 0),
    },
    "uS/cm": {
        "µS/cm uS/cm µS.cm-1 uS.cm-1": (1, 0),
        "mS/cm mS.cm-1 dS/m dS.m-1": (1e3, 0),
        "S/m S.m-1": (1e4, 0),
        "mS/m": (10, 0),
    },
    "1/mL": {"1/mL 1/ml /mL /ml cells/mL Zellen/mL": (1, 0), "1000/mL k/mL 10*3/mL": (1e3, 0)},
    "1/min": {"1/min /min min-1 bpm rpm U/min {beats}/min beat/min": (1, 0), "1/h /h": (1 / 60, 0)},
    "s": {
        "s sec second seconds Sek Sekunde Sekunden": (1, 0),
        "ms": (1e-3, 0),
        "h hr hour hours Std Stunden": (3600, 0),
        "d day days Tag Tage": (86400, 0),
    },
    "min": {"min minute minutes Minute Minuten": (1, 0)},
    "count": {"count counts 1 {count} Stück Stk pcs event": (1, 0)},
    "bool": {"bool boolean": (1, 0)},
}

_BRIDGES: Final = {("s", "min"): 1 / 60, ("min", "s"): 60.0, ("Hz", "1/min"): 60.0, ("1/min", "Hz"): 1 / 60}
"""Canonical units of one dimension: the metric decides which of the two it is kept in."""


def _normal(text: str) -> str:
    """Fold what only looks different: ℃, both micro signs, µS⋅cm⁻¹, blanks."""
    text = unicodedata.normalize("NFKC", text).replace("μ", "u").replace("−", "-")
    return "".join(text.replace("⋅", ".").replace("·", ".").split())


EXACT: Final[dict[str, Conversion]] = {
    _normal(spelling): (canonical, float(factor), float(offset))
    for canonical, rows in _TABLE.items()
    for spellings, (factor, offset) in rows.items()
    for spelling in spellings.split()
}


def _folded() -> dict[str, Conversion]:
    """Spellings without regard to case, where that is not ambiguous (mW and MW are)."""
    found: dict[str, set[Conversion]] = {}
    for spelling, conversion in EXACT.items():
        found.setdefault(spelling.casefold(), set()).add(conversion)
    return {spelling: conversions.pop() for spelling, conversions in found.items() if len(conversions) == 1}


_FOLDED: Final = _folded()
CANONICAL: Final = frozenset(_TABLE)


@lru_cache(maxsize=1024)
def conversion(spelling: str, canonical: str = "") -> Conversion | None:
    """Return how a unit becomes canonical; None if its spelling is unknown.

    `canonical` is the unit wanted: minutes for `rumination_minutes` although seconds are
    canonical too. A unit of another dimension is returned in its own canonical unit: the
    caller sees that they differ.
    """
    spelling = _normal(spelling)
    found = EXACT.get(spelling) or _FOLDED.get(spelling.casefold())
    if found is None:
        return None
    unit, factor, offset = found
    bridge = _BRIDGES.get((unit, canonical))
    return found if bridge is None else (canonical, factor * bridge, offset)
