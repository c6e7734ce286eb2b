"""A network as inline SVG: boxes in rows, arrows between them, words for who does not see them.

Colours are those of the page around it (`spikeport.report.theme`); what they say, words and shapes say too.
"""

from __future__ import annotations

import hashlib
import html
import unicodedata
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from spikeport.report.layout import Point, laid_out
from spikeport.report.page import Html, as_html

LETTER, LINE, MARGIN = 7.4, 17, 13
HEAD = 7.0
MOST_LETTERS = 30


CAPTION = "An arrow leads from what is read to what reads it; a blue one passes layers by."


def network(
    boxes: Sequence[Sequence[str]],
    arrows: Sequence[tuple[int, int]],
    title: str = "Network",
    caption: str | None = None,
) -> Html:
    """Return the figure of a network, which scrolls inside its frame where that is smaller.

    Parameters
    ----------
    boxes : lines of text, the name first; a box stands behind those that it reads
    arrows : (from, to), numbers of boxes
    caption : by default what colours say, where there is more than one

    Raises ValueError where there is no box, or an arrow does not lead from a box to one behind it.
    """
    if not boxes:
        raise ValueError("there is no box to draw: give one at least")
    drawn = _drawn(boxes, arrows, title)
    if caption is None:
        caption = CAPTION if 'class="skip"' in drawn else ""
    words = f"<figcaption>{as_html(caption)}</figcaption>" if caption else ""
    frame = f'<div class="plot" tabindex="0" role="region" aria-label="{html.escape(title)}, scrolls">'
    return Html(f'<figure class="network">{frame}{drawn}</div>{words}</figure>')


def _drawn(boxes: Sequence[Sequence[str]], arrows: Sequence[tuple[int, int]], title: str) -> str:
    texts = [[_shortened(line) for line in lines] for lines in boxes]
    lines_at_most = max(map(len, texts))
    letters = max(_width(line) for lines in texts for line in lines)
    box = (LETTER * letters + 2 * MARGIN, LINE * lines_at_most + MARGIN)
    corners, ways, (width, height) = laid_out(len(boxes), box, arrows)
    names = [html.escape(lines[0]) for lines in boxes]
    told = [f"{names[target]} reads {names[source]}" for source, target in arrows]
    key = hashlib.sha256(repr((title, boxes, arrows)).encode()).hexdigest()[:8]
    reads = Counter(target for _, target in arrows)
    parts = [
        f'<svg role="img" aria-labelledby="t{key} d{key}" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.1f} {height:.1f}" font-size="12.5" text-anchor="middle">'
        f'<title id="t{key}">{html.escape(title)}</title>'
        f'<desc id="d{key}">From top to bottom: {"; ".join(told) or names[0]}.</desc>'
    ]
    for (source, target), way in zip(arrows, ways, strict=True):
        kind = "skip" if len(way) > 2 else "step"
        parts.append(f'<g class="{kind}"><title>{names[source]} → {names[target]}</title>{_arrow(way)}</g>')
    for k, (x, y) in enumerate(corners):
        kind, corner = ("start", box[1] / 2) if k == 0 else ("join" if reads[k] > 1 else "box", 6)
        first = y + box[1] / 2 - LINE * len(texts[k]) / 2 + 13
        written = "".join(
            f'<text x="{x + box[0] / 2:.1f}" y="{first + LINE * i:.1f}">{html.escape(line)}</text>'
            for i, line in enumerate(texts[k])
        )
        about = html.escape(", ".join(boxes[k]))
        shape = f'<rect x="{x:.1f}" y="{y:.1f}" width="{box[0]:.1f}" height="{box[1]}" rx="{corner:g}"/>'
        parts.append(f'<g class="{kind}"><title>{about}</title>{shape}{written}</g>')
    return "".join([*parts, "</svg>"])


def _arrow(way: list[Point]) -> str:
    """Return a line that leaves and arrives straight down, and its head."""
    (x, y), end = way[0], (way[-1][0], way[-1][1] - HEAD)
    path = [f"M{x:.1f} {y:.1f}"]
    for (x0, y0), (x1, y1) in pairwise([*way[:-1], end]):
        middle = (y0 + y1) / 2
        straight = abs(x0 - x1) < 0.05
        path.append(f"V{y1:.1f}" if straight else f"C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}")
    head = f"M{end[0] - HEAD / 2:.1f} {end[1]:.1f}h{HEAD:g}l{-HEAD / 2:g} {HEAD:g}z"
    return f'<path d="{"".join(path)}"/><path class="head" d="{head}"/>'


def _shortened(line: str) -> str:
    if len(line) <= MOST_LETTERS:
        return line
    half = (MOST_LETTERS - 1) // 2
    return f"{line[:half]}…{line[-half:]}"


def _width(line: str) -> int:
    """Return how many letters' room a line takes: those of East Asia are twice as wide."""
    return sum(1 + (unicodedata.east_asian_width(letter) in "WF") for letter in line)
