"""``spikeport conformance``: the harness of a checkout, every kernel in every language."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikeport.cli.app import app, fail, say


@app.command(
    "conformance",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def conformance(
    context: typer.Context,
    checkout: Annotated[Path, typer.Option(help="Root of a spikeport checkout.")] = Path(),
) -> None:
    """Run the conformance harness from a checkout; all further options are the harness's own (see --help)."""
    import subprocess
    import sys

    if not (checkout / "conformance" / "SPEC.md").exists():
        if {"-h", "--help"} & set(context.args):
            say(context.get_help())
            raise typer.Exit
        fail(
            f"{checkout.absolute().name}/ is no checkout of spikeport: the vectors and runners are not in the wheel; "
            "run this in a checkout, or give one with --checkout"
        )
    done = subprocess.run([sys.executable, "-m", "conformance", *context.args], cwd=checkout, check=False)
    raise typer.Exit(done.returncode)
