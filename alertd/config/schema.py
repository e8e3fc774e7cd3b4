"""The JSON Schema of the configuration, for editors that complete and check while one writes."""

from __future__ import annotations

from typing import Any, Final

from alertd.config.config import Config

SHORT_FORMS: Final = {
    "MetricMapping": "string",
    "TimeMapping": "string",
    "Input": "string",
    "Alias": "string",
    "Price": "number",
}
"""Settings that may also be written as one value alone, and of which type that is; `tests/config` knows them all."""


def json_schema() -> dict[str, Any]:
    """Return the schema (JSON Schema 2020-12) of a whole configuration file."""
    schema = Config.model_json_schema(by_alias=True)
    for name, kind in SHORT_FORMS.items():
        schema["$defs"][name] = {"anyOf": [{"type": kind}, schema["$defs"][name]]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "alertd configuration"}
