"""What the tests of messengers share."""

from __future__ import annotations

import pytest

from alertd.messengers.exchange import session


@pytest.fixture
async def http():
    """What every messenger makes its requests with."""
    async with session() as http:
        yield http
