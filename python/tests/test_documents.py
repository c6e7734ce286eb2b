"""Every code block of the README and of docs/ runs, page by page, in order, in an empty folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN = {"python", "sh"}
SHOWN = {"text", "json", "yaml", "toml", "mermaid", "rust", "julia", "mojo", "html"}


def blocks(page):
    return BLOCK.findall(page.read_text("utf-8"))


def as_program(page):
    """Return one Python program that runs a page's blocks in order, shell blocks by bash."""
    lines = ["import subprocess"]
    for language, code in blocks(page):
        if language == "python":
            lines.append(code)
        elif language == "sh":
            lines.append(f"subprocess.run(['bash', '-euo', 'pipefail', '-c', {code!r}], check=True)")
    return "\n".join(lines)


def test_every_block_says_what_it_is():
    for page in PAGES:
        named = {language for language, _ in blocks(page)}
        fences = page.read_text("utf-8").count("```")
        assert fences == 2 * len(blocks(page)), f"{page.name}: a fence without a language, or not closed"
        assert named <= RUN | SHOWN, f"{page.name}: {named - RUN - SHOWN}"


@pytest.mark.parametrize("page", [p for p in PAGES if RUN & {b[0] for b in blocks(p)}], ids=lambda p: p.name)
def test_the_blocks_of_a_page_run(page, tmp_path):
    pytest.importorskip("torch")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PATH": path, "SPIKEPORT_ROOT": str(ROOT)}
    if "SPIKEPORT_DATA" not in environment and (ROOT.parent / "shared" / "data").exists():
        environment["SPIKEPORT_DATA"] = str(ROOT.parent / "shared" / "data")
    program = tmp_path / "page.py"
    program.write_text(as_program(page), "utf-8")
    folder = tmp_path / "empty"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, str(program)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{page.name}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"


LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page):
    for target in LINK.findall(BLOCK.sub("", page.read_text("utf-8"))):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_page_that_an_index_shows_has_no_link_that_leads_nowhere_there():
    settings = (ROOT / "pyproject.toml").read_text("utf-8")
    (name,) = re.findall(r'^readme = "([^"]+)"', settings, re.MULTILINE)
    text = BLOCK.sub("", (ROOT / name).read_text("utf-8"))
    assert [target for target in LINK.findall(text) if not target.startswith("https://")] == []


def test_every_page_asks_for_the_python_that_the_metadata_asks_for():
    settings = (ROOT / "pyproject.toml").read_text("utf-8")
    (least,) = re.findall(r'^requires-python = ">=([\d.]+)"', settings, re.MULTILINE)
    for name in ("README.md", "docs/package.md"):
        assert f"Python {least} or newer" in " ".join((ROOT / name).read_text("utf-8").split()), name
