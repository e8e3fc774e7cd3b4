"""One connection of MQTT 5, without a broker."""

from __future__ import annotations

import asyncio
import gc

from alertd.ingest.mqtt_address import Address
from alertd.ingest.mqtt_codec import CodecLine
from alertd.ingest.mqtt_line import Hello


class Ear:
    """Hears of nothing here."""


async def test_a_connection_that_took_too_long_and_is_cut_leaves_no_error_in_the_log():
    said: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: said.append(context))
    address = Address.parse("mqtt://127.0.0.1:1883")
    line = CodecLine(Hello(address, "alertd", None, None, keepalive=60, status_topic=None, tls=None), Ear())
    line.abort()
    line.connection_lost(None)
    welcome = line.welcome
    assert welcome.done()
    await asyncio.sleep(0)
    del line, welcome
    gc.collect()
    assert said == []
