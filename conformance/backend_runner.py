"""A backend of this Python as a runner: ``python -m conformance.backend_runner BACKEND CASES``.

What a user calls is what is checked, in a process of its own, so that a crash of compiled code is pinned to its case.
"""

from __future__ import annotations

import sys
from pathlib import Path

from conformance.in_process import answer
from conformance.lines import decode_line, encode_reply
from spikeport.backends import get_backend


def main(name: str, cases: str) -> None:
    """Answer the cases in order, a flushed line each."""
    backend = get_backend(name)
    for line in Path(cases).read_text("utf-8").splitlines():
        number, kernel, arguments = decode_line(line)
        words = answer(backend, kernel, arguments)
        print(encode_reply(number, {"skip": ["unsupported"]} if words is None else words), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
