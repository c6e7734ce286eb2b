"""The sweeps as a drawing: seconds over steps and over samples, both axes logarithmic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spikeport.report.page import Html
from spikeport.report.plots import INK, new_figure, svg

SWEEPS = (("digits MLP over T", "T", "steps"), ("digits MLP over samples", "samples", "samples"))


def sweeps_plot(result: Mapping[str, Any]) -> Html | None:
    """Return the SVG of the sweeps in a result of `benchmarks.bench_speed`, None where it has none."""
    fig, axes = new_figure(8.0, 3.4, columns=len(SWEEPS))
    drawn = False
    for ax, (what, over, label) in zip(axes, SWEEPS, strict=True):
        mine = [one for one in result["measurements"] if one["what"] == what]
        for mark, who in zip("os", dict.fromkeys(one["who"] for one in mine), strict=False):
            points = sorted((one["params"][over], one["median"]) for one in mine if one["who"] == who)
            ax.plot(*zip(*points, strict=True), marker=mark, markersize=4, label=who)
            drawn = True
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")
        ax.set_xlabel(label)
        ax.grid(True, which="major", color=INK, alpha=0.12, linewidth=0.7)
    axes[0].set_ylabel("seconds, median")
    axes[0].legend()
    return svg(fig) if drawn else None
