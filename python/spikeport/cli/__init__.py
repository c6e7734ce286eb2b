"""The command line: `spikeport …` parses, calls one function, prints.

One module a command, each registering itself on the application of `spikeport.cli.app`; heavy imports stand
inside the functions, so that ``spikeport --help`` is quick. A user's mistake ends in a message and exit code
2, never in a traceback.
"""

from __future__ import annotations

import importlib
import io
import pkgutil
import sys
from collections.abc import Sequence

from spikeport.cli.app import USER_ERROR, as_typed, explain
from spikeport.cli.app import app as application
from spikeport.errors import SpikeportError

__all__ = ["main"]


STOPPED = 130
"""What a shell gives for a program that Ctrl-C ended."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that ``arguments`` name (by default those of the process) and leave with its code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # "?" for a θ where the terminal has none, not a traceback
    for module in pkgutil.iter_modules(__path__, __name__ + "."):
        importlib.import_module(module.name)
    try:
        _run(arguments)
    except SpikeportError as error:
        explain(as_typed(str(error)))
        sys.exit(USER_ERROR)
    except OSError as error:
        explain(str(error))
        sys.exit(USER_ERROR)
    except MemoryError as error:
        explain(f"there is not enough memory for this; fewer timesteps or samples need less ({error})")
        sys.exit(USER_ERROR)


def _run(arguments: Sequence[str] | None) -> None:
    try:
        application(arguments, prog_name="spikeport")
    except KeyboardInterrupt:
        left: object = STOPPED
    except SystemExit as error:
        left = error.code
        if left != STOPPED:
            raise
    else:
        return
    explain("stopped by Ctrl-C: what is written only at the end was not written", "note")
    sys.exit(STOPPED)
