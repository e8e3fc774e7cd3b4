"""2. Readings are judged: windows of all series as arrays, one module per detector kind. Pure.

`KINDS` is the whole plugin mechanism: a new detector is a module here and a line below.
"""
