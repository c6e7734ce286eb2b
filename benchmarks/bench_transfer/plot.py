"""The plot of the experiment: accuracy over the labels of a class, transfer beside scratch, the spread of the seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spikeport.report.plots import COLOURS, INK, new_figure, svg

SIDES = {"transfer": ("transfer", "its least", "its most"), "from scratch": ("from scratch", "least", "most")}


def accuracy_plot(result: Mapping[str, Any]) -> str:
    """Return the SVG of a result of the experiment: means, and from the least to the most of all seeds."""
    rows = result["facts"]["accuracy in %"]
    labels = [row["labels a class"] for row in rows]
    fig, ax = new_figure(6.0, 3.4)
    for colour, (name, (mean, least, most)) in zip(COLOURS, SIDES.items(), strict=False):
        spread = [row[least] for row in rows], [row[most] for row in rows]
        ax.fill_between(labels, *spread, color=colour, alpha=0.2, linewidth=0)
        ax.plot(labels, [row[mean] for row in rows], color=colour, marker="o", markersize=4, label=name)
    ax.set_xscale("log")
    ax.set_xticks(labels, [str(count) for count in labels])
    ax.minorticks_off()
    ax.set_xlabel("labels of each class")
    ax.set_ylabel("right answers on 5 to 9, %")
    ax.set_title(f"{result['facts']['data']}: mean of five seeds, least to most")
    ax.grid(True, color=INK, alpha=0.12, linewidth=0.7)
    ax.legend(loc="lower right", frameon=False, labelcolor=INK)
    return str(svg(fig))
