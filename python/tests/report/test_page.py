"""The page: it escapes, it sorts, it needs nothing from outside, it can be read on both backgrounds."""

import html
import itertools
import re
import sys
from datetime import date

import numpy as np
import pytest
from browser import open_page

import spikeport
from spikeport.errors import MissingExtra
from spikeport.report import Html, Page, badge, card, columns, figure, paragraph, plots, preformatted, svg, table, tiles
from spikeport.report.page import today
from spikeport.report.theme import PAPER


def test_every_text_is_escaped():
    bad = "<script>boom()</script>"
    page = Page(bad, bad).section(
        bad,
        bad,
        paragraph(bad),
        preformatted(bad),
        table([bad], [[bad]], sortable=True),
        badge("exact", bad),
        tiles({bad: bad}),
        card(bad, bad),
        columns(bad),
        figure(Html("<svg></svg>"), bad),
    )
    assert "<script>boom" not in page.html()
    assert page.html().count("&lt;script&gt;boom()") >= 12


def test_sections_with_one_heading_have_anchors_of_their_own():
    page = Page("t").section("Layers").section("Layers").section("…")
    anchors = re.findall(r'<section id="([^"]*)"', page.html())
    assert len(set(anchors)) == 3 and all(anchors)


def test_a_table_shows_numbers_to_be_read_and_keeps_them_to_be_sorted():
    text = table(["a", "b", "c", "d", "e"], [[1234567, 0.000123456, None, float("nan"), True]])
    assert "1,234,567" in text and "0.0001235" in text and 'data-sort="0.000123456"' in text
    assert text.count("–") == 2 and ">yes<" in text


def test_a_ragged_table_is_refused():
    with pytest.raises(ValueError, match="row 1 has 1 cells for 2 headers"):
        table(["a", "b"], [[1, 2], [3]])


def test_html_is_joined_to_html_and_plain_text_escaped():
    joined = paragraph("a") + "<b>"
    assert isinstance(joined, Html) and joined == "<p>a</p>&lt;b&gt;"


def test_the_page_asks_for_nothing_from_outside():
    page = Page("t").section("s", figure(svg(plots.lines({"a": [1, 2]}, "x", "y"))))
    links = re.findall(r'(?:src|href)="([^"]*)"', page.html())
    assert all(link.startswith(("#", "data:")) for link in links)
    assert "@import" not in page.html() and "url(http" not in page.html()


def test_many_plots_on_a_page_share_no_identifier():
    a, b = svg(plots.lines({"a": [1, 2]}, "x", "y")), svg(plots.lines({"a": [2, 1]}, "x", "y"))
    first, second = (set(re.findall(r'id="([^"]+)"', text)) for text in (a, b))
    assert first and not first & second
    for text, known in ((a, first), (b, second)):
        assert set(re.findall(r'href="#([^"]+)"', text)) | set(re.findall(r"url\(#([^)]+)\)", text)) <= known


def test_the_same_data_give_the_same_svg():
    assert svg(plots.histogram({"a": [1, 2, 2]}, "x")) == svg(plots.histogram({"a": [1, 2, 2]}, "x"))


def test_text_and_axes_take_the_colour_of_the_page():
    text = svg(plots.lines({"a": [1, 2], "b": [2, 1]}, "x", "y", title="t", levels={"limit": 1.5}))
    assert plots.INK not in text and "currentColor" in text and "#000000" not in text
    for words in re.findall(r"<text[^>]*>", text):
        assert "currentColor" in words


@pytest.mark.parametrize("background", ["light", "dark"])
def test_series_can_be_told_from_the_background(background):
    def luminance(colour):
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    paper = luminance(PAPER[background])
    for colour in plots.COLOURS:
        low, high = sorted([paper, luminance(colour)])
        assert (high + 0.05) / (low + 0.05) >= 3, colour


def test_a_raster_has_a_pixel_a_value_however_many_spikes():
    small = svg(plots.raster(np.ones((20, 20))))
    large = svg(plots.raster(np.ones((400, 200))))
    assert "<image" in large and len(large) < 3 * len(small)


def test_a_raster_of_the_wrong_shape_is_refused():
    with pytest.raises(ValueError, match="give \\(steps, neurons\\)"):
        plots.raster(np.ones(3))


def test_gaps_stand_where_values_are_not_finite_or_not_above_zero_on_a_log_axis():
    fig = plots.lines({"a": [1.0, np.nan, 0.0, np.inf, 2.0]}, "x", "y", log_y=True)
    drawn = fig.axes[0].lines[0].get_ydata()
    assert np.isnan(drawn[[1, 2, 3]]).all() and drawn[4] == 2


