"""``python -m conformance.crash --count 10000 --seed 1``: that many overwrites that are stopped, and what is left."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from conformance.crash.shim import absent, compiled


def stopped_overwrites(folder: Path, count: int, seed: int) -> dict[str, int]:
    """Return how often what came of ``count`` overwrites in ``folder``, each stopped at a call drawn by ``seed``.

    Raises `subprocess.CalledProcessError`, its output saying what was lost, where something was.
    """
    with tempfile.TemporaryDirectory() as built:
        environment = os.environ | {"LD_PRELOAD": str(compiled(Path(built) / "shim.so"))}
        command = [sys.executable, "-m", "conformance.crash.overwriting", str(folder), str(count), str(seed)]
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, int] = json.loads(done.stdout)
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print the counts, and return the exit status: 1 where something was lost."""
    parser = argparse.ArgumentParser(prog="conformance.crash", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="how many overwrites (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn (default: %(default)s)")
    parser.add_argument("--folder", help="where they write; by default a temporary folder: TMPDIR says on which disk")
    given = parser.parse_args(arguments)
    if reason := absent():
        print(reason)
        return 1
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        try:
            counts = stopped_overwrites(Path(folder), given.count, given.seed)
        except subprocess.CalledProcessError:
            print("a checkpoint was lost: see above")
            return 1
    print(f"{given.count:,} overwrites, nothing lost: " + ", ".join(f"{n:,} {what}" for what, n in counts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
