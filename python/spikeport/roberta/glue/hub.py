"""The hub, asked once whether it can be reached before anything is loaded from it.

Its client tries again for half a minute where there is no network. One question with a time limit tells as much; what
is in the cache is then loaded from there, and what is not is refused at once.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
from huggingface_hub import constants

from spikeport.roberta.glue.notices import say

SECONDS = 10.0
"""How long the hub may take to answer."""


@contextlib.contextmanager
def reached_once(source: str) -> Iterator[None]:
    """Load ``source`` inside: from its folder, from the hub, or, where that does not answer, from the cache alone."""
    before = constants.HF_HUB_OFFLINE
    if not before and not Path(source).exists() and not hub_answers():
        say(f"{constants.ENDPOINT} does not answer: {source} is looked for in the cache")
        constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


@functools.cache
def hub_answers() -> bool:
    """Return whether the hub gives any answer at all within `SECONDS`."""
    try:
        huggingface_hub.get_session().head(constants.ENDPOINT, timeout=SECONDS)
    except Exception:  # whatever the client raises for no network, no name, no time
        return False
    return True
