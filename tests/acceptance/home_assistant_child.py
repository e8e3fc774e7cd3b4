"""Home Assistant itself, told of a broker as a person tells it: prints its binary sensors as they change, a JSON line each.

    python home_assistant_child.py FOLDER BROKER_PORT OWN_PORT

Runs in Home Assistant's own environment; only what a sensor needs is set up, not the pages.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from homeassistant import bootstrap, core, loader

SHOWN = ("device_class", "count", "severity", "alerts")


def say(facts: dict[str, Any]) -> None:
    """Print one line."""
    sys.stdout.write(f"{json.dumps(facts)}\n")
    sys.stdout.flush()


def show(event: Any) -> None:
    """Print a binary sensor's new state."""
    state = event.data["new_state"]
    if state is not None and state.domain == "binary_sensor":
        facts = {key: state.attributes.get(key) for key in SHOWN}
        say({"id": state.entity_id, "name": state.name, "state": state.state} | facts)


async def main(folder: str, broker: int, own: int) -> None:
    """Start, add the MQTT integration, and go on for ever."""
    home = core.HomeAssistant(folder)
    loader.async_setup(home)
    home.config.skip_pip = True
    home.bus.async_listen("state_changed", show)
    config = {"homeassistant": {"name": "Hof"}, "http": {"server_host": ["127.0.0.1"], "server_port": own}}
    await bootstrap.async_from_config_dict(config, home)
    await home.async_start()
    flow = home.config_entries.flow
    form = await flow.async_init("mqtt", context={"source": "user"})
    added = await flow.async_configure(form["flow_id"], {"broker": "127.0.0.1", "port": broker})
    say({"added": added["type"]})
    await asyncio.Event().wait()


Path(sys.argv[1], "configuration.yaml").touch()  # the integration reads it again
asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
