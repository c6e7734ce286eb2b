"""What a planted bug is."""

from __future__ import annotations

from typing import NamedTuple


class Bug(NamedTuple):
    """A planted bug: the function it is in, an expression there, and what stands in its place."""

    name: str
    file: str
    """Below the package."""
    function: str
    """Its name; empty for the file's own statements."""
    right: str
    """Stands there exactly once; how it is spread over lines does not matter."""
    wrong: str
