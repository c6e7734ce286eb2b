"""What is asked of the fields of a sidecar, whichever version it has."""

from __future__ import annotations

from typing import Any, Final

from spikeport.checks import is_whole
from spikeport.transfer.errors import CheckpointError

LARGEST_SIDECAR: Final = 16 * 2**20
MOST_LAYERS: Final = 16384
LARGEST_WIDTH: Final = 2**31 - 1


class Demand:
    """Raises `CheckpointError` ``sidecar_schema``, naming file and field, where a condition does not hold."""

    def __init__(self, file: str) -> None:
        self.file = file

    def __call__(self, condition: bool, key: str, expected: str) -> None:
        """Raise unless ``condition`` holds; ``key`` must be what ``expected`` says."""
        if not condition:
            raise CheckpointError("sidecar_schema", f"{self.file}: {key} must be {expected}")


def is_texts(value: Any) -> bool:
    """Whether ``value`` is a list of texts that are not empty."""
    return isinstance(value, list) and all(isinstance(item, str) and item for item in value)


def is_wholes(value: Any, least: int, most: int) -> bool:
    """Whether ``value`` is a list of whole numbers from ``least`` to ``most``."""
    return isinstance(value, list) and all(is_whole(n) and least <= n <= most for n in value)
