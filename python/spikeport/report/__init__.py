"""Plots and self-contained HTML pages, shared by every room that shows something.

`spikeport.report.page` needs only the standard library; `spikeport.report.plots` needs matplotlib (extra
``plot``) once a plot is drawn. Nothing here knows what the data mean.
"""

from spikeport.report.network import network
from spikeport.report.page import Html, Page, badge, card, columns, figure, paragraph, preformatted, table, tiles
from spikeport.report.plots import svg

__all__ = [
    "Html",
    "Page",
    "badge",
    "card",
    "columns",
    "figure",
    "network",
    "paragraph",
    "preformatted",
    "svg",
    "table",
    "tiles",
]
