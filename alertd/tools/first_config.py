"""The first configuration: what was recognised, with rules that fit it, commented for who goes on from there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from alertd.tools.written import devices_yaml, flow, scalar, sources_yaml

if TYPE_CHECKING:
    from alertd.tools.first_channel import FirstChannel
    from alertd.tools.listening import Door
    from alertd.tools.recognising import Findings

RULES: Final[dict[str, str]] = {
    "body_temperature": """\
  - name: fever
    match: {metric: body_temperature}
    detect: {kind: threshold, above: 39.5, clear: 39.2, hold: 30m}   # cattle; sheep and pigs are a degree warmer
    severity: critical
    message:
      en: "{{ device }}: {{ value }} since {{ since }}. Check udder, breathing, appetite."
      de: "{{ device }}: {{ value }} seit {{ since }}. Euter, Atmung, Fressen prüfen."
    repeat: 1h
""",
    "activity": """\
  - name: restless
    match: {metric: activity}
    detect: {kind: robust_zscore, window: 24h, above: 5, hold: 10m}  # against the animal's own last day
    severity: warning
""",
    "temperature": """\
  - name: hot
    match: {metric: temperature}     # narrow it down: add a group, or {role: barn} of labels
    detect: {kind: threshold, above: 35, clear: 33, hold: 10m}
    severity: warning
""",
    "online": """\
  - name: offline
    match: {metric: online}
    detect: {kind: state, equals: 0, hold: 10m}
    severity: warning
    group_by: [rule]
""",
    "water_leak": """\
  - name: leak
    match: {metric: water_leak}
    detect: {kind: state, equals: 1}
    severity: critical
    repeat: 1h
""",
    "gate_open": """\
  - name: gate-open
    match: {metric: gate_open}
    detect: {kind: state, equals: 1, hold: 30m}
    severity: info
""",
    "battery": """\
  - name: battery-low
    match: {metric: battery}
    detect: {kind: threshold, below: 15, clear: 20, hold: 1h}
    severity: info
    group_by: [rule]
""",
}
"""Metric to the rule proposed when it was heard: few, and none that wakes somebody for a guess."""

SILENT: Final = """\
  - name: silent
    match: {metric: METRIC}
    detect: {kind: absence, after: {intervals: 5}}                   # of its own usual interval
    severity: warning
    group_by: [rule]
"""


HEAD: Final = """\
# alertd: your first configuration. Every key there is: config/alertd.yaml of the distribution,
# or `alertd schema` for your editor. After a change: alertd check, then reload.
"""
SOURCES: Final = """\
# Where readings come from, as it was heard. A wrong guess is mended here: metrics, units, names.
# `alertd decode --topic TOPIC < payload` shows what one message comes to.
"""
DEVICES: Final = """\
# Who the devices are: give them names, groups and labels to match. Devices that are not listed
# work too. aliases let a collar move from cow to cow; a large herd belongs into devices_file.
"""


@dataclass(frozen=True, slots=True)
class Answers:
    """What the operator said."""

    farm: str
    timezone: str
    language: str
    person: str
    channel: FirstChannel


def first_config(door: Door, found: Findings, answers: Answers, day: str, secrets: dict[str, str]) -> str:
    """Write the whole file. `secrets` are the paths of the files that hold the broker's password and a token."""
    return "\n".join(
        (
            HEAD,
            _farm(answers),
            _mqtt(door, secrets),
            SOURCES + _sources(found),
            DEVICES + (devices_yaml(found) or "#devices:\n  #- {id: cow-0421, name: Berta, group: dairy}\n"),
            "# What is bad. Begin gently: mode: shadow records alerts and tells nobody.\n" + _rules(found),
            _people(answers, day, secrets),
            "web:\n  listen: 127.0.0.1:8080            # console and API; from elsewhere it needs a token\n",
        )
    )


def _farm(answers: Answers) -> str:
    lines = (
        "farm:",
        f"  name: {scalar(answers.farm)}",
        f"  timezone: {scalar(answers.timezone)}",
        f"  language: {scalar(answers.language)}  # en, de, es, fr, nl or pl; for people without their own",
    )
    return "\n".join(lines) + "\n"


def _mqtt(door: Door, secrets: dict[str, str]) -> str:
    lines = [
        "mqtt:",
        f"  url: {scalar(door.url)}",
        "  client_id: alertd                 # names the session the broker keeps for us; one per daemon",
    ]
    if door.username is not None:
        lines.append(f"  username: {scalar(door.username)}")
    if "mqtt-password" in secrets:
        where = flow({"file": secrets["mqtt-password"]})
        lines.append(f"  password: {where}   # under systemd: {{credential: mqtt-password}}")
    return "\n".join(lines) + "\n"


def _sources(found: Findings) -> str:
    if found.proposals:
        return sources_yaml(found.proposals)
    return (
        "# Nothing was recognised yet: `alertd discover --mqtt URL` looks again. Until then alertd's own form,\n"
        '# alertd/v1/SITE/KIND/DEVICE with {"ts": …, "<metric>": …}:\n'
        "sources:\n  - preset: alertd\n"
    )


def _rules(found: Findings) -> str:
    metrics = list(dict.fromkeys(reading.metric for one in found.proposals for reading in one.readings))
    rules = [rule for metric, rule in RULES.items() if metric in metrics]
    spoken = next((metric for metric in (*RULES, *metrics) if metric in metrics and metric != "online"), None)
    if spoken is not None:
        rules.append(SILENT.replace("METRIC", scalar(spoken)))
    if not rules:
        return "rules: []\n" + _commented(RULES["body_temperature"])
    return "rules:\n" + "\n".join(rules)


def _commented(text: str) -> str:
    return "".join(f"  #{line[2:]}\n" for line in text.splitlines())


def _people(answers: Answers, day: str, secrets: dict[str, str]) -> str:
    channel = answers.channel
    files = {key: {"file": secrets[f"{channel.messenger}-{key.replace('_', '-')}"]} for key in channel.hidden}
    settings = f"  {channel.messenger}: {flow({**channel.settings, **files})}"
    if channel.messenger == "console":
        settings += "                       # prints to the terminal; telegram or ntfy reach a phone"
    person = ident(answers.person)
    lines = [f"messengers:\n{settings}\n"]
    channels = f"[{flow({channel.messenger: channel.address})}]" if channel.address else "[]"
    consent = f"    consent: {day}               # the day they agreed; without it they join by message\n"
    joins = f"    # they join by message: alertd people invite {person}\n"
    lines.append(
        f"subscribers:\n  - id: {scalar(person)}\n    name: {scalar(answers.person)}\n"
        f"    channels: {channels}\n{consent if channel.address else joins}"
        "    #subscriptions: [{min_severity: warning}]       # default: everything\n"
    )
    lines.append(f"operator: {scalar(person)}                    # hears of alertd's own trouble\n")
    return "\n".join(lines)


def ident(name: str) -> str:
    """Turn a person's name into an id."""
    letters = [letter.lower() if letter.isascii() and letter.isalnum() else "-" for letter in name.strip()]
    return "-".join(part for part in "".join(letters).split("-") if part)[:64] or "farmer"
