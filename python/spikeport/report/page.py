"""One self-contained HTML page: no external resource, light and dark, readable on a phone.

Design
------
- Text is escaped where it enters. What these functions return is `Html`, and only `Html` is taken as it
  stands: a plain text handed to `Page.section` becomes a paragraph.
- The page's looks are `spikeport.report.theme`; its only script sorts tables.
"""

from __future__ import annotations

import html
import math
import numbers
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timezone
from os import PathLike
from pathlib import Path
from typing import Any

from spikeport.release import __version__
from spikeport.report.theme import SCRIPT, STYLE

Clock = Callable[[], date]


def today() -> date:
    """Return the day in UTC; where SOURCE_DATE_EPOCH is set, as in builds that can be made again, the day it names."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    return datetime.fromtimestamp(time.time() if epoch is None else int(epoch), timezone.utc).date()


class Html(str):
    """Text that is HTML already: it is not escaped again. Adding two gives `Html`."""

    __slots__ = ()

    def __add__(self, other: str) -> Html:
        return Html(str(self) + as_html(other))


def as_html(part: object) -> str:
    """Return `Html` as it stands, anything else escaped."""
    return str(part) if isinstance(part, Html) else html.escape(str(part))


class Page:
    """A page: a title, and sections in order.

    >>> page = Page("Pruning", "what each pass did")
    >>> page.section("Passes", table(["pass", "removed"], [["prune", 12]])).save("passes.html")

    At its foot stand the version and the day, which ``clock`` gives.
    """

    def __init__(self, title: str, subtitle: str = "", *, clock: Clock = today) -> None:
        self.title = title
        self.subtitle = subtitle
        self.made = f"Made by spikeport {__version__}, {clock().isoformat()}"
        self._sections: list[tuple[str, str, str]] = []

    def section(self, heading: str, *html_parts: str) -> Page:
        """Append a section and return the page; a part that is not `Html` becomes a paragraph."""
        body = "\n".join(part if isinstance(part, Html) else paragraph(part) for part in html_parts)
        self._sections.append((self._anchor(heading), heading, body))
        return self

    def html(self) -> str:
        """Return the whole document."""
        title, subtitle = html.escape(self.title), html.escape(self.subtitle)
        links = "".join(f'<a href="#{anchor}">{html.escape(heading)}</a>' for anchor, heading, _ in self._sections)
        sections = "\n".join(
            f'<section id="{anchor}"><h2>{html.escape(heading)}</h2>\n{body}\n</section>'
            for anchor, heading, body in self._sections
        )
        return (
            f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f'<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
            f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
            f"<header><h1>{title}</h1>{f'<p>{subtitle}</p>' if subtitle else ''}"
            f"{f'<nav>{links}</nav>' if len(self._sections) > 1 else ''}</header>\n"
            f"<main>\n{sections}\n</main>\n<footer>{html.escape(self.made)}</footer>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
        )

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the page as UTF-8 to ``path`` and return the path."""
        target = Path(path)
        target.write_text(self.html(), encoding="utf-8")
        return target

    def _anchor(self, heading: str) -> str:
        base = re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-") or "section"
        taken = {anchor for anchor, _, _ in self._sections}
        return next(name for i in range(len(taken) + 1) if (name := base if i == 0 else f"{base}-{i + 1}") not in taken)


def paragraph(text: object) -> Html:
    """Return a paragraph; line breaks stay."""
    return Html(f"<p>{as_html(text)}</p>")


def preformatted(text: object) -> Html:
    """Return ``text`` in a fixed-width font, line by line as it is."""
    return Html(f"<pre>{as_html(text)}</pre>")


def badge(level: str, text: str | None = None) -> Html:
    """Return a coloured label.

    ``level`` chooses the colour: ``exact``, ``bounded``, ``measured``, ``unchecked`` of a certificate,
    ``critical``, ``warning``, ``info`` of a diagnosis, ``pass``, ``fail``; any other word is grey. ``text``
    is shown in its place.
    """
    word = re.sub(r"[^a-z0-9]+", "-", level.lower())
    return Html(f'<span class="badge badge-{word}">{as_html(level if text is None else text)}</span>')


def figure(svg: str, caption: str = "", *, wide: bool = False) -> Html:
    """Return a figure of an inline SVG (from `spikeport.report.plots.svg`) and its caption.

    A ``wide`` one keeps a width at which it can be read and scrolls sideways on a phone.
    """
    words = f"<figcaption>{as_html(caption)}</figcaption>" if caption else ""
    kind = ' class="wide"' if wide else ""
    return Html(f'<figure{kind}><div class="plot">{svg}</div>{words}</figure>')


def columns(*html_parts: str) -> Html:
    """Return the parts side by side, as many as fit the width of the window."""
    return Html('<div class="columns">' + "".join(f"<div>{as_html(part)}</div>" for part in html_parts) + "</div>")


def card(heading: object, *html_parts: str) -> Html:
    """Return a boxed entry with a heading; a part that is not `Html` becomes a paragraph."""
    inner = "".join(part if isinstance(part, Html) else paragraph(part) for part in html_parts)
    return Html(f'<article class="card"><h3>{as_html(heading)}</h3>{inner}</article>')


def tiles(values: Mapping[str, object]) -> Html:
    """Return a row of headline figures: a label and its value each."""
    inner = "".join(
        f"<div><dt>{html.escape(label)}</dt><dd>{_cell(value)[0]}</dd></div>" for label, value in values.items()
    )
    return Html(f'<dl class="tiles">{inner}</dl>')


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]], sortable: bool = False) -> Html:
    """Return a table.

    Numbers are right-aligned and shown with four significant digits, None and NaN as a dash; a cell may be
    `Html`. A ``sortable`` table is sorted by a click on a heading, numbers by their full value.

    Raises ValueError where a row is not as wide as the headers.
    """
    body = []
    for index, row in enumerate(rows):
        if len(row) != len(headers):
            raise ValueError(f"row {index} has {len(row)} cells for {len(headers)} headers: give one each")
        body.append("".join(f"<td{attributes}>{text}</td>" for text, attributes in map(_cell, row)))
    opening, closing = ('<button type="button">', "</button>") if sortable else ("", "")
    head = "".join(f'<th scope="col">{opening}{as_html(text)}{closing}</th>' for text in headers)
    rows_html = "\n".join(f"<tr>{cells}</tr>" for cells in body)
    return Html(
        f'<div class="table"><table{" class=sortable" if sortable else ""}><thead><tr>{head}</tr></thead>'
        f"<tbody>\n{rows_html}\n</tbody></table></div>"
    )


def _cell(value: object) -> tuple[str, str]:
    """Return a cell's HTML and its attributes."""
    if isinstance(value, Html):
        words = html.unescape(re.sub(r"<[^>]*>", "", value))
        return str(value), f' data-sort="{html.escape(words)}"'
    if value is None:
        return "–", ' class="number"'
    if isinstance(value, bool):
        return ("yes" if value else "no"), ""
    if isinstance(value, numbers.Real):
        number = float(value)
        if math.isnan(number):
            return "–", ' class="number"'
        text = f"{int(value):,}" if isinstance(value, numbers.Integral) else f"{number:.4g}"
        return text, f' class="number" data-sort="{number!r}"'
    return html.escape(str(value)), ""
