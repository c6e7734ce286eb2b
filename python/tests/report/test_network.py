"""The drawing of a network: everything is in it, nothing lies over anything, and it can be read and scrolled."""

import html
import itertools
import json
import re

import numpy as np
import pytest
from browser import open_page
from hypothesis import given
from hypothesis import strategies as st

from spikeport import LayerNode, SNNGraph
from spikeport.neuron import Neuron
from spikeport.operations import Add, AvgPool, Concat, Conv, Linear
from spikeport.report import Page, network
from spikeport.report.layout import laid_out

IF = Neuron("IF", v_init=0.5)
BOX = (100.0, 40.0)


def residual(blocks):
    """Residual blocks behind each other, a branch that is concatenated, and a linear layer."""
    kernel = np.ones((4, 4, 3, 3))
    layers = [LayerNode.of("stem", Conv(np.ones((4, 1, 3, 3)), None, padding=1), IF)]
    for k in range(blocks):
        before = layers[-1].name
        layers += [
            LayerNode.of(f"block{k}.conv1", Conv(kernel, None, padding=1), IF),
            LayerNode.of(f"block{k}.conv2", Conv(kernel, None, padding=1)),
            LayerNode.of(f"block{k}.add", Add(), IF, [f"block{k}.conv2", before]),
        ]
    layers += [
        LayerNode.of("branch", AvgPool(3, stride=1, padding=1), inputs=["stem"]),
        LayerNode.of("<both>&", Concat(), inputs=[layers[-1].name, "branch"]),
        LayerNode.of("out", Linear(np.ones((3, 8 * 16)), None)),
    ]
    return SNNGraph(layers, (1, 4, 4))


@st.composite
def networks(draw):
    count = draw(st.integers(1, 14))
    boxes = st.integers(0, count - 1)
    pairs = draw(st.lists(st.tuples(boxes, boxes).filter(lambda pair: pair[0] != pair[1]), max_size=30))
    return count, [(min(pair), max(pair)) for pair in pairs]


@given(networks())
def test_no_box_lies_over_another_and_no_arrow_crosses_one(drawn):
    count, arrows = drawn
    found = laid_out(count, BOX, arrows)
    assert len(found.corners) == count and len(found.ways) == len(arrows)
    for (x0, y0), (x1, y1) in itertools.combinations(found.corners, 2):
        assert abs(x0 - x1) >= BOX[0] or abs(y0 - y1) >= BOX[1]
    for (source, target), way in zip(arrows, found.ways, strict=True):
        (x0, y0), (x1, y1) = found.corners[source], found.corners[target]
        assert way[0] == pytest.approx((x0 + BOX[0] / 2, y0 + BOX[1]))
        assert way[-1][1] == y1 and x1 < way[-1][0] < x1 + BOX[0]
        assert all(a[1] < b[1] for a, b in itertools.pairwise(way))
        for x, y in way[1:-1]:
            assert not any(cx < x < cx + BOX[0] and cy <= y <= cy + BOX[1] for cx, cy in found.corners)
    for x, y in [*found.corners, *((x + BOX[0], y + BOX[1]) for x, y in found.corners), *itertools.chain(*found.ways)]:
        assert 0 <= x <= found.size[0] and 0 <= y <= found.size[1]


def test_the_longest_way_is_a_straight_line_and_a_skip_goes_round_it():
    graph = residual(3)
    found = laid_out(len(graph) + 1, BOX, graph.outline().arrows)
    names = ["input", *(layer.name for layer in graph)]
    trunk = [names.index(name) for name in names if name != "branch"]
    assert len({round(found.corners[k][0], 1) for k in trunk}) == 1
    skip = graph.outline().arrows.index((names.index("stem"), names.index("block0.add")))
    assert all(x > found.corners[1][0] + BOX[0] for x, _ in found.ways[skip][1:-1])


@pytest.mark.parametrize("arrow", [(1, 0), (0, 0), (0, 2), (-1, 1)])
def test_an_arrow_that_leads_nowhere_is_refused(arrow):
    with pytest.raises(ValueError, match="does not lead from one of 2 boxes"):
        network([("a",), ("b",)], [arrow])
    with pytest.raises(ValueError, match="no box"):
        network([], [])


