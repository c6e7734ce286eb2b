"""``python -m conformance.fuzz``: each target for a while, and how many executions there were.

The targets are those of ``rust/fuzz``, and two that give the same bytes to the reference and to the codec in Rust:
``difference``, where a seed says how good pairs are damaged, and ``guided``, where the coverage of the reference does.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from conformance.fuzz import engines, guided
from conformance.fuzz.difference import Differ, fast_folder
from conformance.fuzz.drawn import run
from conformance.fuzz.seeds import write

TARGET_NAMES: Final = (*engines.ENGINES, "difference", "guided")
FOREVER: Final = 10**12


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the targets, print a line for each, and return the exit status: 1 where something was found."""
    parser = argparse.ArgumentParser(prog="conformance.fuzz", description=__doc__)
    parser.add_argument("--target", action="append", default=[], choices=TARGET_NAMES, help="one only; may be repeated")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target (default: %(default)g)")
    parser.add_argument("--count", type=int, default=FOREVER, help="executions of each target, at most")
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn (default: %(default)s)")
    parser.add_argument("--corpus", type=Path, default=Path("build/fuzz"), help="where what is found on the way stays")
    given = parser.parse_args(arguments)
    names = given.target or [name for name in TARGET_NAMES if name != "guided" or not guided.absent()]
    status, programs = 0, None
    with tempfile.TemporaryDirectory() as seeds:
        write(Path(seeds))
        for name in names:
            if name in engines.ENGINES:
                if reason := engines.absent():
                    print(f"{name}: {reason}")
                    status |= bool(given.target)
                    continue
                programs = programs or engines.build()
                places = (given.corpus / name, Path(seeds) / name)
                executions, fault = engines.fuzz(programs / name, *places, given.count, given.seconds, given.seed)
            elif name == "guided":
                executions, fault = guided.fuzz(given.corpus, Path(seeds) / "pair", given.count, given.seconds)
            else:
                executions, fault = _drawn(given.seed, given.count, given.seconds)
            print(f"{name}: {executions:,} executions, " + (f"a fault:\n{fault}" if fault else "no fault"), flush=True)
            status |= bool(fault)
    return status


def _drawn(seed: int, count: int, seconds: float) -> tuple[int, str]:
    """Compare pairs that are drawn; print how often each code was said."""
    folder = Path(tempfile.mkdtemp(dir=fast_folder(), prefix="spikeport-fuzz-"))
    try:
        counts = run(folder, seed, count, seconds)
    except Differ as error:
        return 0, f"{error}; its files are in {folder}"
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    print("difference: " + ", ".join(f"{n:,} {code}" for code, n in counts.most_common()))
    return counts.total(), ""


if __name__ == "__main__":
    sys.exit(main())
