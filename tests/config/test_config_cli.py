"""The commands as a person or systemd starts them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from alertd.cli import app

ROOT = Path(__file__).parents[2]


def alertd(*words: str, cwd: Path = ROOT, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "alertd", *words],
        cwd=cwd,
        env={key: value for key, value in os.environ.items() if key != "ALERTD_CONFIG"} | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_good_file_is_ok_and_counted() -> None:
    done = alertd("check", "--config", "config/minimal.yaml")

    assert (done.returncode, done.stdout, done.stderr) == (0, "ok: 1 source, 0 devices, 1 rule, 1 subscriber\n", "")


def test_errors_go_to_stderr_and_exit_with_2(tmp_path: Path) -> None:
    (tmp_path / "farm.yaml").write_text("mqtt: {url: mqtt://127.0.0.1}\nsources: [{presset: senml}]\n")

    done = alertd("check", "-c", "farm.yaml", cwd=tmp_path)

    expected = "farm.yaml:2:12: sources[0].presset: unknown key (did you mean preset?)\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)


def test_warnings_go_to_stderr_and_exit_with_0(tmp_path: Path) -> None:
    text = "mqtt: {url: mqtt://127.0.0.1, password: {file: /nowhere/x}}\nsources: [{preset: alertd}]\n"
    (tmp_path / "farm.yaml").write_text(text)

    done = alertd("check", "-c", "farm.yaml", cwd=tmp_path)

    assert done.returncode == 0
    assert done.stderr.startswith("warning: farm.yaml:1:41: mqtt.password: cannot be read now: file /nowhere/x")
    assert done.stdout.startswith("ok: ")


def test_without_config_the_environment_names_it_else_the_folder(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "alertd.yaml").write_text("- here\n")

    named = alertd("check", cwd=tmp_path, ALERTD_CONFIG="elsewhere.yaml")
    usual = alertd("check", cwd=tmp_path)

    assert named.stderr.startswith("elsewhere.yaml:1:1: cannot be read")
    if not Path("/etc/alertd/alertd.yaml").exists():
        assert usual.stderr.startswith("config/alertd.yaml:1:1: must be a mapping")
    assert (named.returncode, usual.returncode) == (2, 2)


def test_the_schema_is_json_and_knows_the_detectors() -> None:
    done = alertd("schema")

    schema = json.loads(done.stdout)
    assert done.returncode == 0
    assert {"mqtt", "sources", "rules", "messengers"} <= set(schema["properties"])
    assert {"Threshold", "Absence", "Seasonal"} <= set(schema["$defs"])


def test_a_configuration_without_c_before_it_is_told_where_it_goes() -> None:
    done = alertd("check", "my.yaml")

    assert done.returncode == 2
    assert done.stderr.startswith("alertd check: the configuration goes after -c, as in alertd check -c my.yaml")


def test_every_command_is_described_in_one_whole_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for words in ((), ("people",), ("silence",)):
        app(args=[*words, "--help"], prog_name="alertd", standalone_mode=False)
        listed = capsys.readouterr().out.partition("Commands:")[2]
        assert listed.strip()
        assert "..." not in listed


@pytest.mark.parametrize("words", [["chek"], ["check", "--colour"], ["check", "-c"]])
def test_a_usage_error_exits_with_2(words: list[str]) -> None:
    done = alertd(*words)

    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_a_usage_error_is_one_line_that_names_the_help() -> None:
    done = alertd("check", "--confg", "x")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("alertd check: No such option: --confg")
    assert "(see alertd check --help)" in done.stderr


@pytest.mark.parametrize("command", ["simulate", "discover"])
def test_what_is_no_address_of_a_broker_is_a_usage_error(command: str) -> None:
    done = alertd(command, "--mqtt", "farm.local", "--seconds", "1")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--mqtt: must be mqtt://HOST:PORT" in done.stderr


def test_the_version_is_shown() -> None:
    assert alertd("--version").stdout == "alertd 0.1.0\n"


def test_help_imports_nothing_heavy() -> None:
    look = (
        "import sys\n"
        "sys.argv = ['alertd', '--help']\n"
        "from alertd.cli import main\n"
        "try: main()\n"
        "except SystemExit as left: code = left.code\n"
        "heavy = {'numpy', 'aiohttp', 'sqlalchemy', 'pydantic', 'ruamel.yaml', 'jinja2'} & set(sys.modules)\n"
        "sys.exit(f'{code} {heavy}' if code or heavy else 0)\n"
    )

    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert "check" in done.stdout