def test_every_node_and_every_edge_is_in_it_and_names_are_escaped():
    graph = residual(2)
    drawn = network(*graph.outline(), title="<A> net", caption="<c>")
    written = [html.unescape(words) for words in re.findall(r"<text[^>]*>([^<]*)</text>", drawn)]
    for layer in graph:
        assert layer.name in written
    assert {"1×4×4", "8×4×4", "add, IF", "avg_pool"} <= set(written)
    titles = [html.unescape(words) for words in re.findall(r"<title[^>]*>([^<]*)</title>", drawn)]
    assert sorted(t for t in titles if "→" in t) == sorted(f"{a} → {b}" for a, b in graph.edges)
    told = html.unescape(re.search(r"<desc[^>]*>([^<]*)</desc>", drawn)[1])
    assert all(f"{b} reads {a}" in told for a, b in graph.edges)
    assert "<both>" not in drawn and "<A>" not in drawn and "<c>" not in drawn
    assert drawn.count('class="skip"') == 3 and drawn.count('class="join"') == 3


def test_a_layer_may_bear_the_name_of_the_input():
    chain = SNNGraph([LayerNode("input", 3, 2, np.ones((2, 3))), LayerNode("out", 2, 2, np.ones((2, 2)))])
    assert chain.outline().arrows == [(0, 1), (1, 2)]
    assert "input --> n0" in chain.to_mermaid() and "n0 --> n1" in chain.to_mermaid()


def test_a_long_name_is_shortened_in_its_box_and_whole_where_one_points_at_it():
    name = "backbone." + "stage." * 20 + "conv"
    drawn = network([("input",), (name, "conv")], [(0, 1)])
    assert f"<title>{name}, conv</title>" in drawn
    assert max(len(words) for words in re.findall(r"<text[^>]*>([^<]*)</text>", drawn)) <= 30


@pytest.mark.parametrize("width", [360, 1200])
def test_a_browser_shows_words_inside_their_boxes_and_scrolls_inside_the_frame(tmp_path, width):
    graph = residual(6)
    page = Page("t").section("s", network(*graph.outline(), "one"), network(*residual(1).outline(), "two"))
    script = """
    const frame = document.createElement("iframe");
    frame.style.cssText = "width: WIDTHpx; height: 700px; border: 0";
    frame.srcdoc = document.documentElement.outerHTML.replace(/<script>[^]*<\\/script>/g, "");
    frame.onload = () => {
        const inside = frame.contentDocument, root = inside.documentElement;
        const words = [...inside.querySelectorAll("svg g rect")].map((rect) => {
            const box = rect.getBBox();
            return [...rect.parentNode.querySelectorAll("text")].every((text) => {
                const b = text.getBBox();
                return b.x >= box.x && b.x + b.width <= box.x + box.width && b.y >= box.y - 1
                    && b.y + b.height <= box.y + box.height + 1;
            });
        });
        const plots = [...inside.querySelectorAll(".network .plot")].map((plot) =>
            ({tall: plot.scrollHeight > plot.clientHeight, height: plot.clientHeight, focus: plot.tabIndex}));
        const font = getComputedStyle(inside.querySelector("svg text")).fontSize;
        const zoom = inside.querySelector("svg").getScreenCTM().a;
        const named = [...inside.querySelectorAll("svg")].map((svg) => svg.getAttribute("aria-labelledby").split(" ")
            .map((id) => inside.querySelectorAll("#" + id).length));
        document.body.dataset.seen = JSON.stringify({
            words, plots, zoom, font, named, sideways: root.scrollWidth > root.clientWidth,
            roles: [...inside.querySelectorAll("svg")].map((svg) => svg.getAttribute("role")),
        });
    };
    document.body.append(frame);
    """.replace("WIDTH", str(width))
    opened = open_page(page.save(tmp_path / "page.html"), script)
    assert opened.errors == []
    seen = json.loads(html.unescape(re.search(r'data-seen="([^"]*)"', opened.dom)[1]))
    assert len(seen["words"]) == len(graph) + 1 + len(residual(1)) + 1 and all(seen["words"])
    assert seen["plots"][0]["tall"] and all(plot["focus"] == 0 and plot["height"] < 700 for plot in seen["plots"])
    assert not seen["sideways"] and seen["zoom"] == 1 and float(seen["font"].removesuffix("px")) >= 12
    assert seen["roles"] == ["img", "img"] and seen["named"] == [[1, 1], [1, 1]]
