"""What the contracts of messengers share."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from stages import EXTRAS, STAGES, stage


@pytest.fixture(params=STAGES)
async def one(request):
    """Every messenger on its stage, one after the other."""
    needs = EXTRAS.get(request.param)
    if needs and find_spec(needs) is None:
        pytest.skip(f"{needs} is not installed (extra {request.param})")
    async with stage(request.param) as found:
        yield found
