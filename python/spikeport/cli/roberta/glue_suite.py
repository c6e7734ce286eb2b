"""``spikeport glue-suite``: the GLUE program over tasks × learning rates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spikeport.cli.app import app, console, fail, messages, print_json

if TYPE_CHECKING:
    from spikeport.roberta.glue.suite import SuiteRun


@app.command("glue-suite", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def glue_suite(
    context: typer.Context,
    tasks: Annotated[str, typer.Option(help="Tasks, separated by commas.")],
    learning_rates: Annotated[str, typer.Option(help="Learning rates, separated by commas.")],
    output_dir: Annotated[Path, typer.Option(help="Where every run has its folder.")],
    model: Annotated[str, typer.Option(help="Hub id or folder; {task} stands for the task's name.")],
    data_dir: Annotated[
        list[str] | None, typer.Option(help="GLUE folder of a task, as task=folder; repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run the GLUE program over tasks × learning rates; further flags go to every run (--do_train --do_eval …).

    Runs that are done are not done again; a run that fails does not end the rest.
    """
    from spikeport.errors import MissingExtra

    try:
        from spikeport.roberta.glue import suite
    except ModuleNotFoundError as error:
        if not error.name or error.name.startswith("spikeport"):
            raise
        raise MissingExtra(error.name, "roberta", "spikeport glue-suite") from None
    folders = {}
    for entry in data_dir or []:
        task, equals, folder = entry.partition("=")
        if not equals:
            fail(f"--data-dir {entry!r} is not task=folder")
        folders[task] = folder
    try:
        rates = [float(word) for word in learning_rates.split(",")]
    except ValueError:
        fail(f"--learning-rates {learning_rates!r} are not numbers separated by commas")

    def report(run: SuiteRun, there: bool) -> None:
        shown = f"{run.score:.4f}" if run.score is not None else run.error.splitlines()[-1] if run.error else run.state
        messages.print(f"{run.task}, {run.learning_rate:g}: {shown}{' (there already)' if there else ''}")

    names = [task.strip() for task in tasks.split(",")]
    try:
        runs = suite.run_suite(
            names, rates, output_dir, model=model, flags=context.args, data_dirs=folders, report=report
        )
    except KeyboardInterrupt:
        messages.print("interrupted: the same command goes on with the run that was cut off", highlight=False)
        raise
    best = suite.best_runs(runs)
    if as_json:
        from dataclasses import asdict

        print_json({"runs": [asdict(run) for run in runs], "best": best})
        return
    _print_table(runs, best)


def _print_table(runs: list[SuiteRun], best: dict[str, dict[str, float]]) -> None:
    from rich.table import Table

    table = Table("task", "learning rate", "score", "state", "seconds", "best")
    for run in runs:
        score = "" if run.score is None else f"{run.score:.4f}"
        leads = best.get(run.task, {}).get("learning_rate") == run.learning_rate
        row = (run.task, f"{run.learning_rate:g}", score, run.state, f"{run.seconds:.0f}", "*" if leads else "")
        table.add_row(*row)
    console.print(table)
