"""`spikeport profile`: a file of recordings, a training script or a report that was kept, to a diagnosis."""

from __future__ import annotations

import contextlib
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spikeport.cli.app import app, fail, print_json, say

if TYPE_CHECKING:
    from spikeport.profiling.profiler import SpikeProfiler

CRITICAL = 1
FAILED = 1
INTERRUPTED = 130


@app.command("profile", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def profile(
    context: typer.Context,
    source: Annotated[
        Path, typer.Argument(help="A .npz of recordings, a Python script that trains, or a report kept as .json.")
    ],
    html: Annotated[Path | None, typer.Option(help="Write the report as one HTML page.")] = None,
    layout: Annotated[str | None, typer.Option(help="Axes of the recordings, such as TBN.")] = None,
    every: Annotated[int | None, typer.Option(min=1, help="Record one training iteration in that many.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with code 1 on a critical finding.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Say what is wrong with a spiking network's activity and training.

    What follows a script's name and is no option of this command goes to the script, and so does everything after
    --. Where the script fails, what it had shown until then is reported, and the command leaves with its code.
    """
    from spikeport.profiling import SpikeProfiler
    from spikeport.profiling.recordings import profile_recordings
    from spikeport.profiling.stored import load_report

    if source.suffix == ".json" and html is not None:
        fail(f"{source} holds no curves to draw: write the page with --html from the recordings themselves")
    if html is not None:
        _check_page(html)
    profiler, code = SpikeProfiler(), 0
    if source.suffix == ".py":
        code = _run_script(source, context.args, profiler, every, as_json)
    elif context.args:
        fail(f"{source} is no script, and takes no further arguments: {' '.join(context.args)}")
    elif source.suffix == ".npz":
        profile_recordings(source, profiler, layout)
    elif source.suffix != ".json":
        fail(f"{source} is neither a .npz of recordings, nor a .py script, nor a .json report of this command")
    report = load_report(source) if source.suffix == ".json" else profiler.report()
    if code and not report.layer_stats:
        raise typer.Exit(code)
    if html is not None:
        report.save_html(html, f"Spike profile of {source.name}")
    if as_json:
        print_json(report.to_dict())
    else:
        say(report.summary().rstrip())
        if html is not None:
            say(f"Wrote {html}.")
    if code or (strict and report.has_critical):
        raise typer.Exit(code or CRITICAL)


def _check_page(html: Path) -> None:
    """Fail before a training has run for hours, not after."""
    from spikeport.report.plots import new_figure

    if html.is_dir() or not html.absolute().parent.is_dir():
        fail(f"the page cannot be written to {html}: give a file in a folder that exists")
    new_figure()


def _run_script(script: Path, arguments: list[str], profiler: SpikeProfiler, every: int | None, quiet: bool) -> int:
    """Run the script under the profiler and return its exit code; what ends it is told as Python would."""
    from spikeport.profiling.script import profile_script

    try:
        # What the script prints must not end up inside the JSON document.
        with contextlib.redirect_stdout(sys.stderr) if quiet else contextlib.nullcontext():
            profile_script(script, arguments, profiler, every)
    except SystemExit as leaving:
        if isinstance(leaving.code, int):
            return leaving.code
        print(leaving.code, file=sys.stderr)
        return FAILED
    except (Exception, KeyboardInterrupt) as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename != str(script):
            trace = trace.tb_next
        if trace is None and getattr(error, "filename", None) != str(script):
            raise  # not the script's
        traceback.print_exception(type(error), error, trace)
        return INTERRUPTED if isinstance(error, KeyboardInterrupt) else FAILED
    return 0
