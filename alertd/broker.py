"""All that goes over the one connection to the broker: readings and answers come in, alerts and switchings go out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from alertd.ingest.mqtt import MqttSource
from alertd.ingest.topics import covers
from alertd.model import Link
from alertd.publishing.publisher import Publisher
from alertd.publishing.switcher import Switcher

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from alertd.alerting.book import Book
    from alertd.clock import SystemClock
    from alertd.config.config import Config
    from alertd.ingest.decoder import Decoder
    from alertd.ingest.ledger import Ledger
    from alertd.keeping import Keeper
    from alertd.model import Changes, Stage, Switching

log = structlog.get_logger("alertd")


class BrokerSide:
    """The source of readings, and what else speaks on its connection; nothing connects before `listen`.

    Args:
        config: the file.
        decoder: whose topics are subscribed.
        book: the engine's.
        clock: time.
        ledger: what was acknowledged.
        published: what the store remembers of our topics (`publisher.POSITION`).
        report: told what became of a wish to switch a device.
    """

    def __init__(
        self,
        config: Config,
        decoder: Decoder,
        book: Book,
        clock: SystemClock,
        ledger: Ledger,
        published: str,
        report: Callable[[Switching, Stage, str], Awaitable[None]],
    ) -> None:
        publish = config.publish
        filters = decoder.filters()
        results = {action.result.topic for action in config.actions if action.result is not None}
        self.asked = f"{publish.topic}/command" if publish and publish.commands else None
        """Topic where other programs ask for something."""
        self._only_results = {topic for topic in results if not any(covers(name, topic) for name, _ in filters)}
        self.source = MqttSource(
            config.mqtt,
            filters,
            clock,
            ledger,
            status_topic=f"{publish.topic}/status" if publish else config.mqtt.status_topic,
            extra_filters=[(topic, 1) for topic in (self.asked, *results) if topic],
        )
        self.publisher = Publisher(publish, book, self.source, clock, config.farm.name, published)
        self._own = publish is not None or bool(self._only_results)
        """Whether something may come in that is no reading."""
        self.switcher = Switcher({action.name: action for action in config.actions}, self.source, clock, report)

    async def listen(self, keeper: Keeper) -> None:
        """Bring what the broker sends to the keeper, for ever; alertd never reads its own topics."""
        async for item in self.source.events():
            if isinstance(item, Link):
                log.info("broker", up=item.up, why=item.why)
                self.publisher.link(up=item.up)
                if item.up:
                    self.switcher.linked(item.at)
            else:
                self.switcher.heard(item.messages)
                if self._own:
                    item.messages[:] = [raw for raw in item.messages if self._read(raw.topic)]
            await keeper.put(item)

    def _read(self, topic: str) -> bool:
        """Whether the keeper is to see it: not what only switchings wait for, and not what we publish ourselves."""
        return topic == self.asked or not (topic in self._only_results or self.publisher.own(topic))

    def committed(self, changes: Changes) -> str:
        """Send what a commit has written; return what the store is to remember of our topics."""
        self.switcher.committed(changes)
        self.publisher.committed(changes)
        return self.publisher.trace()
