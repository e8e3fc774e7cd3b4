"""The commands. Thin: each imports its work when it is called, so that `--help` costs nothing.

A fault is one line on stderr; `--debug`, anywhere on the line, shows the traceback.
"""

from __future__ import annotations

import sys
from typing import Any, Final, NoReturn

import typer

from alertd.cli import beginning, proving, running  # noqa: F401 (they bring their commands)
from alertd.cli.frame import DONE, FAILED, app


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    debug = "--debug" in sys.argv[1:]
    arguments = [word for word in sys.argv[1:] if word != "--debug"]
    try:
        code = app(args=["--debug", *arguments] if debug else arguments, prog_name="alertd", standalone_mode=False)
    except typer.Abort:
        print("alertd: given up", file=sys.stderr)
        sys.exit(FAILED)
    except _USAGE as error:
        sys.exit(_refuse(error))
    except Exception as error:  # the outermost edge: a person reads this
        if debug:
            raise
        print(f"alertd: {_one_line(error)}", file=sys.stderr)
        sys.exit(FAILED)
    sys.exit(code or DONE)


_USAGE: Final[tuple[type[Exception], ...]] = tuple(
    kind for kind in typer.BadParameter.__mro__ if issubclass(kind, Exception) and hasattr(kind, "show")
)
"""What the command line raises for bad usage; only its leaf has a public name."""


def _refuse(error: Any) -> int:
    """Say in one line what is wrong with the command line, and return the exit code; no words at all get the help."""
    text, context = error.format_message().strip(), getattr(error, "ctx", None)
    if "\n" in text:  # `alertd` alone: its help
        error.show()
    else:
        command = context.command_path if context is not None else "alertd"
        if "extra argument" in text and text.endswith((".yaml)", ".yml)")):
            text = f"the configuration goes after -c, as in {command} -c {text.rpartition('(')[2].rstrip(')')}"
        print(f"{command}: {text.rstrip('.')} (see {command} --help)", file=sys.stderr)
    return int(error.exit_code)


def _one_line(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    text = " ".join(str(error).split())
    return f"{text or type(error).__name__} (--debug shows where)"
