"""Bars in groups: one group a row, one colour a series, beside each other or stacked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from spikeport.report.plots import COLOURS, INK, finish, new_figure, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def bars(
    rows: Sequence[str],
    series: Mapping[str, npt.ArrayLike],
    xlabel: str,
    *,
    title: str = "",
    levels: Mapping[str, float] | None = None,
    width: float = 5.6,
) -> Figure:
    """Draw a group of horizontal bars a row, from the top, with one bar a series; as high as the rows ask for.

    Parameters
    ----------
    rows : the labels of the groups
    series : one value a row, by name
    levels : labelled vertical lines, dashed
    """
    thick = 0.8 / max(len(series), 1)
    fig, ax = new_figure(width, 1.3 + 0.48 * len(rows))
    for place, (name, values) in enumerate(series.items()):
        at = np.arange(len(rows)) + (place - (len(series) - 1) / 2) * thick
        ax.barh(
            at, np.asarray(values, np.float64), thick * 0.92, label=plain(name), color=COLOURS[place % len(COLOURS)]
        )
    for label, level in (levels or {}).items():
        ax.axvline(level, color=INK, linestyle=(0, (4, 3)), linewidth=1, alpha=0.6)
        ax.annotate(plain(label), (level, 0), xycoords=("data", "axes fraction"), fontsize=9, color=INK, rotation=90,
                    ha="right", va="bottom")  # fmt: skip
    ax.set_yticks(range(len(rows)), [plain(row) for row in rows])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    finish(ax, xlabel, "", title, legend=False)
    if len(series) > 1:
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, labelcolor=INK, fontsize=10)
    ax.grid(False, axis="y")
    return fig
