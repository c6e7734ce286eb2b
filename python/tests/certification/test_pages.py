"""The pages in a browser: nothing is asked for from outside, no script fails, tables are sorted by a click."""

import html
import re

import pytest
from browser import open_page

from spikeport import certify, sweep

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module", params=["certification", "sweep"])
def page(request, digits_snn, digits_mlp, digits, tmp_path_factory):
    x, y = digits[1][:120], digits[3][:120]
    path = tmp_path_factory.mktemp("pages") / f"{request.param}.html"
    if request.param == "certification":
        return certify(digits_mlp, digits_snn, x, T=3).save_html(path, "<b>digits</b>")
    return sweep(digits_snn, x, y, T=[1, 2, 8], model=digits_mlp).save_html(path, "<b>digits</b>")


def test_a_browser_shows_it_without_a_word_of_complaint(page):
    opened = open_page(page, "document.querySelector('table.sortable th button').click()")
    assert opened.errors == []
    assert any(cell.get("aria-sort") == "ascending" for cell in opened.elements("th"))
    assert len(opened.elements("svg")) >= 2


@pytest.mark.parametrize("width", [1280, 390])
def test_it_is_no_wider_than_a_desktop_or_a_phone(page, tmp_path, width):
    inside = html.escape(page.read_text("utf-8"))  # a frame: no window is as narrow as a phone
    framed = f'<html><body><iframe srcdoc="{inside}" width={width} height=800></iframe></body></html>'
    (tmp_path / "framed.html").write_text(framed, encoding="utf-8")
    said = "frame.contentDocument.documentElement.scrollWidth"
    said = f"onload = () => {{ const frame = document.querySelector('iframe'); document.body.dataset.wide = {said} }}"
    (body,) = open_page(tmp_path / "framed.html", said).elements("body")
    assert 0 < int(body["data-wide"]) <= width


def test_it_asks_for_nothing_from_outside_and_escapes_the_name(page):
    text = page.read_text("utf-8")
    assert not re.search(r'(?:src|href)="(?!#|data:)', text) and "url(http" not in text
    assert "<b>digits" not in text and "&lt;b&gt;digits" in text


def test_it_opens_with_the_figures_that_matter(page):
    text = page.read_text("utf-8")
    opening = text[: text.index("<svg")]
    wanted = ["relative logit error", "agreement"]
    wanted += ["most is lost in", "95 % interval"] if page.stem == "certification" else ["accuracy", "firing rate"]
    assert all(word in opening for word in wanted)
