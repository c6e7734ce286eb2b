"""What the program says: aloud on standard error whatever it does that the flags do not say, and to its reporters.

A reporter (``--report_to``) is told through the environment, where transformers and Weights & Biases look.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

LOGGING_DIR, TAGS = "TENSORBOARD_LOGGING_DIR", "WANDB_TAGS"


def say(text: str) -> None:
    """Print a note, from the first process of a run alone."""
    if int(os.environ.get("RANK", "0")) == 0:
        print(f"note: {text}", file=sys.stderr)


@contextlib.contextmanager
def reporters_told(logging_dir: str | None, tags: list[str] | None) -> Iterator[None]:
    """Tell TensorBoard where it writes, and Weights & Biases a run's tags, inside; None leaves what stands there."""
    told = {LOGGING_DIR: logging_dir, TAGS: tags and ",".join(tags)}
    before = {name: os.environ.get(name) for name in told}
    os.environ.update({name: value for name, value in told.items() if value})
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
