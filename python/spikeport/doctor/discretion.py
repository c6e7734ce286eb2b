"""What a bug report keeps to itself: where things lie, who the user is, addresses."""

from __future__ import annotations

import getpass
import re

_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>)]+", re.IGNORECASE)
_PATH = re.compile(r"(?<![\w.~…])(?:~|[A-Za-z]:)?(?:[\\/][^\s\\/:'\"`<>|,;()]+)*[\\/]([^\s\\/:'\"`<>|,;()]+)")
SHORTEST_NAME = 3
"""A user's name of fewer letters is in too many words to be looked for."""


def discreet(text: str) -> str:
    """Return a message with every path cut to its last part, as ``…/kernels.mojo``, and no user's name or address."""
    text = _ADDRESS.sub("(an address)", text)
    text = _PATH.sub(r"…/\1", text)
    name = _user()
    return re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "USER", text) if len(name) >= SHORTEST_NAME else text


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container whose user has no name
        return ""