def test_histograms_share_bins_and_leave_out_what_is_not_finite():
    fig = plots.histogram({"a": [0.0, 1.0, np.nan], "b": [5.0, np.inf]}, "x", bins=5)
    edges = [patch.get_data().edges for patch in fig.axes[0].patches]
    assert all(np.array_equal(edges[0], other) for other in edges)
    assert sum(patch.get_data().values.sum() for patch in fig.axes[0].patches) == 2 * 3


@pytest.mark.parametrize("name", ["_hidden", "$\\bad$", "$x$ and $y$", "a$b", "<b>&"])
def test_names_are_drawn_as_they_are(name):
    series = {name: ([1.0, 2.0], [2.0, 3.0]), "other": ([1.0], [1.0])}
    drawn = [
        plots.lines(series, name, name, title=name, levels={name: 2.0}),
        plots.scatter(series, name, name, title=name),
        plots.histogram({name: [1.0], "other": [2.0]}, name, name, title=name),
    ]
    for fig, times in zip(drawn, (5, 4, 4), strict=True):
        assert html.unescape(svg(fig)).count(f"{name}</text>") == times


@pytest.mark.parametrize("axis", ["log_x", "log_y"])
def test_a_scatter_on_a_log_axis_leaves_out_what_has_no_logarithm(axis):
    fig = plots.scatter({"a": ([0.0, 2.0, -1.0], [0.0, 3.0, -1.0]), "b": ([0.0], [0.0])}, "x", "y", **{axis: True})
    assert [drawn.get_offsets().tolist() for drawn in fig.axes[0].collections] == [[[2.0, 3.0]], []]
    assert "<svg" in svg(fig)
    assert "<svg" in svg(plots.scatter({"b": ([0.0], [0.0])}, "x", "y", **{axis: True}))


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtra, match=r"spikeport\[plot\]"):
        plots.lines({"a": [1]}, "x", "y")


def test_a_click_on_a_heading_sorts_by_value_and_a_second_one_turns_it(tmp_path):
    rows = [["ten", 10], ["two", 2], ["hundred", 100]]
    path = Page("t").section("s", table(["name", "n"], rows, sortable=True)).save(tmp_path / "page.html")
    click = "document.querySelectorAll('th button')[1].click();"
    for script, order in ((click, ["two", "ten", "hundred"]), (click + click, ["hundred", "ten", "two"])):
        opened = open_page(path, script)
        assert not opened.errors
        assert re.findall(r"<td[^>]*>(ten|two|hundred)</td>", opened.dom) == order


def test_an_error_in_a_script_is_seen_by_the_tests(tmp_path):
    path = Page("t").section("s", "text").save(tmp_path / "page.html")
    assert open_page(path, "missing_function()").errors
    assert not open_page(path).errors


@pytest.mark.parametrize("span", [1.05, 1.3, 3, 12, 25, 400, 1e5, 1e9])
@pytest.mark.parametrize("start", [0.02, 2.1e4])
def test_labels_of_a_logarithmic_axis_do_not_lie_over_each_other(span, start):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    x = np.geomspace(start, start * span, 12)
    fig = plots.scatter({"a": (x, x)}, "x", "y", log_x=True, log_y=True)
    canvas = FigureCanvasAgg(fig)
    canvas.draw()
    (ax,) = fig.axes
    for axis, side in ((ax.xaxis, 0), (ax.yaxis, 1)):
        shown = [label for label in [*axis.get_ticklabels(), *axis.get_ticklabels(minor=True)] if label.get_text()]
        boxes = sorted(label.get_window_extent().get_points()[:, side].tolist() for label in shown)
        low, high = ax.get_window_extent().get_points()[:, side]
        inside = [box for box in boxes if box[1] >= low and box[0] <= high]
        assert len(inside) >= 2
        assert all(one[1] < other[0] for one, other in itertools.pairwise(inside))


def test_a_page_says_which_version_made_it_and_when_by_the_clock_it_is_given(monkeypatch):
    day = date(2031, 5, 4)
    pages = [Page("t", clock=lambda: day).section("s", "words").html() for _ in range(2)]
    assert pages[0] == pages[1] and f"Made by spikeport {spikeport.__version__}, 2031-05-04" in pages[0]
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert Page("t").made.endswith(", 1970-01-02")
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert date(2024, 1, 1) < today() and Page("t").made.endswith(today().isoformat())


def test_bars_stand_row_below_row_with_one_bar_a_series():
    pytest.importorskip("matplotlib")
    from spikeport.report.bars import bars

    fig = bars(["a", "b", "$c$"], {"one": [1, 2, 3], "two": [3, 2, 1]}, "x", levels={"line": 2.5})
    ax = fig.axes[0]
    assert len(ax.patches) == 6 and ax.yaxis_inverted()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b", r"\$c\$"]
    assert max(patch.get_y() + patch.get_height() for patch in ax.patches[:1]) <= 0.5
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "two"]
    assert "line" in svg(fig)
