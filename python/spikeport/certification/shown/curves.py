"""Curves over the number of timesteps: a logarithmic axis whose ticks are the lengths that were run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from spikeport.report import Html, svg
from spikeport.report.plots import INK, lines, plain

DASHES = ((0, (4, 3)), (0, (1, 2)), (0, (7, 2, 1, 2)))


def over_timesteps(
    T: Sequence[int],
    series: Mapping[str, Sequence[float]],
    ylabel: str,
    *,
    levels: Mapping[str, float] | None = None,
    log_y: bool = False,
) -> Html:
    """Draw a line a series over the lengths ``T``; ``levels`` are dashed lines, named in the legend."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    drawn = {name: (T, values) for name, values in series.items()}
    fig = lines(drawn, "timesteps", ylabel, markers=True, log_x=len(T) > 1, log_y=log_y)
    ax = fig.axes[0]
    ax.xaxis.set_major_locator(FixedLocator([float(t) for t in T]))
    ax.xaxis.set_minor_locator(NullLocator())
    plainly = FuncFormatter(lambda value, _: f"{value:g}")
    ax.xaxis.set_major_formatter(plainly)
    ax.yaxis.set_major_formatter(plainly)
    for place, (name, level) in enumerate((levels or {}).items()):
        ax.axhline(level, color=INK, linestyle=DASHES[place % 3], linewidth=1, alpha=0.7, label=plain(name))
    if levels:
        ax.legend(loc="best", frameon=False, labelcolor=INK, fontsize=10)
    return svg(fig)
