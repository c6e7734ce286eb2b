"""``spikeport doctor``: what is here, which backends work, what to install for the rest."""

from __future__ import annotations

from typing import Annotated

import typer

from spikeport.cli.app import app, explain, fail, messages, print_json, say

BROKEN = 1
"""Exit code where something that ought to work does not."""


@app.command("doctor")
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    bug_report: Annotated[
        bool, typer.Option("--bug-report", help="Print Markdown to paste: without paths, names and addresses.")
    ] = False,
) -> None:
    """Say what is here, try every backend, and name what to install for the rest.

    Leaves with 0 where the reference and Rust work and nothing else gives wrong answers; with 1 otherwise.
    """
    if as_json and bug_report:
        fail("--json and --bug-report are two forms of one answer: give one of them")
    from spikeport.doctor import examine

    with messages.status("looking around") as status:  # shown on a terminal alone
        found = examine(lambda backend: status.update(f"trying {backend}"))
    if as_json:
        print_json(found.to_dict())
    else:
        say(found.bug_report() if bug_report else "\n".join(found.lines()))
    if not found.is_sound:
        explain("a backend that ought to work does not: see above, and paste spikeport doctor --bug-report")
        raise typer.Exit(BROKEN)
