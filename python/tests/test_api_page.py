"""docs/reference/api.md names every public thing as its own docstring does.

``python python/tests/test_api_page.py`` writes the page anew; it reads the source and imports nothing of it.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "python" / "spikeport"
PAGE = ROOT / "docs" / "reference" / "api.md"
HEAD = """# Public names

Every name that a room exports, with the first line of its docstring; `help(name)` has the rest: shapes, units, errors
and sources. Made by `python python/tests/test_api_page.py`.
"""


def source_of(module):
    """Return the file of a dotted module of the package."""
    path = PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def parsed(module):
    return ast.parse(source_of(module).read_text("utf-8"))


def exported(tree):
    """Return the names of ``__all__``, or none."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return sorted(ast.literal_eval(node.value), key=str.lower)
    return []


def summary(module, name):
    """Return the first sentence of what ``name`` says of itself, where it is defined."""
    tree = parsed(module)
    for node in ast.walk(tree):  # some classes are made inside a function, on first use
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == name:
            return first_line(ast.get_docstring(node))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and name in {alias.asname or alias.name for alias in node.names}:
            return summary(node.module, name)
    return "a constant" if name.isupper() else ""


def first_line(text):
    paragraph = " ".join((text or "").strip().split("\n\n")[0].split())
    return paragraph.split(". ")[0].rstrip(".:").replace("|", "\\|")


def rooms():
    """Return every module with an ``__all__``: the package itself, then its rooms by name."""
    folders = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
    return [room for room in ("spikeport", *(f"spikeport.{name}" for name in folders)) if exported(parsed(room))]


def page():
    parts = [HEAD]
    for module in rooms():
        tree = parsed(module)
        lines = [f"## `{module}`", "", f"{first_line(ast.get_docstring(tree))}.", "", "| | |", "|---|---|"]
        lines += [f"| `{name}` | {summary(module, name)} |" for name in exported(tree)]
        parts.append("\n".join([*lines, ""]))
    return "\n".join(parts)


def test_the_page_is_up_to_date():
    assert PAGE.read_text("utf-8") == page(), "run: python python/tests/test_api_page.py"


def test_every_public_name_says_what_it_is():
    assert [f"{room}.{name}" for room in rooms() for name in exported(parsed(room)) if not summary(room, name)] == []


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
