"""A side's loop: shared by processes of this environment and of the peers'."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any


def serve(call: Callable[[], Any], check: Callable[[Any], float] = lambda _: 0.0) -> None:
    """Do ``call`` once for every line of standard input and print its seconds and the ``check`` of its result."""
    for _ in sys.stdin:
        start = time.perf_counter()
        result = call()
        taken = time.perf_counter() - start
        print(f"{taken:.9f} {check(result):.17g}", flush=True)
        del result  # its memory is given back before the next one asks for some, outside of the time
