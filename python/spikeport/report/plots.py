"""Plots for a page: matplotlib figures as inline SVG, text and axes in the colour of the page around them.

Design
------
- `matplotlib.figure.Figure` without pyplot: no global state, no window, nothing to close.
- Text and axes are drawn in one marker colour, which `svg` turns into ``currentColor``; the series
  colours have a contrast of at least 3 : 1 on the light and on the dark page.
- Identifiers in an SVG carry a digest of its content, so that many fit on one page, and the same data
  give the same text.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.errors import MissingExtra
from spikeport.report.page import Html

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS: Final = ("#2f7fe0", "#d1690e", "#12926a", "#d6456b", "#8b62e0", "#0e8fa8", "#a0740b", "#7a7f8a")
"""The colour cycle, first series first."""

INK: Final = "#010203"
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "spikeport",
    "font.family": "sans-serif",
    "font.size": 11,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "lines.linewidth": 1.7,
}

Series = Mapping[str, npt.ArrayLike | tuple[npt.ArrayLike, npt.ArrayLike]]


def require_plots() -> None:
    """Raise `spikeport.errors.MissingExtra` without matplotlib: for whoever will draw after long work."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise MissingExtra("matplotlib", "plot", "drawing a plot") from None


def new_figure(width: float = 5.6, height: float = 3.2, *, rows: int = 1, columns: int = 1) -> tuple[Figure, Any]:
    """Return a figure of ``width`` × ``height`` inches and its axes: one, or an array (rows, columns).

    Raises `spikeport.errors.MissingExtra` without matplotlib.
    """
    require_plots()
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        fig = Figure(figsize=(width, height), layout="constrained")
        fig.patch.set_alpha(0)
        axes = fig.subplots(rows, columns)
        for ax in np.atleast_1d(axes).flat:
            ax.patch.set_alpha(0)
            ax.set_prop_cycle(color=list(COLOURS))
    return fig, axes


def svg(fig: Figure) -> Html:
    """Return the figure as inline SVG that scales with its container and follows the page's text colour."""
    from matplotlib import rc_context

    stream = io.StringIO()
    with rc_context(_STYLE):
        fig.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    opening, rest = text.split(">", 1)
    opening = re.sub(r' (?:width|height)="[^"]*"', "", opening)
    digest = "f" + hashlib.sha256(rest.encode()).hexdigest()[:8]
    rest = re.sub(r'id="([^"]+)"', rf'id="{digest}-\1"', rest)
    rest = re.sub(r'(url\(#|href="#)', rf"\1{digest}-", rest)
    return Html(f'{opening} role="img">{rest}')


