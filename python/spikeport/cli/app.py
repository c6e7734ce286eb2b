"""What every command shares: the application, where results go, where messages go, how a command gives up.

Results are printed on standard output by ``console`` or, as JSON, by `print_json`; progress and errors go to
standard error, so that ``spikeport … --json | jq`` works.
"""

from __future__ import annotations

import codecs
import json
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

USER_ERROR = 2

app = typer.Typer(
    name="spikeport",
    help="A trained network goes in, a spiking one comes out, and every step says what it did to the answer.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# No markup and no emoji: names of layers and files are printed as they are, "[/b]" and ":o:" too.
console = Console(markup=False, emoji=False)
messages = Console(stderr=True, markup=False, emoji=False)


Force = Annotated[bool, typer.Option("--force", help="Write over what is there.")]


def _version(asked: bool) -> None:
    if asked:
        from spikeport import __version__

        say(f"spikeport {__version__}")
        raise typer.Exit


@app.callback()
def _commands(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Say which spikeport this is.")
    ] = False,
) -> None:
    # With a callback, typer keeps the name of a command even where there is only one.
    pass


def say(text: str) -> None:
    """Print ``text`` on standard output as it is: no markup, no colours, no line breaks of our own."""
    console.print(text, highlight=False, soft_wrap=True)


def explain(message: str, kind: str = "error") -> None:
    """Print ``message`` on standard error, marked as an error or as what ``kind`` says."""
    messages.print(f"{kind}:", style="bold red" if kind == "error" else "bold yellow", end=" ")
    messages.print(message, highlight=False, soft_wrap=True)


def fail(message: str) -> NoReturn:
    """Print ``message`` on standard error and leave with exit code 2: the user can put it right."""
    explain(message)
    raise typer.Exit(USER_ERROR)


def check_output(path: Path, *, force: bool) -> None:
    """Leave with a message unless a file can be written at ``path``: asked before any work, so that none is lost."""
    if not path.parent.is_dir():
        fail(f"{path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        fail(f"{path}: the folder {path.parent} cannot be written to")
    if path.exists() and not force:
        fail(f"{path} exists: give another name, or --force to write over it")


def check_checkpoint_output(path: Path, *, force: bool) -> None:
    """Leave with a message unless a checkpoint can be written at ``path``."""
    from spikeport.transfer.store import checkpoint_paths

    for file in checkpoint_paths(path):
        check_output(file, force=force)


def as_typed(message: str) -> str:
    """Return a message of the library in a shell's terms: ``--input-range`` for input_range, ``-T 64`` for T=64."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    options = [option for command in commands.values() for option in command.params if option.opts[0][0] == "-"]
    typed: dict[str, str] = {option.name: max(option.opts, key=len) for option in options} | {"T": "-T"}

    def value(found: re.Match[str]) -> str:
        return f"{typed[found[1]]} {found[3]}" if found[1] in typed else found[0]

    def name(found: re.Match[str]) -> str:
        return typed.get(found[0], found[0])

    message = re.sub(r"(?<![\w./\\-])([A-Za-z_]+)=(['\"]?)([\w.+-]*\w)\2", value, message)
    return re.sub(r"(?<![\w./\\-])[a-z]+(?:_[a-z]+)+(?![\w/\\=-]|\.\w)", name, message)


def print_json(data: Any) -> None:
    """Print ``data`` on standard output as one JSON document, keys in the order given."""
    ascii_alone = codecs.lookup(sys.stdout.encoding or "ascii").name != "utf-8"
    print(json.dumps(data, indent=2, ensure_ascii=ascii_alone, allow_nan=False))
