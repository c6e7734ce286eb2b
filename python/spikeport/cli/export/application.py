"""The command that the forms are commands of."""

from __future__ import annotations

import typer

from spikeport.cli.app import app

export = typer.Typer(help="Write a network for other software.", no_args_is_help=True)
app.add_typer(export, name="export")


@export.callback()
def _commands() -> None:
    # With a callback, typer keeps the name of a command even where there is only one.
    pass
