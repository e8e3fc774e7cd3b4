"""Taken, and the answer was lost: on every messenger, with the real courier and the real store.

A critical message is repeated once, marked; others are not, they stay unsure. Where the provider tells later what
arrived (WhatsApp, Messenger, SMS, calls) or knows the message again (Matrix, WeChat), nothing is told twice.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from deliveries import message
from manual_clock import ManualClock
from stages import STAGES

from alertd.courier import RECEIPT_WAIT, Courier
from alertd.messengers import MESSENGERS
from alertd.model import SECOND, Button, Changes, Settled
from alertd.seams import Flush
from alertd.store.sqlite import SqliteStore

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # what Python 3.11 says of a shim of Apprise's

SETTLED_LATER = {"whatsapp", "messenger", "sms", "call"}
"""Their provider tells what arrived, and names our message."""
KNOWN_AGAIN = {"matrix", "wechat"}
"""A message sent again is the same message there."""
PARTS = {"what": "Fever – Berta", "bad": "40.1 °C", "since": "since 02:10", "number": "A-217"}
TEXT = "Fever – Berta\n40.1 °C since 02:10\nA-217"
ANSWERS = (Button("Take it", "ack:m1"), Button("Snooze 2 h", "snz:m1"))


def test_no_messenger_is_left_out():
    assert set(STAGES) | {"console"} == set(MESSENGERS)


@asynccontextmanager
async def sending(one, path):
    """Yield a function that hands a message to the courier and waits for its end."""
    store, clock, settled = SqliteStore(path / "alertd.db", ballast=0), ManualClock(), []
    await store.open()

    def report(news):
        if isinstance(news, Settled):
            settled.append(news)

    courier = Courier(store, {one.messenger.name: one.messenger}, clock, report, allowed=lambda *_: True)
    task = asyncio.create_task(courier.run())

    async def send(*, critical, settle=False):
        told = message(
            TEXT, channels=(one.channel,), critical=critical, data={"parts": PARTS}, buttons=ANSWERS, alerts=("A-217",)
        )
        await store.commit(Flush(clock.now(), changes=Changes(messages=[told])))
        courier.wake()
        async with asyncio.timeout(20):
            while not one.read() or courier._busy:  # the first attempt is over
                await asyncio.sleep(0.002)
            if settle:
                for receipt in one.messenger.hook(one.later()).receipts:
                    await courier.receipt(receipt)
            while not settled:
                if not courier._busy:
                    clock.advance(SECOND)
                await asyncio.sleep(0.002)
            for _ in range(2 * RECEIPT_WAIT // SECOND):  # and nothing comes after its end
                clock.advance(SECOND)
                await asyncio.sleep(0)
        return settled[0].state

    try:
        yield send
        courier.stop()
        await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await store.close()


async def test_a_critical_message_is_repeated_once_and_says_so(one, tmp_path):
    one.lose()
    async with sending(one, tmp_path) as send:
        state = await send(critical=True)
    first, *again = one.read()
    assert state == "sent"
    assert "Sent again" not in first
    if one.messenger.name in KNOWN_AGAIN:
        assert not again
    else:
        (second,) = again
        assert "Sent again: " in second


async def test_any_other_message_is_not_repeated_and_stays_unsure(one, tmp_path):
    one.lose()
    async with sending(one, tmp_path) as send:
        state = await send(critical=False)
    assert len(one.read()) == 1
    assert state == ("sent" if one.messenger.name == "matrix" else "unsure"), "Matrix is asked again, always"


async def test_what_the_provider_tells_later_settles_it(one, tmp_path):
    assert (one.later is not None) == (one.messenger.name in SETTLED_LATER)
    if one.later is None:
        return
    one.lose()
    async with sending(one, tmp_path) as send:
        state = await send(critical=True, settle=True)
    assert (state, len(one.read())) == ("sent", 1)
