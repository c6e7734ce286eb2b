"""What the program says aloud on standard error, once a run: whatever it does that the flags do not say."""

from __future__ import annotations

import os
import sys


def say(text: str) -> None:
    """Print a note, from the first process of a run alone."""
    if int(os.environ.get("RANK", "0")) == 0:
        print(f"note: {text}", file=sys.stderr)
