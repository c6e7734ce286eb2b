"""``spikeport run``: a checkpoint and samples -> classes, spikes, accuracy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from spikeport.cli.app import app, console, explain, fail, print_json, say
from spikeport.cli.engine import Backend, Device

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from spikeport.graph import RunResult, SNNGraph

    Array = npt.NDArray[np.generic]

SAMPLES_AT_ONCE = 64
FIRST_STEPS = 16
"""Of the first record of a pulse; later ones begin with what the samples before took."""


@app.command("run")
def run(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint: PATH of PATH.npz and PATH.json.")],
    samples: Annotated[Path, typer.Argument(help="Samples: .npy, or .npz with the samples as x, any labels as y.")],
    timesteps: Annotated[
        int | None, typer.Option("-T", "--timesteps", help="Timesteps; by default those it was converted for.")
    ] = None,
    readout_delay: Annotated[
        int | None,
        typer.Option(min=0, help="Steps at the start that are not read; by default as it was converted."),
    ] = None,
    encoding: Annotated[
        Literal["current", "poisson", "pulse"] | None,
        typer.Option(help="current, the default; poisson for values in [0, 1]; pulse, as a lossless network takes it."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the Poisson draws.")] = 0,
    backend: Backend = "auto",
    device: Device = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="On how many samples are shared out; by default one for each core.")
    ] = None,
    rows: Annotated[int, typer.Option(min=0, help="How many samples to list.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, every sample in it.")] = False,
) -> None:
    """Run a spiking network on samples and say what it answers."""
    import numpy as np

    from spikeport.cli.arrays import load_samples
    from spikeport.cli.engine import engine, say_if_measured
    from spikeport.conversion.cautions import far_outside, unsettled
    from spikeport.conversion.checks import check_range
    from spikeport.integers import Units
    from spikeport.transfer import load_checkpoint

    runs_on = engine(backend, device)
    stored = load_checkpoint(checkpoint)
    graph = stored.to_graph()
    T = stored.metadata.get("T") if timesteps is None else timesteps
    if not isinstance(T, int) or T < 1:
        fail("give the number of timesteps, at least 1: -T 16" if timesteps is None else f"-T {T} is not at least 1")
    late = stored.metadata.get("readout_delay", 0) if readout_delay is None else readout_delay
    if not isinstance(late, int) or late >= T:
        whose = "--readout-delay" if readout_delay is not None else "the readout delay that it was converted for,"
        fail(f"{whose} {late} leaves none of {T} steps to read: give --readout-delay less than {T}")
    pulsed = stored.metadata.get("encoding") == "pulse"
    encoding = encoding or ("pulse" if pulsed else "current")
    if pulsed and encoding != "pulse":
        fail(f"--encoding {encoding} is not how a lossless network is fed: it takes a pulse, so leave --encoding off")
    units = stored.metadata.get("integers")
    if units is not None and encoding == "poisson":
        fail("--encoding poisson draws spikes, and a network of integers draws none: leave --encoding off")
    if encoding == "pulse" and "scales" in stored.metadata and not pulsed:
        fail("--encoding pulse feeds an input once, and this network was converted to rates: give current or poisson")
    x, labels = load_samples(samples)
    if not len(x):
        fail(f"{samples} holds no samples")
    if x[0].size == graph.n_inputs:
        x = x.reshape(len(x), *graph.input_shape)
    caution = far_outside(float(x.min()), float(x.max()), check_range(stored.metadata.get("input_range")))
    if caution:
        explain(caution, "warning")
    if units is not None:
        x = Units.from_dict(units).input.whole(x)
    given: dict[str, Any] = {"encoding": encoding, "seed": seed, "backend": runs_on}
    say_if_measured(runs_on, graph)
    result = _simulated(graph, x, T, late, threads=threads, **given)
    said = {"T": T, "readout_delay": late, **given}
    result = said | result
    if labels is not None:
        pairs = zip(result["classes"], labels.tolist(), strict=True)
        result["accuracy"] = sum(got == wanted for got, wanted in pairs) / max(1, len(labels))
    restless = unsettled(np.asarray(result["settled"]), T) if "settled" in result else None
    if restless is not None:
        explain(str(restless), "warning")
    if as_json:
        print_json(result)
    else:
        _show(result, labels, rows, graph)


def _simulated(graph: SNNGraph, x: Array, T: int, readout_delay: int, **how: Any) -> dict[str, Any]:
    import numpy as np

    from spikeport.conversion.running.readout import read_out
    from spikeport.conversion.running.samples import classes_of
    from spikeport.report.progress import bar

    classes: list[int] = []
    counts: list[list[int]] = []
    settled: list[int] = []
    most = FIRST_STEPS
    ran = 0  # steps of all samples, each until it has settled
    spikes = np.zeros(len(graph))
    bipolar = any(node.neuron_type == "ST-BIF" for node in graph)  # their counts are net, so spikes are recorded
    with bar("running", len(x)) as advance:
        for start in range(0, max(1, len(x)), SAMPLES_AT_ONCE):
            given = x[start : start + SAMPLES_AT_ONCE]
            if bipolar and how["encoding"] == "pulse":
                part = _settling(graph, given, T, most, **how)
                most = part.timesteps if part.settled is None or not len(given) else int(part.settled.max()) + 1
            else:
                part = graph.run(given, T=T, record=bipolar, **how)
            read = read_out(part, graph, given, readout_delay, **how)
            classes += classes_of(read.drive).tolist()
            counts += read.counts.tolist()
            settled += [] if read.settled is None else read.settled.tolist()
            ran += len(given) * T if read.settled is None else int(np.where(read.settled < 0, T, read.settled).sum())
            fired = part.counts if part.spikes is None else part.spikes
            spikes += [float(np.abs(layer).sum()) for layer in fired]
            advance(len(given))
    n = max(1, len(x))
    spiking = [(node, total) for node, total in zip(graph, spikes, strict=True) if node.neuron.is_spiking]
    return {
        "samples": len(x),
        "spikes_per_inference": float(sum(total for _, total in spiking) / n),
        "rates": {node.name: float(total / (max(1, ran) * node.n_neurons)) for node, total in spiking},
        "classes": classes,
        "counts": counts,
        **({"settled": settled} if settled else {}),
    }


def _settling(graph: SNNGraph, x: Array, T: int, steps: int, **how: Any) -> RunResult:
    """Return a recorded run of so many steps, or of as many more, up to ``T``, as all samples take to settle.

    A record of all ``T`` steps could take much more memory than those in which something happens.
    """
    while True:
        steps = min(max(1, steps), T)
        run = graph.run(x, T=steps, record=True, **how)
        if steps == T or run.settled is None or not len(x) or run.settled.min() >= 0:
            return run
        steps *= 2


def _show(result: dict[str, Any], labels: Array | None, rows: int, graph: SNNGraph) -> None:
    from rich.table import Table

    what = f"{'spikes' if graph[-1].neuron.is_spiking else 'sums'} of the output neurons"
    table = Table("sample", "class", *([] if labels is None else ["label"]), what)
    for index, (answer, counts) in enumerate(zip(result["classes"][:rows], result["counts"], strict=False)):
        label = [] if labels is None else [str(labels[index])]
        table.add_row(str(index), str(answer), *label, " ".join(f"{count:.6g}" for count in counts))
    if rows and result["samples"]:
        console.print(table)
    late = f", read after step {result['readout_delay']}" if result["readout_delay"] else ""
    lines = [f"{result['samples']} samples, T = {result['T']}{late}, {result['encoding']} encoding"]
    lines.append(f"{result['spikes_per_inference']:,.1f} spikes per inference")
    if "settled" in result:
        steps = [step for step in result["settled"] if step >= 0]
        most = f", after {sum(steps) / len(steps):.1f} steps on average, {max(steps)} at most" if steps else ""
        lines.append(f"{len(steps)} of {result['samples']} settled{most}")
    for name, rate in result["rates"].items():
        several = graph[name].neuron.max_spikes > 1
        lines.append(f"  {name}: {f'{rate:.3g} spikes a step' if several else f'{rate:.1%} of steps with a spike'}")
    if "accuracy" in result:
        lines.append(f"accuracy {result['accuracy']:.2%}")
    say("\n".join(lines))
