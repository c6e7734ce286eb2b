"""``python -m benchmarks [NAME …]``: run all benchmarks, or those named, one after the other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(names: list[str]) -> int:
    """Return 0 where every benchmark ran, else 1; one that fails does not end the rest."""
    there = sorted(path.stem for path in Path(__file__).parent.glob("bench_*") if path.suffix in ("", ".py"))
    unknown = sorted({f"bench_{name.removeprefix('bench_')}" for name in names} - set(there))
    if unknown:
        print(f"no benchmark is called {', '.join(unknown)}: there are {', '.join(there)}", file=sys.stderr)
        return 2
    failed = []
    for module in [f"bench_{name.removeprefix('bench_')}" for name in names] or there:
        print(f"== {module}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{module}"], cwd=ROOT, check=False).returncode:
            failed.append(module)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
