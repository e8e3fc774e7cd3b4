"""What hubs and controllers call things, and what a farm calls them: data for presets, as in `names`."""

from __future__ import annotations

from typing import Final

from alertd.ingest.names import IGNORED, OPEN_WORDS, Name

_ON: Final = {"on": 1.0, "off": 0.0, "true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}
_TEMPERATURE = Name("temperature", "degC")
_HUMIDITY = Name("humidity", "%")
_LEAK = Name("water_leak", words={**_ON, "wet": 1.0, "dry": 0.0})

OBJECTS: Final[dict[str, Name]] = {
    "temp": _TEMPERATURE,
    "temperature": _TEMPERATURE,
    "hum": _HUMIDITY,
    "humidity": _HUMIDITY,
    "relative_humidity": _HUMIDITY,
    "moisture": Name("soil_moisture", "%"),
    "soil": Name("soil_moisture", "%"),
    "battery": Name("battery", "%"),
    "battery_level": Name("battery", "%"),
    "lux": Name("illuminance", "lx"),
    "illuminance": Name("illuminance", "lx"),
    "co2": Name("co2", "ppm"),
    "carbon_dioxide": Name("co2", "ppm"),
    "ammonia": Name("nh3", "ppm"),
    "energy": Name("energy_total", "kWh"),
    "wifi_signal": Name("rssi", "dBm"),
    "signal_strength": Name("rssi", "dBm"),
    "barometric_pressure": Name("pressure", "hPa"),
    "door": Name("gate_open", words={**_ON, **OPEN_WORDS}),
    "gate": Name("gate_open", words={**_ON, **OPEN_WORDS}),
    "window": Name("gate_open", words={**_ON, **OPEN_WORDS}),
    "contact": Name("gate_open", words={**_ON, **OPEN_WORDS}),
    "leak": _LEAK,
    "flood": _LEAK,
    "motion": Name("occupancy", words=_ON),
    "fan": Name("fan_running", words=_ON),
}
"""Endings of the names of entities and objects (ESPHome, Home Assistant)."""

ZIGBEE: Final[dict[str, Name]] = {
    # zigbee2mqtt.io, "Exposes": contact is true while the two halves touch
    "contact": Name("gate_open", words={"false": 1.0, "true": 0.0}),
    # millivolts on battery devices, volts of the mains on plugs
    "voltage": Name("battery_voltage", "mV", beside=("battery",), otherwise=Name("voltage", "V")),
    # a door contact's temperature is its chip's (zigbee2mqtt#14512), not the barn's
    "temperature": Name("", beside=("contact", "device_temperature"), otherwise=_TEMPERATURE),
    "device_temperature": IGNORED,
    "illuminance_lux": Name("illuminance", "lx"),
    "illuminance": Name("", beside=("illuminance_lux",), otherwise=Name("illuminance", "lx")),
    "energy": Name("energy_total", "kWh"),
    "produced_energy": Name("energy_returned_total", "kWh"),
    "ac_frequency": Name("frequency", "Hz"),
    **{
        f"{metric}_phase_{letter}": Name(f"{metric}_l{phase}", unit)
        for phase, letter in ((2, "b"), (3, "c"))
        for metric, unit in (("power", "W"), ("voltage", "V"), ("current", "A"))
    },
    "local_temperature": Name("local_temperature", "degC", beside=("temperature",), otherwise=_TEMPERATURE),
    **dict.fromkeys(("occupied_heating_setpoint", "current_heating_setpoint"), Name("target_temperature", "degC")),
    "state": Name("state", words={"on": 1.0, "off": 0.0, "open": 1.0, "close": 0.0, "closed": 0.0}),
    "linkquality": IGNORED,
    "power_outage_count": IGNORED,
    "trigger_count": IGNORED,
    "update_available": IGNORED,
    "last_seen": IGNORED,
    "elapsed": IGNORED,
}
"""zigbee2mqtt's flat objects, by key in lower case."""

TASMOTA: Final[dict[str, Name]] = {
    # tasmota/docs, "Telemetry", "Supported Peripherals"; ENERGY in kWh, W, V, A
    "temperature": _TEMPERATURE,
    "humidity": _HUMIDITY,
    "dewpoint": Name("dew_point", "degC"),
    "pressure": Name("pressure", "hPa"),
    "seapressure": IGNORED,
    "illuminance": Name("illuminance", "lx"),
    "carbondioxide": Name("co2", "ppm"),
    "eco2": IGNORED,  # computed from volatiles, not measured
    "tvoc": Name("tvoc", "ppb"),
    "distance": Name("distance", "cm"),  # SR04
    "moisture": Name("soil_moisture", "%"),
    "battery": Name("battery", "%"),
    "weight": Name("weight", "kg"),
    "ammonia": Name("nh3", "ppm"),
    "energy.total": Name("energy_total", "kWh"),
    "energy.today": IGNORED,  # starts again at midnight
    "energy.yesterday": IGNORED,
    "energy.period": IGNORED,
    "energy.power": Name("power", "W"),
    "energy.voltage": Name("voltage", "V"),
    "energy.current": Name("current", "A"),
    "energy.frequency": Name("frequency", "Hz"),
    "energy.factor": Name("power_factor"),
    "energy.apparentpower": IGNORED,
    "energy.reactivepower": IGNORED,
    "energy.totalstarttime": IGNORED,
    "energy.load": IGNORED,
    **{f"energy.power_{phase}": Name(f"power_l{phase}", "W") for phase in range(1, 4)},
    **{f"energy.voltage_{phase}": Name(f"voltage_l{phase}", "V") for phase in range(1, 4)},
    **{f"energy.current_{phase}": Name(f"current_l{phase}", "A") for phase in range(1, 4)},
    **{f"energy.total_{phase}": Name(f"energy_total_l{phase}", "kWh") for phase in range(1, 4)},
    **{f"temperature_{number}": Name(f"temperature_{number}", "degC") for number in range(2, 9)},
    **{f"humidity_{number}": Name(f"humidity_{number}", "%") for number in range(2, 9)},
    **{f"counter.c{number}": Name(f"pulse_total_{number}" if number > 1 else "pulse_total") for number in range(1, 9)},
    **{f"power{number or ''}": Name(f"state_{number}" if number > 1 else "state", words=_ON) for number in range(9)},
    **{f"switch{number}": Name(f"input_{number}", words=_ON) for number in range(1, 9)},
    "uptimesec": Name("uptime", "s"),
    "wifi.rssi": Name("wifi_quality", "%"),
    "wifi.signal": Name("rssi", "dBm"),
    **dict.fromkeys(
        (
            "wifi.ap", "wifi.linkcount", "wifi.channel", "heap", "mqttcount", "sleep", "loadavg", "vcc", "id", "rssi",
            "counter.cumulative", "dimmer", "fade", "speed", "ledtable", "time", "epoch", "address", "rawmoisture",
        ),
        IGNORED,
    ),
}  # fmt: skip
"""Tasmota, by sensor and key in lower case."""

_SHELLY_PHASES: Final = {"a": "_l1", "b": "_l2", "c": "_l3"}
_SHELLY_CHANNEL: Final[dict[str, tuple[str, str]]] = {
    "temperature.tc": ("temperature", "degC"),
    "humidity.rh": ("humidity", "%"),
    "devicepower.battery.percent": ("battery", "%"),
    "devicepower.battery.v": ("battery_voltage", "V"),
    "illuminance.lux": ("illuminance", "lx"),
    "voltmeter.voltage": ("voltage", "V"),
    **{f"{kind}.apower": ("power", "W") for kind in ("switch", "pm1", "cover", "light")},
    **{f"{kind}.voltage": ("voltage", "V") for kind in ("switch", "pm1", "cover", "em1", "light")},
    **{f"{kind}.current": ("current", "A") for kind in ("switch", "pm1", "cover", "em1", "light")},
    **{f"{kind}.freq": ("frequency", "Hz") for kind in ("switch", "pm1", "em1")},
    **{f"{kind}.aenergy.total": ("energy_total", "Wh") for kind in ("switch", "pm1", "cover", "light")},
    "em1.act_power": ("power", "W"),
    "em1data.total_act_energy": ("energy_total", "Wh"),
    "em.total_act_power": ("power", "W"),
    "em.total_current": ("current", "A"),
    **{f"em.{letter}_act_power": (f"power{phase}", "W") for letter, phase in _SHELLY_PHASES.items()},
    **{f"em.{letter}_voltage": (f"voltage{phase}", "V") for letter, phase in _SHELLY_PHASES.items()},
    **{f"em.{letter}_current": (f"current{phase}", "A") for letter, phase in _SHELLY_PHASES.items()},
    "emdata.total_act": ("energy_total", "Wh"),
    "emdata.total_act_ret": ("energy_returned_total", "Wh"),
    "cover.current_pos": ("opening", "%"),
}
_SHELLY_WORD: Final[dict[str, str]] = {
    "switch.output": "state",
    "light.output": "state",
    "input.state": "input",
    "smoke.alarm": "smoke",
    "flood.alarm": "water_leak",
}
_SHELLY_CHANNELS: Final = ("", *(f"_{number}" for number in range(1, 8)), *(f"_{number}" for number in range(101, 106)))

SHELLY: Final[dict[str, Name]] = {
    # shelly-api-docs, Gen2+, "Components"; a switch's own temperature is its chip's
    **{
        key + channel: Name(metric + channel, unit)
        for key, (metric, unit) in _SHELLY_CHANNEL.items()
        for channel in _SHELLY_CHANNELS
    },
    **{
        key + channel: Name(metric + channel, words=_ON)
        for key, metric in _SHELLY_WORD.items()
        for channel in _SHELLY_CHANNELS
    },
    "wifi.rssi": Name("rssi", "dBm"),
    "sys.uptime": Name("uptime", "s"),
}
"""Shelly Gen2+, by `kind.name` in lower case; nothing else of a frame is a measurement."""

RUUVI: Final[dict[str, Name]] = {
    "pressure": Name("pressure", "Pa"),
    "batteryvoltage": Name("battery_voltage", "V"),
    "movementcounter": Name("movement_count", kind="counter", wrap=255),  # 255 itself means "not measured"
    "accelerationx": IGNORED,
    "accelerationy": IGNORED,
    "accelerationz": IGNORED,
    "acceleration_x": IGNORED,
    "acceleration_y": IGNORED,
    "acceleration_z": IGNORED,
    "temperature": _TEMPERATURE,
    "humidity": _HUMIDITY,
    "co2": Name("co2", "ppm"),
    "pm2_5": Name("pm2_5", "ug/m3"),
    "txpower": IGNORED,
    "measurementsequencenumber": IGNORED,
    "rssi": IGNORED,
}
"""RuuviTag, from the advertisement or as RuuviBridge writes it, by key in lower case."""

_PHASES: Final = {"": "", "/l1": "_l1", "/l2": "_l2", "/l3": "_l3"}

VICTRON: Final[dict[str, Name]] = {
    # victronenergy/venus wiki, "dbus"; only what a farm watches: a GX publishes hundreds of settings
    **{
        f"ac{level}/{path}": Name(metric + suffix, unit)
        for level, suffix in _PHASES.items()
        for path, metric, unit in (
            ("power", "power", "W"),
            ("voltage", "voltage", "V"),
            ("current", "current", "A"),
            ("energy/forward", "energy_total", "kWh"),
            ("energy/reverse", "energy_returned_total", "kWh"),
        )
    },
    "ac/frequency": Name("frequency", "Hz"),
    # a Multi: what the farm draws, and the mains or generator that feeds it
    **{
        f"ac/{side}/l{phase}/{letter}": Name(f"{before}{metric}_l{phase}", unit)
        for side, before in (("out", ""), ("activein", "input_"))
        for letter, metric, unit in (("p", "power", "W"), ("v", "voltage", "V"), ("i", "current", "A"))
        for phase in (1, 2, 3)
    },
    "ac/activein/connected": Name("mains_ok", words=_ON),
    "alarms/gridlost": Name("mains_ok", words={"0": 1.0, "1": 0.0, "2": 0.0}),
    "soc": Name("battery", "%"),
    "dc/0/voltage": Name("battery_voltage", "V"),
    "dc/0/current": Name("battery_current", "A"),
    "dc/0/power": Name("battery_power", "W"),
    "dc/0/temperature": Name("battery_temperature", "degC"),
    "dc/battery/voltage": Name("battery_voltage", "V"),
    "dc/battery/current": Name("battery_current", "A"),
    "dc/battery/power": Name("battery_power", "W"),
    "dc/battery/soc": Name("battery", "%"),
    "dc/pv/power": Name("power", "W"),
    "pv/v": Name("voltage", "V"),
    "yield/power": Name("power", "W"),
    "yield/user": Name("energy_total", "kWh"),
    "temperature": _TEMPERATURE,
    "humidity": _HUMIDITY,
    "pressure": Name("pressure", "hPa"),
    "batteryvoltage": Name("battery_voltage", "V"),
    "level": Name("water_level", "%"),
    "remaining": Name("water_volume", "m3"),
    "connected": Name("online", words=_ON),
    "online": Name("online"),
    "speed": Name("speed", "m/s"),
}
"""Victron's GX devices, by path in lower case."""

SPARKPLUG: Final[dict[str, Name]] = {
    "temp": _TEMPERATURE,
    "rh": _HUMIDITY,
    "relative_humidity": _HUMIDITY,
    "ammonia": Name("nh3", "ppm"),
    "battery_level": Name("battery", "%"),
    "door_open": Name("gate_open"),
    "fan_run": Name("fan_running"),
}
"""Names of Sparkplug and SenML after folding (`Temperature/Air` is `temperature`); any other keeps its own."""

FIWARE: Final[dict[str, Name]] = {
    "t": _TEMPERATURE,
    "temp": _TEMPERATURE,
    "h": _HUMIDITY,
    "hum": _HUMIDITY,
    "l": Name("illuminance", "lx"),
    "luminosity": Name("illuminance", "lx"),
    "b": Name("battery", "%"),
    "bat": Name("battery", "%"),
    "p": Name("pressure", "hPa"),
    "bpm": Name("heart_rate", "1/min"),
    "gps": IGNORED,
    "timeinstant": IGNORED,
}
"""Single letters that FIWARE's tutorials and most UltraLight devices use."""

NORMALIZED: Final[dict[str, Name]] = {
    # The Things Stack, "Normalized payload"
    "air_temperature": _TEMPERATURE,
    "air_relativehumidity": _HUMIDITY,
    "air_pressure": Name("pressure", "hPa"),
    "air_co2": Name("co2", "ppm"),
    "air_lightintensity": Name("illuminance", "lx"),
    "soil_temperature": Name("soil_temperature", "degC"),
    "soil_moisture": Name("soil_moisture", "%"),
    "soil_ec": Name("conductivity", "dS/m"),
    "wind_speed": Name("wind_speed", "m/s"),
    "wind_direction": Name("wind_direction", "deg"),
    "rain_intensity": Name("rain_intensity"),
    "water_temperature_current": Name("water_temperature", "degC"),
    "water_leak": Name("water_leak"),
    "position_latitude": Name("latitude", "deg"),
    "position_longitude": Name("longitude", "deg"),
    "battery": Name("battery_voltage", "V"),
}
