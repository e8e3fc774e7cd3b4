"""Profiles: what a type of device calls things, and its quirks. Data: one YAML file each in config/profiles/.

A profile speaks the mapping language of `sources:`; its paths start at the decoded
object. It is chosen by hand (`profile:` on a source or device), by the model that a
network server names, or by the keys that only this type sends.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from alertd.ingest.settings import MetricMapping
from alertd.settings import Settings

PLACES: Final = (
    Path(__file__).parent.parent / "profiles",  # installed
    Path(__file__).parent.parent.parent / "config" / "profiles",  # a checkout
)


class History(Settings):
    """Rows of the past in the same message."""

    path: str
    time: str


class Named(Settings):
    """A list of measurements that say their own name: `{measurementId: 4097, measurementValue: 21.4}`."""

    rows: str = Field(description="path of the list, with [*]")
    name: str
    value: str | list[str] = Field(description="its key; of several the first that is there")
    time: str | None = None


class Profile(Settings):
    """A type of device."""

    title: str
    models: list[str] = Field(default_factory=list, description="model names, * allowed; case and signs do not count")
    keys: list[list[str]] = Field(default_factory=list, description="an object with all keys of one list is this type")
    alone: list[list[str]] = Field(default_factory=list, description="an object with these keys and no other")
    metrics: dict[str, MetricMapping] = Field(default_factory=dict)
    time: str | None = Field(None, description="the device's own time, in the decoded object")
    undated: Literal["keep", "drop"] = Field("keep", description="a row whose own time cannot be")
    history: History | None = None
    named: Named | None = None
    needs: list[str] = Field(default_factory=list, description="paths that must not be false")
    ignore: list[str] = Field(default_factory=list)


class Profiles:
    """All profiles, and how one is found."""

    def __init__(self, known: dict[str, Profile]) -> None:
        self.known = known
        self._models = [(_plain(model, "*"), name) for name, one in known.items() for model in one.models]
        self._keys = sorted(
            ((frozenset(keys), name) for name, one in known.items() for keys in one.keys),
            key=lambda pair: -len(pair[0]),
        )
        self._alone = {frozenset(keys): name for name, one in known.items() for keys in one.alone}

    def by_model(self, text: str) -> str | None:
        """Return the profile of a model as an operator names it: `Milesight EM300-MCS (EU868)` is em300-mcs."""
        plain = _plain(text)
        found = [(len(model), name) for model, name in self._models if fnmatchcase(plain, f"*{model}*")]
        return max(found)[1] if found else None

    def by_keys(self, keys: frozenset[str]) -> str | None:
        """Return the profile whose keys are all there, and no other where it says so; the one with the most of them."""
        return self._alone.get(keys) or next((name for wanted, name in self._keys if wanted <= keys), None)


@cache
def load_profiles() -> Profiles:
    """Read the profiles that ship with alertd, once; their names are `vendor/type`.

    Raises:
        ValueError: a file that is no profile (the tests read them all).
    """
    from ruamel.yaml import YAML  # noqa: PLC0415 (a farm whose sources need no profile does not load it)

    reader = YAML(typ="safe", pure=True)
    known: dict[str, Profile] = {}
    root = next((place for place in PLACES if place.is_dir()), None)
    for path in sorted(root.glob("*/*.yaml")) if root is not None else ():
        tree: Any = reader.load(path.read_text(encoding="utf-8"))
        known[f"{path.parent.name}/{path.stem}"] = Profile.model_validate(tree)
    return Profiles(known)


def _plain(text: str, keep: str = "") -> str:
    return re.sub(f"[^a-z0-9{re.escape(keep)}]", "", text.lower())
