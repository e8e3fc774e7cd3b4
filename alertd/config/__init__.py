"""The parts' settings assembled; YAML with positions; secrets; schema.

In the order of the work, each module using only those above it:

    problem     what is wrong and where, as a value
    malformed   what is no YAML, and the line to mend
    document    text becomes a tree that knows its positions
    devices     the devices file
    assemble    one tree out of several files
    config      the settings of all parts in one
    sentences   pydantic's findings in plain words
    prove       the tree against the settings
    names       given once, known where they are used
    sources     the broker, topics, paths, units
    forms       time zones, languages, addresses, templates
    matching    what rules ask of devices
    doubts      right, and hardly meant
    reach       will anybody hear of it
    secrets     in clear, or not readable now
    load        all of it: `load(path) -> Loaded`
    schema      for editors
"""
