"""1. Readings arrive: topics, formats, presets (data, not code), units, times, quality; the MQTT edge.

`mqtt` is the only module here that does I/O.
"""
