"""``spikeport demo``: from handwritten digits to a spiking network, with everything it takes shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spikeport.cli.app import app, console, explain, messages, print_json, say

if TYPE_CHECKING:
    from spikeport.demo import Demonstration
    from spikeport.demo.full import Story

DIFFERENT = 1
"""Exit code where a language or a form gives other spikes than the reference."""


@app.command("demo")
def demo(
    folder: Annotated[Path, typer.Option(help="Where the network, the samples and the page go.")] = Path("demo"),
    full: Annotated[
        bool, typer.Option("--full", help="The whole story: integers, every language, NIR and C, fine-tuning; minutes.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Train a small network on handwritten digits, convert it, and show what each step did.

    With --full a convolutional network, on MNIST where SPIKEPORT_DATA names a folder that holds it.
    """
    from rich.progress import Progress, TaskID

    from spikeport.demo import demonstrate

    with Progress(console=messages, transient=True, disable=not messages.is_terminal) as progress:
        tasks: dict[str, TaskID] = {}

        def on_step(step: str, done: int, of: int) -> None:
            if step not in tasks:
                tasks[step] = progress.add_task(step, total=of)
            progress.update(tasks[step], completed=done)

        if full:
            from spikeport.demo.full import tell

            story = tell(folder, on_step)
        else:
            shown = demonstrate(folder, on_step)
    if full:
        _show_story(story, as_json)
    elif as_json:
        print_json(shown.to_dict())
    else:
        _show(shown)


def _show(shown: Demonstration) -> None:
    from rich.table import Table

    def percent(share: float) -> str:
        return f"{100 * share:.1f} %"

    how = "trained now" if shown.retrained else "trained in an earlier run"
    say(f"the network, {how}: {percent(shown.trained_accuracy)} of {shown.test_digits} test digits")
    table = Table("\nT", title="its spiking twin, fed a constant current or Poisson spikes", title_style="")
    for heading in ("current\naccuracy", "\nsame answer", "\nspikes per digit"):
        table.add_column(heading, justify="right")
    for heading in ("Poisson\naccuracy", "\nsame answer", "\nspikes per digit"):
        table.add_column(heading, justify="right")
    by_T: dict[int, list[str]] = {}
    for m in shown.measurements:
        cells = [percent(m.accuracy), percent(m.agreement), f"{m.spikes_per_inference:,.0f}"]
        by_T.setdefault(m.T, []).extend(cells)
    for T, cells in by_T.items():
        table.add_row(str(T), *cells)
    table.add_section()
    table.add_row("trained", percent(shown.trained_accuracy))
    console.print(table)
    say(f"conversion: {shown.certificate}")
    same = "all the same" if shown.same_spikes else "NOT the same"
    say(f"saved as {shown.checkpoint}, loaded again: {shown.spikes_compared:,} spikes, {same}")
    say(f"the test digits: {shown.samples}")
    say(f"the page: {shown.page}")


def _show_story(story: Story, as_json: bool) -> None:
    if as_json:
        print_json(story.to_dict())
    else:
        say(story.images.name)
        for number, chapter in enumerate(story.chapters, 1):
            say(f"{number}. {chapter.heading} ({chapter.seconds:.1f} s): {chapter.sentence}")
        absent = [who for who, same in story.same.items() if same is None]
        if absent:
            say(f"not here, see spikeport doctor: {', '.join(absent)}")
        say(f"{story.seconds:.0f} seconds; the page: {story.page}")
    other = [who for who, same in story.same.items() if same is False]
    if other:
        explain(f"other spikes than the reference's: {', '.join(other)}")
        raise typer.Exit(DIFFERENT)
