"""The command that the forms are commands of."""

from __future__ import annotations

import typer

from spikeport.cli.app import app

imports = typer.Typer(help="Read a network of other software.", no_args_is_help=True)
app.add_typer(imports, name="import")


@imports.callback()
def _commands() -> None:
    # With a callback, typer keeps the name of a command even where there is only one.
    pass
