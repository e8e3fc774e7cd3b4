"""What the operator writes about the store."""

from __future__ import annotations

from pydantic import Field

from alertd.model import DAY
from alertd.settings import Duration, Settings


class StoreSettings(Settings):
    """One SQLite file. Default path: $STATE_DIRECTORY/alertd.db, else ./alertd.db."""

    path: str | None = None
    keep_readings: Duration = Field(30 * DAY, validate_default=False)
