"""Engine and decoder made from a configuration: the same for the daemon, for backtests and for evaluations.

Nothing here reads secrets, connects or touches a disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alertd.alerting.book import Book
from alertd.audience.duty import Plan
from alertd.audience.people import People
from alertd.detect.geofence import POSITION, Geofence
from alertd.engine import Engine
from alertd.ingest.decoder import FAULT, Decoder
from alertd.wording import Words

if TYPE_CHECKING:
    from alertd.config.config import Config
    from alertd.detect.derived import Derived
    from alertd.model import Micros


def engine_of(config: Config, now: Micros) -> Engine:
    """Return an engine of these rules, devices and people that has heard nothing and is not connected since `now`."""
    farm = config.farm
    return Engine(
        Book(
            config.rules,
            config.devices,
            cap=config.limits.series,
            now=now,
            derived=_derived(config),
            inhibit=config.inhibit,
            quiet_times=config.quiet_times,
            timezone=farm.timezone,
        ),
        People(
            config.subscribers,
            {},
            operator=config.operator,
            language=farm.language,
            timezone=farm.timezone,
            invites={},
            plan=Plan(config.duty, farm.timezone),
            double_opt_in=config.privacy.double_opt_in,
        ),
        Words(
            config.rules,
            config.devices,
            language=farm.language,
            timezone=farm.timezone,
            farm=farm.name,
            actions=config.actions,
        ),
    )


def _derived(config: Config) -> list[Derived]:
    """Return what is computed: as written, and positions where a geofence asks for them."""
    fenced = any(rule.enabled and isinstance(rule.detect, Geofence) for rule in config.rules)
    written = any(one.metric == POSITION.metric for one in config.derived)
    return [POSITION, *config.derived] if fenced and not written else list(config.derived)


def decoder_of(config: Config, book: Book) -> Decoder:
    """Return a decoder of these sources that registers its series in `book`."""
    zone, asked = config.farm.timezone, FAULT in _looked_at(config)
    return Decoder(config.sources, config.devices, config.limits, timezone=zone, register=book.row, faults=asked)


def _looked_at(config: Config) -> set[str]:
    """Return the metrics that rules or derived metrics name."""
    named = {given.metric for one in config.derived for given in one.from_.values()}
    for rule in config.rules:
        metric = rule.match.get("metric", ())
        named |= {metric} if isinstance(metric, str) else set(metric)
    return named
