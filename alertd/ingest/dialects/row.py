"""A row: what one device says about one moment, as a dialect found it."""

from __future__ import annotations

from typing import Any

import msgspec

from alertd.ingest.paths import MISSING


class Row(msgspec.Struct):  # made for every message: a dataclass takes nearly three times as long
    """Named values; a value with a unit of its own is `{"value": …, "unit": …}`.

    time: as the payload writes it, MISSING where it says none; device: its id, None where
    the topic names it; late: the sender itself says that this is history; relative: time is
    in seconds from now (SenML); steady: what it holds, and under which names, was not decided by how
    large a number is.
    """

    values: dict[str, Any]
    time: Any = MISSING
    device: str | None = None
    late: bool = False
    relative: bool = False
    steady: bool = True
