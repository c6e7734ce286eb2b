"""Open a page in headless Chromium, run its scripts, and return what stands there and what went wrong."""

import os
import re
import shutil
import subprocess
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

import pytest


class OpenedPage(NamedTuple):
    """The document after its scripts ran, and what the console said of errors."""

    dom: str
    errors: list[str]

    def elements(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of every element of that tag."""
        found: list[dict[str, str | None]] = []

        class Finder(HTMLParser):
            def handle_starttag(self, name, attributes):
                if name == tag:
                    found.append(dict(attributes))

        Finder().feed(self.dom)
        return found


def find_browser() -> str:
    """Return the path of Chromium; skip where there is none, fail where SPIKEPORT_REQUIRE names it."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    message = "no chromium on PATH: install it (Debian: apt-get install chromium)"
    if "chromium" in os.environ.get("SPIKEPORT_REQUIRE", ""):
        pytest.fail(message)
    pytest.skip(message)


def open_page(path: Path | str, script: str = "") -> OpenedPage:
    """Open ``path``, a file or an ``http:`` address; ``script`` runs in a file's page at its end, such as a click."""
    browser = find_browser()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # its helpers may outlive the browser
        address = path if str(path).startswith("http:") else Path(path).resolve().as_uri()
        if script:
            page = Path(folder) / "page.html"
            text = Path(path).read_text(encoding="utf-8")
            page.write_text(text.replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
            address = page.as_uri()
        ran = subprocess.run(
            [
                browser,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--enable-logging=stderr",
                f"--user-data-dir={folder}/profile",
                "--virtual-time-budget=2000",
                "--dump-dom",
                str(address),
            ],
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        )
    errors = [
        line for line in ran.stderr.splitlines() if re.search(r"CONSOLE.*\b(Uncaught|Error|Refused|Failed)", line)
    ]
    return OpenedPage(ran.stdout, errors)
