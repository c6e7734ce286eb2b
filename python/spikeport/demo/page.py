"""The page of the demonstration: accuracy over T, one digit as spikes, activations against rates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spikeport.conversion import ConvertedSNN
from spikeport.demo.digits import Digits
from spikeport.report.network import network
from spikeport.report.page import Html, Page, badge, columns, figure, paragraph, preformatted, table, tiles
from spikeport.report.plots import INK, lines, new_figure, raster, scatter, svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn

    from spikeport.demo.measurement import Measurement

Array = npt.NDArray[Any]

NAMES = {"current": "constant current", "poisson": "Poisson spikes"}
STEPS_SHOWN = 64
DIGITS_COMPARED = 24


def write_page(
    path: Path,
    model: nn.Module,
    snn: ConvertedSNN,
    digits: Digits,
    measurements: Sequence[Measurement],
    trained_accuracy: float,
) -> Path:
    """Write the page to ``path`` and return the path."""
    widths = " → ".join(str(n) for n in [snn.graph.n_inputs, *(layer.n_neurons for layer in snn.graph)])
    page = Page(
        "Digits, in spikes", f"A ReLU network {widths}, trained on 8×8 handwritten digits, and its spiking twin."
    )
    chosen = next(m for m in measurements if (m.T, m.encoding) == (snn.T, "current"))
    page.section(
        "In short",
        tiles(
            {
                "trained network": f"{trained_accuracy:.1%}",
                f"spiking, T = {snn.T}": f"{chosen.accuracy:.1%}",
                "the same answer": f"{chosen.agreement:.1%}",
                "spikes per digit": f"{chosen.spikes_per_inference:,.0f}",
            }
        ),
        paragraph(badge(snn.certificate.level) + str(snn.certificate).removeprefix(snn.certificate.level)),
    )
    page.section("The network", network(*snn.graph.outline(), "The spiking network"))
    page.section("Accuracy over time", _accuracy(measurements, trained_accuracy), _table(measurements))
    page.section("One digit", *_one_digit(snn, digits))
    page.section("Activation against rate", *_rates(model, snn, digits))
    page.section(
        "Make it again",
        "This page, the spiking network and the test digits were written by the first command; the second, in the same "
        "folder, runs the network on the digits.",
        preformatted(f"spikeport demo --folder {quote(str(path.parent))}\nspikeport run digits_snn digits_test.npz"),
    )
    return page.save(path)


def _accuracy(measurements: Sequence[Measurement], trained_accuracy: float) -> Html:
    timesteps = sorted({m.T for m in measurements})
    over_time = _curve(measurements, "T", "timesteps T", trained_accuracy)
    over_time.axes[0].set_xscale("log", base=2)
    over_time.axes[0].set_xticks(timesteps, [str(T) for T in timesteps])
    over_spikes = _curve(measurements, "spikes_per_inference", "spikes per digit", trained_accuracy)
    over_spikes.axes[0].set_xscale("log")
    return columns(
        figure(svg(over_time), "A constant current needs fewer steps than Poisson spikes: their noise needs time."),
        figure(svg(over_spikes), "The same measurements, over the spikes of all neurons for one digit."),
    )


def _curve(measurements: Sequence[Measurement], quantity: str, label: str, trained_accuracy: float) -> Figure:
    series = {}
    for encoding, name in NAMES.items():
        chosen = [m for m in measurements if m.encoding == encoding]
        series[name] = ([getattr(m, quantity) for m in chosen], [100 * m.accuracy for m in chosen])
    fig = lines(series, label, "accuracy, %", markers=True)
    axes, level, where = fig.axes[0], 100 * trained_accuracy, ("axes fraction", "data")
    axes.axhline(level, color=INK, linestyle=(0, (4, 3)), linewidth=1, alpha=0.6)
    axes.annotate(f"trained network {trained_accuracy:.1%}", (0.01, level), xycoords=where, va="bottom", color=INK)
    return fig


def _table(measurements: Sequence[Measurement]) -> Html:
    headers = ["T"]
    for name in NAMES.values():
        headers += [f"{name}: accuracy", "same answer", "spikes per digit"]
    rows: dict[int, list[Any]] = {}
    for m in sorted(measurements, key=lambda m: list(NAMES).index(m.encoding)):
        row = rows.setdefault(m.T, [m.T])
        row += [f"{m.accuracy:.1%}", f"{m.agreement:.1%}", round(m.spikes_per_inference)]
    return table(headers, rows.values())


def _one_digit(snn: ConvertedSNN, digits: Digits) -> tuple[Html, Html]:
    x = digits.x_test[:1]
    result = snn.graph.run(x, T=STEPS_SHOWN, encoding="poisson", record=True)
    spikes = result.spikes or []
    answer = int(result.drive[0].argmax())
    fig, axes = new_figure(5.6, 2.4)
    axes.imshow(x.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
    axes.set_axis_off()
    rasters = [
        raster(layer[:, 0], title=f"{node.name}: {int(np.abs(layer).sum()):,} spikes", size=(5.6, 2.4))
        for node, layer in zip(snn.graph, spikes, strict=True)
    ]
    output = rasters[-1].axes[0]
    output.set_ylabel("class")
    output.set_yticks(range(snn.graph.n_outputs))
    words = (
        f"The spiking network says {answer}, the label is {int(digits.y_test[0])}. Each pixel fires at random, as "
        f"often as it is dark, for {STEPS_SHOWN} steps; each dot is a spike of a neuron (a row) at a step (a column)."
    )
    pictures = [figure(svg(r)) for r in rasters]
    return columns(figure(svg(fig), "A test digit."), pictures[-1]), columns(*pictures[:-1]) + paragraph(words)


def _rates(model: nn.Module, snn: ConvertedSNN, digits: Digits) -> tuple[Html, Html]:
    import torch

    from spikeport.reading.torch import evaluating, read_model

    x = digits.x_test[:DIGITS_COMPARED]
    with evaluating(model):
        activations, _ = read_model(model).outputs(torch.from_numpy(x))
    result = snn.graph.run(x, T=snn.T)
    rates = [counts / snn.T for counts in result.counts[:-1]] + [result.drive / snn.T]
    figures = []
    for index, name in enumerate(snn.names):
        last = index == snn.n_layers - 1
        fig = scatter(
            {name: (activations[index].ravel(), rates[index].ravel() * snn.scales[index])},
            "trained network",
            f"{'mean drive' if last else 'rate'} · θ, spiking network",
            title=f"{name}: {'logits' if last else 'activations'}",
            diagonal=True,
            size=(5.6, 3.8),
        )
        figures.append(figure(svg(fig)))
    words = (
        f"Each point is a neuron and one of {DIGITS_COMPARED} test digits, T = {snn.T}, constant current. On the line, "
        f"rate and activation agree; the rows of points are the {snn.T + 1} rates that {snn.T} steps can have; what "
        "lies above θ is clipped. The output layer is read by its mean drive, which is neither clipped nor rounded."
    )
    return columns(*figures), paragraph(words)
