"""The interpreter that has the other libraries (snnTorch, SpikingJelly, Norse, sinabs, sc-neurocore, Lightning)."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-peers" / "bin" / "python"


def run_with_peers(*arguments: str, timeout: int = 300) -> str:
    """Run it and return what it printed; skip where it is absent, fail where SPIKEPORT_REQUIRE names ``peers``."""
    if not PYTHON.exists():
        message = f"no interpreter with the other libraries at {PYTHON.relative_to(ROOT)}"
        if "peers" in os.environ.get("SPIKEPORT_REQUIRE", ""):
            pytest.fail(message)
        pytest.skip(message)
    environment = os.environ | {"PYTHONPATH": str(ROOT / "python"), "OMP_NUM_THREADS": "1"}
    command = [str(PYTHON), "-W", "ignore", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=timeout)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return ran.stdout
