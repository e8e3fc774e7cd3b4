"""What the operator writes about the store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import Field

from alertd.model import DAY
from alertd.settings import Duration, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

INSTALLED: Final = (Path("/etc/alertd"), Path("/var/lib/alertd"))
"""ConfigurationDirectory= and StateDirectory= of the unit file: a shell has no $STATE_DIRECTORY, the daemon has."""


class StoreSettings(Settings):
    """One SQLite file. Default path: $STATE_DIRECTORY/alertd.db, else ./alertd.db."""

    path: str | None = None
    keep_readings: Duration = Field(30 * DAY, validate_default=False)
    keep_messages: Duration = Field(
        90 * DAY, validate_default=False, description="the words and addresses of what was told; that it was, stays"
    )


def store_path(settings: StoreSettings, environ: Mapping[str, str], config: Path) -> Path:
    """Return where the store is: as written, else in $STATE_DIRECTORY, else beside the installed daemon, else here."""
    if settings.path is not None:
        return Path(settings.path)
    state = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    etc, var = INSTALLED
    if not state and etc in config.absolute().parents:
        state = str(var)
    return Path(state or ".") / "alertd.db"
