"""The site builds without a warning, and its pages stand in a browser, wide and narrow, asking for nothing outside."""

import functools
import http.server
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from browser import find_browser, open_page

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    "index.html",
    "guide/getting-started.html",
    "guide/conversion.html",
    "guide/energy.html",
    "glossary.html",
    "reference/api.html",
    "reference/python/spikeport.conversion.html",
    "reference/benchmarks.html",
    "conformance/SPEC.html",
)
WIDTHS = (390, 1280)
# Each page in a frame of each width: a headless window itself has a least width of its own.
PROBE = """<!doctype html><title>probe</title><body><script>
for (const width of [390, 1280]) {
  const frame = document.createElement("iframe");
  frame.width = width; frame.height = 800; frame.src = "PAGE";
  frame.onload = () => {
    const page = frame.contentDocument, seen = document.createElement("output");
    seen.setAttribute("width", width);
    seen.setAttribute("overflow", page.documentElement.scrollWidth - width);
    seen.setAttribute("asked", frame.contentWindow.performance.getEntriesByType("resource").map(r => r.name).join(" "));
    seen.setAttribute("silent", [...page.images].filter(i => !i.alt).length);
    document.body.append(seen);
  };
  document.body.append(frame);
}
</script>"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site as ``make docs`` does."""
    pytest.importorskip("mkdocs", reason="MkDocs is absent: pip install 'spikeport[docs]'")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return folder


@pytest.fixture(scope="module")
def address(site):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_wide_and_narrow_and_asks_only_its_own_site(name, site, address):
    find_browser()
    probe = site / "probe.html"
    probe.write_text(PROBE.replace("PAGE", name), "utf-8")
    opened = open_page(f"{address}/probe.html")
    assert opened.errors == []
    seen = opened.elements("output")
    assert sorted(int(one["width"]) for one in seen) == list(WIDTHS)
    for one in seen:
        assert int(one["overflow"]) <= 0, f"{name} at {one['width']}"
        asked = one["asked"].split()
        assert asked and [url for url in asked if not url.startswith((address, "data:"))] == []
        assert one["silent"] == "0", f"{name}: a picture without alternative text"


def test_no_page_names_a_script_style_or_picture_of_another_host(site):
    outside = re.compile(
        r"<(?:script|img|iframe)[^>]+src=\"https?:|<link[^>]+rel=\"(?:stylesheet|preconnect)\"[^>]+https?:"
    )
    assert [page.name for page in site.rglob("*.html") if outside.search(page.read_text("utf-8"))] == []


def test_links_to_the_contract_and_to_the_house_stay_on_the_site(site):
    assert "conformance/SPEC.html" in (site / "index.html").read_text("utf-8")
    assert "conformance/SPEC.html" in (site / "guide" / "mirrors.html").read_text("utf-8")