def lines(
    series: Series,
    xlabel: str,
    ylabel: str,
    *,
    title: str = "",
    log_x: bool = False,
    log_y: bool = False,
    markers: bool = False,
    levels: Mapping[str, float] | None = None,
    size: tuple[float, float] = (5.6, 3.2),
) -> Figure:
    """Draw a line a series: values, or a pair (x, y); ``levels`` are labelled horizontal lines, dashed.

    Values that are not finite leave a gap; so do values of 0 and below under ``log_y``.
    """
    fig, ax = new_figure(*size)
    for index, (label, values) in enumerate(series.items()):
        x, y = values if isinstance(values, tuple) else (np.arange(len(np.asarray(values))), values)
        y = np.asarray(y, dtype=np.float64)
        y = np.where(np.isfinite(y) & ((y > 0) | (not log_y)), y, np.nan)
        style = ("-", "--", ":", "-.")[index // len(COLOURS) % 4]
        ax.plot(np.asarray(x), y, style, label=plain(label), marker="o" if markers else None, markersize=3.5)
    if log_x:
        _log_scale(ax, "x")
    for label, level in (levels or {}).items():
        ax.axhline(level, color=INK, linestyle=(0, (4, 3)), linewidth=1, alpha=0.6)
        ax.annotate(
            plain(label),
            (1, level),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="bottom",
            fontsize=9,
            color=INK,
        )
    if log_y:
        _log_scale(ax, "y")
    finish(ax, xlabel, ylabel, title, legend=len(series) > 1)
    return fig


def scatter(
    series: Series,
    xlabel: str,
    ylabel: str,
    *,
    title: str = "",
    diagonal: bool = False,
    log_x: bool = False,
    log_y: bool = False,
    size: tuple[float, float] = (5.6, 3.2),
) -> Figure:
    """Draw points, a pair (x, y) a series; ``diagonal`` adds the line y = x.

    Under ``log_x`` or ``log_y`` points of 0 and below are left out.
    """
    fig, ax = new_figure(*size)
    for label, values in series.items():
        if not isinstance(values, tuple):
            raise ValueError(f"series {label!r} is not a pair (x, y)")
        x, y = values
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        kept = ((x > 0) | (not log_x)) & ((y > 0) | (not log_y))
        heavy = x.size > 3000
        ax.scatter(x[kept], y[kept], s=14, alpha=0.75, linewidths=0, label=plain(label), rasterized=heavy)
    anything = any(len(drawn.get_offsets()) for drawn in ax.collections)
    if log_x and anything:
        _log_scale(ax, "x")
    if log_y and anything:
        _log_scale(ax, "y")
    if diagonal:
        ax.axline((0, 0), slope=1, color=INK, linestyle=(0, (4, 3)), linewidth=1, alpha=0.6)
    finish(ax, xlabel, ylabel, title, legend=len(series) > 1)
    return fig


def _log_scale(ax: Axes, which: str) -> None:
    """Make an axis logarithmic, with a few short labels even where it spans less than a decade."""
    from matplotlib.ticker import EngFormatter, FixedLocator, NullFormatter

    (ax.set_xscale if which == "x" else ax.set_yscale)("log")
    axis = ax.xaxis if which == "x" else ax.yaxis
    low, high = ax.get_xlim() if which == "x" else ax.get_ylim()
    axis.set_major_locator(FixedLocator(_log_ticks(low, high)))
    axis.set_major_formatter(EngFormatter(sep=""))
    axis.set_minor_formatter(NullFormatter())


def _log_ticks(low: float, high: float) -> list[float]:
    """Return two to six round numbers from ``low`` to ``high``, at least a sixth of the axis apart on a log scale."""
    from matplotlib.ticker import MaxNLocator

    decades = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    between = np.asarray(MaxNLocator(12).tick_values(low, high))
    for ticks in (decades, np.outer(decades, [1, 2, 5]).ravel(), between):
        kept: list[float] = []
        for tick in ticks[(ticks >= low) & (ticks <= high)]:
            if not kept or np.log(tick / kept[-1]) >= np.log(high / low) / 6:
                kept.append(float(tick))
        if len(kept) >= 2:
            return kept
    return [low, high]


def histogram(
    series: Mapping[str, npt.ArrayLike],
    xlabel: str,
    ylabel: str = "count",
    *,
    title: str = "",
    bins: int | Sequence[float] = 30,
    log_y: bool = False,
    size: tuple[float, float] = (5.6, 3.2),
) -> Figure:
    """Draw a histogram a series over common bins; values that are not finite are left out."""
    fig, ax = new_figure(*size)
    finite = {label: (v := np.asarray(values, np.float64).ravel())[np.isfinite(v)] for label, values in series.items()}
    everything = np.concatenate([*finite.values(), np.zeros(0)])
    edges = np.histogram_bin_edges(everything, bins=bins) if everything.size else np.linspace(0, 1, 11)
    for label, values in finite.items():
        counts, _ = np.histogram(values, edges)
        ax.stairs(counts, edges, fill=True, alpha=0.3 if len(finite) > 1 else 0.75, label=plain(label))
        if len(finite) > 1:
            ax.stairs(counts, edges, color=ax.patches[-1].get_facecolor()[:3], linewidth=1.4)
    if log_y:
        _log_scale(ax, "y")
    finish(ax, xlabel, ylabel, title, legend=len(finite) > 1)
    return fig


def raster(
    spikes: npt.ArrayLike,
    *,
    xlabel: str = "step",
    ylabel: str = "neuron",
    title: str = "",
    colour: str = COLOURS[0],
    first_step: int = 0,
    size: tuple[float, float] = (5.6, 3.2),
) -> Figure:
    """Draw spikes of shape (steps, neurons) as an image: a column for each step, a row for each neuron.

    Negative spikes are orange. The image has one pixel per value, so its size is bounded by the array's.
    """
    array = np.asarray(spikes)
    if array.ndim != 2:
        raise ValueError(f"spikes have shape {array.shape}: give (steps, neurons)")
    fig, ax = new_figure(*size)
    picture = np.zeros((*array.T.shape, 4), np.uint8)
    for mask, name in ((array.T > 0, colour), (array.T < 0, COLOURS[1])):
        picture[mask] = [*bytes.fromhex(name[1:]), 255]
    n_steps, n_neurons = array.shape
    if array.size:
        extent = (first_step - 0.5, first_step + n_steps - 0.5, n_neurons - 0.5, -0.5)
        ax.imshow(picture, aspect="auto", interpolation="none", extent=extent)
    ax.grid(False)
    finish(ax, xlabel, ylabel, title, legend=False, grid=False)
    return fig


def plain(words: str) -> str:
    """Return ``words`` so that matplotlib draws them as they are: no formulas, and no name left out of a legend."""
    return (" " if words.startswith("_") else "") + words.replace("$", r"\$")


def finish(ax: Axes, xlabel: str, ylabel: str, title: str, *, legend: bool, grid: bool = True) -> None:
    """Write what stands around a plot: the names of its axes, its title, a grid and a legend."""
    ax.set_xlabel(plain(xlabel))
    ax.set_ylabel(plain(ylabel))
    if title:
        ax.set_title(plain(title), loc="left")
    if grid:
        ax.grid(True, color=INK, alpha=0.12, linewidth=0.7)
        ax.set_axisbelow(True)
    if legend:
        ax.legend(loc="best", frameon=False, labelcolor=INK, fontsize=10)
