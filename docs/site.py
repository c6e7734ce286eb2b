"""What the site adds to docs/: pages from elsewhere in the repository, one page a room, links that stay inside it."""

import os.path
import re
import sys
from pathlib import Path, PurePosixPath

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]
PLACED = {
    "README.md": "index.md",
    "CHANGELOG.md": "CHANGELOG.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "SECURITY.md": "SECURITY.md",
    "conformance/SPEC.md": "conformance/SPEC.md",
}
LINK = re.compile(r"\[([^\]]*)\]\(([^)#\s]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def on_files(files, config):
    """Add the pages that live outside docs/, and a page for each room of the package."""
    sys.path.append(str(ROOT / "python" / "tests"))  # here: MkDocs takes back what a hook adds while it is loaded
    from test_api_page import rooms

    for path, place in PLACED.items():
        files.append(File.generated(config, place, content=(ROOT / path).read_text("utf-8")))
    entries = []
    for room in rooms():
        place = f"reference/python/{room}.md"
        files.append(File.generated(config, place, content=f"::: {room}\n"))
        entries.append({room: place})
    reference = next(part["Reference"] for part in config.nav if "Reference" in part)
    reference.insert(1, {"Python": entries})
    return files


def on_page_markdown(markdown, page, config, files):
    """Lead each link to the page's place on the site; what has none, such as a source file, is named by its words."""
    uri = page.file.src_uri
    home = next((path for path, place in PLACED.items() if place == uri), f"docs/{uri}")

    def placed(match):
        words, target, anchor = match[1], match[2], match[3] or ""
        if re.match(r"[a-z]+:", target):
            return match[0]
        path = os.path.normpath(PurePosixPath(home).parent / target)
        place = PLACED.get(path, path.removeprefix("docs/") if path.startswith("docs/") else None)
        if place is None or files.get_file_from_path(place) is None:
            return words
        return f"[{words}]({os.path.relpath(place, PurePosixPath(uri).parent)}{anchor})"

    parts, at = [], 0
    for fence in FENCE.finditer(markdown):
        parts += [LINK.sub(placed, markdown[at : fence.start()]), fence[0]]
        at = fence.end()
    return "".join([*parts, LINK.sub(placed, markdown[at:])])
