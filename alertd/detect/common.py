"""What every detector has in common: its two waiting times, and an opinion on nothing until it says more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

import numpy as np
from pydantic import Discriminator, Field, Tag

from alertd.model import BAND, Verdicts
from alertd.settings import Duration, Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alertd.detect.history import Reading
    from alertd.model import Micros
    from alertd.seams import History

CELLS: Final = 256
"""How many values one window shows at most: all of them up to here, beyond that one of every 256th of its span."""

LARGE: Final = 1e100

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""A finite number. Strict: `true` or a quoted number where a limit is meant is a mistake worth telling."""


class Samples(Settings):
    """A window counted in readings, whatever their age."""

    samples: int = Field(ge=3, le=CELLS, description="the newest readings, at most 256")


def _form(value: object) -> Literal["samples", "duration"]:
    return "samples" if isinstance(value, dict | Samples) else "duration"


Window = Annotated[Annotated[Duration, Tag("duration")] | Annotated[Samples, Tag("samples")], Discriminator(_form)]
"""`24h`: what was measured in the last 24 hours. `{samples: 60}`: the last 60 readings."""


class Detector(Settings):
    """Base of all kinds (`alertd.seams.Detector` is the promise): frozen settings that can judge.

    A kind overrides what it needs. The defaults look at the reading alone, learn nothing,
    are never alarmed by silence and judge nothing.
    """

    learns_late: ClassVar[bool] = False
    """Whether `late` does anything."""
    paced: ClassVar[bool] = False
    """Whether it looks back and learns only now and then (`steady`), and else judges `by_learned`."""
    form: ClassVar[int] = 2
    """Of its learned columns: raised when they change their meaning, so that those of before are not taken for them."""
    limits: ClassVar[frozenset[str]] = frozenset()
    """Settings that what it learns does not depend on: who edits one keeps what was learned."""

    kind: str
    hold: Duration = Field(0, validate_default=False, description="how long it must be bad before it fires")
    clear_after: Duration = Field(0, validate_default=False, description="how long it must be good before it resolves")

    @property
    def span(self) -> Micros:
        """Return how much history it wants, in microseconds; 0: none."""
        return 0

    @property
    def samples(self) -> int:
        """Return how many readings of history it wants, whatever their age; 0: none."""
        return 0

    @property
    def learned(self) -> int:
        """Return how many float64 columns of learned state it keeps per (rule, series)."""
        return 0

    def told(self, value: float, score: float, normal: float) -> float:  # noqa: ARG002 (most tell the reading)
        """Return the figure that people are told, the alert's value: what was judged."""
        return value

    def told_unit(self, unit: str) -> str:
        """Return the unit of `told` for a series of this unit."""
        return unit

    @property
    def told_over(self) -> Micros:
        """Return over how long what people are told was put together, in microseconds; 0: it is one reading."""
        return 0

    @property
    def timeless(self) -> bool:
        """Return whether a reading whose own time is impossible can be judged, by its arrival."""
        return False

    @property
    def step(self) -> Micros:
        """Return how often it judges whole groups of series, in microseconds of event time; 0: it judges readings."""
        return 0

    def warmup(self, interval: Micros) -> Micros | None:  # noqa: ARG002 (most judge the first reading they see)
        """Return how long a series must be read before it is judged, at its usual gap of `interval` microseconds.

        0: from its first reading on. None: at that interval never, the window holds too few readings. With an
        `interval` of 0 (unknown) what is counted in readings takes no time.
        """
        return 0

    def quiet_after(self, interval: Micros) -> Micros | None:  # noqa: ARG002 (only `absence` looks at it)
        """Return how long nothing may be received before the series is bad; None: silence says nothing.

        `interval` is the usual gap between its readings in microseconds, 0 if unknown.
        """
        return None

    def judge(
        self,
        history: History | None,  # noqa: ARG002 (the promise names it, this default looks at nothing)
        learned: NDArray[np.float64],  # noqa: ARG002
        time: NDArray[np.int64],  # noqa: ARG002
        value: NDArray[np.float64],
        *,
        slot: int,  # noqa: ARG002
    ) -> Verdicts:
        """Judge one reading each of k series: without an opinion (`BAND`)."""
        return plain(np.full(len(value), BAND, np.int8), value)

    def steady(self, learned: NDArray[np.float64], taken: NDArray[np.int64], time: NDArray[np.int64]) -> NDArray[Any]:
        """Return of a kind that is `paced` whether k readings can be judged `by_learned`.

        `taken` is how many readings their windows ever took before them.
        """
        raise NotImplementedError(f"{self.kind} looks back at every reading")

    def by_learned(self, learned: NDArray[np.float64], value: NDArray[np.float64]) -> Verdicts:
        """Do as `judge` for readings that are `steady`, any number of each series: nothing is learned."""
        raise NotImplementedError(f"{self.kind} looks back at every reading")

    def judge_one(self, reading: Reading, line: memoryview, *, slot: int) -> tuple[int, float, float]:
        """Do as `judge` for one reading, with the same result to the last bit: (state, score, normal).

        `line`, the bytes of its `self.learned` columns, is changed in place. A kind that is common,
        and quicker in Python numbers than in arrays of one, has its own.
        """
        past = reading.past(self.span, self.samples) if self.span or self.samples else None
        time, value = np.array([reading.time]), np.array([reading.value])
        with np.errstate(over="ignore", invalid="ignore"):  # as in `judge_jointly`
            verdicts = self.judge(past, np.frombuffer(line).reshape(1, -1), time, value, slot=slot)
        return verdicts.state.item(0), verdicts.score.item(0), verdicts.normal.item(0)

    def late(self, line: memoryview, time: Micros, value: float, *, proven: bool) -> None:
        """Take in a reading older than its series' last, without judging; most learn of what comes in order alone.

        `proven`: the window reaches back so far and does not hold it; else it may be one that was taken before.
        """

    def reason(self, value: float, score: float, normal: float, unit: str) -> str:  # noqa: ARG002 (the promise)
        """Say in one English sentence why this is bad."""
        return f"{show(value, unit)} is {self.kind}"


def bounded(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values whose squares and sums stay finite: learned state must survive a hostile 1e308."""
    return np.clip(value, -LARGE, LARGE)


def plain(state: NDArray[np.int8], value: NDArray[np.float64]) -> Verdicts:
    """Return verdicts whose score is the value itself and which expect nothing in particular."""
    normal = np.empty(len(value))
    normal.fill(np.nan)
    return Verdicts(state, value, normal)


def show(value: float, unit: str) -> str:
    """Write a value with its unit for reasons: `39.5 degC`, `1` for bool and unitless."""
    return f"{value:.6g}" if unit in ("", "bool") else f"{value:.6g} {unit}"
