"""alertd: what livestock collars and farm sensors say becomes the few messages a farmer needs.

The tree is the way of one reading to one message on a phone, top to bottom. A
module imports only from parts above its own (tests/test_story.py keeps it so).

    model         the words: Reading, Batch, Verdict, Alert, Incident, Message, Outcome, Changes
    settings      how every part's settings are written: durations, secrets, no unknown keys
    seams         the promises: Source, Detector, Store, Messenger, Clock
    logs          what happened, one JSON line each; addresses and secrets masked
    undo          take back a step: saved before changed, restored in reverse
    ingest        1. readings arrive: topics, formats, presets, units, times, quality; the MQTT edge
    detect        2. they are judged: windows of all series as arrays, one module per detector kind
    alerting      3. they become alerts: rules, lifecycle, muting, grouping
    audience      4. whom they concern: subscribers, consent, routing
    wording       5. they become words: templates, languages
    digest        what people are told later: put aside, and told as one message
    telling       what is to be told becomes messages: people and words found
    monthly       once a month: what each rule raised, what of it was false, what to look at
    spending      what messages cost: a warning before a month's budget is spent
    judging       what a batch comes to: verdicts and whole groups, in order of arrival
    reached       whom messages reached
    said          what a person said is taken over
    engine        step(): calls 2 to 5 in order; the page to read first
    rehearsal     what would be told if an alert fired: the engine on a book of its own
    recovery      the book again after a restart: what was committed, then the journal
    rereading     the kept readings for it, and for rules that must learn anew
    moving        the clock was set: what a wrong one wrote, moved to when it happened
    store         6. it survives: schema, commit, outbox, readings journal; a memory twin
    messengers    7. it reaches a phone: one module each
    courier       claim, send, settle; pace, back-off, expiry, next channel
    conversation  8. the farmer answers: words and buttons become commands
    charts        what follows a text: 24 hours of a series as a picture, a place on a map
    rota          duty calendars: fetched, kept for when the line is down, read by a child
    publishing    alerts as retained topics, for other programs; what those may ask
    web           9. API, hooks, page
    config        the parts' settings assembled; YAML with positions; secrets; schema
    parts         engine and decoder made from a configuration: the same for the daemon and a backtest
    shell         the operator's commands against the running daemon
    systemd       ready, alive, reloading, stopping: what systemd is told
    clock         time, and what happens when it steps
    holding       what is judged but not committed: one transaction, then the acknowledgement
    keeping       the engine task: one inbox, one step, poison set aside
    upkeep        by the hour and by the month: what is forgotten, what the operator is told
    hearing       what people say to the running daemon: heard, answered, committed
    watching      by the clock: what sources must be asked, the broker watched, systemd told
    checkup       the doctor's rounds for the running daemon, in a child process
    desk          what HTTP and the shell may ask of the running daemon
    broker        the one connection to the broker, and all that goes over it
    daemon        composition root: build, one TaskGroup, drain
    app           the process: signals, reload, exit codes
    tools         demo, simulate, backtest, decode, doctor
    cli           the commands
"""

STORY = (
    "model",
    "settings",
    "seams",
    "logs",
    "undo",
    "ingest",
    "detect",
    "alerting",
    "audience",
    "wording",
    "digest",
    "telling",
    "monthly",
    "spending",
    "judging",
    "reached",
    "said",
    "engine",
    "rehearsal",
    "recovery",
    "rereading",
    "moving",
    "store",
    "messengers",
    "courier",
    "conversation",
    "charts",
    "rota",
    "publishing",
    "web",
    "config",
    "parts",
    "shell",
    "systemd",
    "clock",
    "holding",
    "keeping",
    "upkeep",
    "hearing",
    "watching",
    "checkup",
    "desk",
    "broker",
    "daemon",
    "app",
    "tools",
    "cli",
)
"""The parts in the order of the story; `tests/test_story.py` holds every import against it."""

__version__ = "0.1.0"
