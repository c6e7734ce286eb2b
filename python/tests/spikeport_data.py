"""Where the real data lies: a folder named by ``SPIKEPORT_DATA``; tests skip with a message where it is absent."""

import os
from pathlib import Path

import pytest

DEFAULT = Path(__file__).resolve().parents[3] / "shared" / "data"


def data_path(name: str) -> Path:
    """Return the folder or file ``name`` of the data, or skip the test that asks."""
    path = Path(os.environ.get("SPIKEPORT_DATA", DEFAULT)) / name
    if not path.exists():
        pytest.skip(f"no {name} data: set SPIKEPORT_DATA to a folder that holds {name}/")
    return path
