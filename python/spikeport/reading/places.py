"""Where in the user's code something happens."""

from __future__ import annotations

import os
from types import CodeType, FrameType

import torch

TORCH = os.path.join(os.path.dirname(str(torch.__file__)), "")
OURS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")


def line_of(frame: FrameType | None, outermost: CodeType) -> str | None:
    """Return file and line of the innermost code that is neither torch's nor ours, inside of ``outermost``."""
    while frame is not None and frame.f_code is not outermost:
        file = frame.f_code.co_filename
        if not file.startswith((TORCH, OURS)):
            return f"{os.path.basename(file)}:{frame.f_lineno}"
        frame = frame.f_back
    return None


def line_raised(error: Exception) -> str | None:
    """Return file and line of such code where an error was raised."""
    trace, found = error.__traceback__, None
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        found = found if file.startswith((TORCH, OURS)) else f"{os.path.basename(file)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found
