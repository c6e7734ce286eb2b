"""What the guide shows of the other languages is what their examples do."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = {"rust": "rust/crates/*/examples/*.rs", "julia": "julia/*/examples/*.jl", "mojo": "mojo/examples/*.mojo"}


@pytest.mark.parametrize("language", EXAMPLES)
def test_the_lines_shown_stand_in_an_example_in_that_order(language):
    page = (ROOT / "docs" / "guide" / "mirrors.md").read_text("utf-8")
    (shown,) = re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    lines = [line.strip() for line in shown.splitlines() if line.strip()]
    for example in ROOT.glob(EXAMPLES[language]):
        rest = iter(line.strip() for line in example.read_text("utf-8").splitlines())
        if all(line in rest for line in lines):
            return
    pytest.fail(f"no {language} example has the lines that docs/guide/mirrors.md shows")
