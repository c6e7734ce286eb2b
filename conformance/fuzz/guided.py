"""Pairs damaged as the coverage of the reference says: Atheris, where it is installed."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

LIMITS: Final = ("-max_len=8000", "-timeout=20", "-rss_limit_mb=4096")


def absent() -> str:
    """Return why this cannot run here, or nothing."""
    return "" if importlib.util.find_spec("atheris") else "Atheris is not installed: `pip install atheris`"


def fuzz(corpus: Path, seeds: Path, count: int, seconds: float) -> tuple[int, str]:
    """Run `conformance.fuzz.program` in a process of its own; return how many executions there were, and a fault."""
    if reason := absent():
        return 0, reason
    folder = corpus / "guided"
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "conformance.fuzz.program", f"-atheris_runs={count}"]
    command += [f"-max_total_time={max(1, round(seconds))}", *LIMITS, f"-artifact_prefix={corpus}/guided-found-"]
    done = subprocess.run([*command, str(folder), str(seeds)], check=False, stderr=subprocess.PIPE, env=os.environ)
    said = done.stderr.decode(errors="replace")
    executions = re.findall(r"^(?:#|Done )(\d+)", said, re.MULTILINE)
    return int(executions[-1]) if executions else 0, said[-3000:] if done.returncode or not executions else ""
