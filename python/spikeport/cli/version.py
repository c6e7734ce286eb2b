"""``spikeport version``: what is installed, and what it can run on."""

from __future__ import annotations

from typing import Annotated

import typer

from spikeport.cli.app import app, print_json, say


@app.command("version")
def version(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Say which spikeport this is, and which backends run here."""
    import platform

    import numpy as np

    from spikeport import __version__, available_backends

    reasons = available_backends()
    if as_json:
        backends = {name: {"available": reason is None, "reason": reason} for name, reason in reasons.items()}
        versions = {"spikeport": __version__, "python": platform.python_version(), "numpy": np.__version__}
        print_json({**versions, "backends": backends})
        return
    say(f"spikeport {__version__}  (Python {platform.python_version()}, NumPy {np.__version__})")
    for name, reason in reasons.items():
        say(f"  {name}: {'available' if reason is None else reason}")
