"""`spikeport profile`: a file of recordings, or a training script, to a diagnosis."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikeport.cli.app import app, fail, print_json, say

CRITICAL = 1


@app.command("profile", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def profile(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(help="A .npz of recordings, or a Python script that trains.")],
    html: Annotated[Path | None, typer.Option(help="Write the report as one HTML page.")] = None,
    layout: Annotated[str | None, typer.Option(help="Axes of the recordings, such as TBN.")] = None,
    every: Annotated[int | None, typer.Option(help="Record one training iteration in that many.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with code 1 on a critical finding.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Say what is wrong with a spiking network's activity and training.

    What follows a script's name and is no option of this command goes to the script.
    """
    import contextlib
    import sys

    from spikeport.profiling.recordings import profile_recordings

    if source.suffix == ".npz":
        if context.args:
            fail(f"a file of recordings takes no further arguments: {' '.join(context.args)}")
        profiler = profile_recordings(source, layout=layout)
    elif source.suffix == ".py":
        from spikeport.profiling.script import profile_script

        # What the script prints must not end up inside the JSON document.
        with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
            profiler = profile_script(source, context.args, every=every)
    else:
        fail(f"{source} is neither a .npz of recordings nor a .py script")
    report = profiler.report()
    if html is not None:
        report.save_html(html, f"Spike profile of {source.name}")
    if as_json:
        print_json(report.to_dict())
    else:
        say(report.summary().rstrip())
        if html is not None:
            say(f"Wrote {html}.")
    if strict and report.has_critical:
        raise typer.Exit(CRITICAL)
