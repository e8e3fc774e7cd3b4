"""The child: a chart as JSON on stdin becomes a PNG on stdout. `python -m alertd.charts.draw`.

A process of its own, because matplotlib and a week of readings take 100 MB that the daemon shall not
hold, and a picture that goes wrong shall take nothing with it. Made for a phone in sunlight: black on
white, thick lines, few large words.
"""

from __future__ import annotations

import os
import resource
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from alertd.charts.figure import Chart

MEMORY: Final = 1 << 30
"""Bytes of address space, of which some 150 MB become memory; libraries map the rest."""
SECONDS: Final = 20
"""Of processor time; the parent watches the clock."""
TOO_LITTLE: Final = 3
"""Exit code: there is not enough to draw, and nothing is wrong."""
GAP: Final = 5.0
"""A silence of so many usual intervals breaks the curve: what was not measured is not drawn."""
BLACK: Final = "#000000"
RED: Final = "#c00000"
GREEN: Final = "#bfe3bf"
PINK: Final = "#ffd0d0"

A_SIGN: Final = 0.6
"""Hours that a sign of a label is wide."""

Points = list[tuple[float, float]]
Band = list[tuple[float, float, float]]


def main() -> int:
    """Read, draw, write; return the exit code."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # every thread maps memory that nobody uses here
    import msgspec  # noqa: PLC0415 (limits first)

    from alertd.charts import curve, figure  # noqa: PLC0415
    from alertd.model import HOUR  # noqa: PLC0415

    chart = msgspec.json.decode(sys.stdin.buffer.read(), type=figure.Chart)
    start = chart.now - figure.SPAN
    time, value = curve.read(chart.store, chart.device, chart.metric, start - curve.BEFORE, chart.now + 1)
    inside = time >= start
    if inside.sum() < curve.ENOUGH:
        return TOO_LITTLE
    usual = curve.band(time[~inside], value[~inside], chart.now)
    times, values = curve.thinned((time[inside] - chart.now) / HOUR, value[inside])
    sys.stdout.buffer.write(draw(chart, list(zip(times.tolist(), values.tolist(), strict=True)), usual))
    return 0


def draw(chart: Chart, points: Points, usual: Band) -> bytes:
    """Return the picture, 1080 x 810 pixels: the curve in hours before `now`, its normal band, limits and alerts."""
    import io  # noqa: PLC0415 (limits first)

    import matplotlib as mpl  # noqa: PLC0415

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    mpl.rcParams["font.size"] = 15
    picture, axes = plt.subplots(figsize=(7.2, 5.4), dpi=150)
    low, high = value_range(chart, points, usual)
    if usual:
        hours, lows, highs = zip(*usual, strict=True)
        axes.fill_between(hours, lows, highs, color=GREEN, linewidth=0, zorder=1)
        picture.text(0.925, 0.955, chart.usual, color=BLACK, fontsize=15, va="center", ha="right")
        picture.text(0.97, 0.955, "■", color="#8fcf8f", fontsize=22, va="center", ha="right")
    for start, end, _ in chart.spans:
        axes.axvspan(start, max(end, start + 0.1), color=PINK, linewidth=0, zorder=0)
    for at, side, label in labelled(chart.spans):
        axes.text(at, high, label, color=RED, va="top", ha=side, fontsize=16, fontweight="bold", zorder=5)
    for limit, label in chart.limits:
        if low <= limit <= high:
            axes.axhline(limit, color=RED, linewidth=2.5, linestyle=(0, (5, 3)), zorder=3)
            axes.text(-23.8, limit, label, color=RED, va="bottom", fontsize=15, fontweight="bold", zorder=5)
    times, values = zip(*broken(points), strict=True)
    axes.plot(times, values, color=BLACK, linewidth=3, zorder=4, solid_capstyle="round")
    axes.plot(times[-1:], values[-1:], "o", color=BLACK, markersize=11, zorder=6)
    axes.set_xlim(-24, 0.4)
    axes.set_ylim(low, high)
    axes.set_xticks([at for at, _ in chart.hours], [text for _, text in chart.hours])
    axes.yaxis.set_major_formatter(lambda number, _: f"{number:g}".replace(".", chart.decimal))
    axes.grid(visible=True, color="#c8c8c8", linewidth=0.8, zorder=0)
    axes.tick_params(length=0)
    axes.spines[["top", "right"]].set_visible(False)
    picture.text(0.03, 0.955, _short(chart.title, 38), fontsize=18, fontweight="bold", va="center")
    picture.text(0.03, 0.895, _short(chart.subtitle, 48), fontsize=17, va="center")
    picture.subplots_adjust(left=0.11, right=0.97, top=0.85, bottom=0.09)
    out = io.BytesIO()
    picture.savefig(out, format="png")
    return out.getvalue()


def labelled(spans: list[tuple[float, float, str]]) -> list[tuple[float, str, str]]:
    """Return where the labels of spans stand: (hour, `left` or `right` of the text is there, label).

    In its span where that is wide enough, else before it, or after it at the left edge. One that would
    cover another is left out: an alert that flaps has its number once.
    """
    found: list[tuple[float, str, str]] = []
    taken: list[tuple[float, float]] = []
    for start, end, label in sorted(spans, key=lambda span: span[0] - span[1]):  # the widest first
        width = A_SIGN * len(label)
        if end - start >= width:
            at, side = start + 0.15, "left"
        elif start - width > -24:  # noqa: PLR2004 (the left edge)
            at, side = start - 0.15, "right"
        else:
            at, side = end + 0.15, "left"
        box = (at, at + width) if side == "left" else (at - width, at)
        if all(box[1] <= left or right <= box[0] for left, right in taken):
            taken.append(box)
            found.append((at, side, label))
    return found


def value_range(chart: Chart, points: Points, usual: Band) -> tuple[float, float]:
    """Return the values the picture spans: the curve, its band, and limits that are not far off."""
    shown = [value for _, value in points] + [edge for _, low, high in usual for edge in (low, high)]
    low, high = min(shown), max(shown)
    room = (high - low) or abs(high) * 0.1 or 1.0
    near = [limit for limit, _ in chart.limits if low - room <= limit <= high + room]
    low, high = min([low, *near]), max([high, *near])
    room = (high - low) or room
    return low - 0.08 * room, high + 0.16 * room


def broken(points: Points) -> Points:
    """Return the curve with a NaN in every silence."""
    gaps = sorted(after - before for (before, _), (after, _) in pairwise(points))
    usual = gaps[len(gaps) // 2] if gaps else 1.0
    out = points[:1]
    for (before, _), (at, value) in pairwise(points):
        if at - before > max(GAP * usual, 0.25):
            out.append(((at + before) / 2, float("nan")))
        out.append((at, value))
    return out


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


if __name__ == "__main__":
    sys.exit(main())
