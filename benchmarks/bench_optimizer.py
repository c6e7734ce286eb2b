"""The documented passes on 4096 × 4096 layers beside sc-neurocore, and what each makes of graphs that are easy to
get wrong.

``python -m benchmarks.bench_optimizer [N]``; N = 0 shows the cases alone. Needs an environment with the peer installed:
``SPIKEPORT_PEERS`` names its interpreter (`.venv-peers/bin/python` by default).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks.result import ROOT, Measurement, run_in, write_result

PROGRAM = "import sys; from benchmarks.in_process.optimizer import main; main(int(sys.argv[1]))"


def main(n: int = 4096) -> int:
    peers = os.environ.get("SPIKEPORT_PEERS", str(ROOT / ".venv-peers" / "bin" / "python"))
    if not Path(peers).exists():
        print("no interpreter with the peers: set SPIKEPORT_PEERS to one with sc-neurocore", file=sys.stderr)
        return 1
    result = run_in(peers, PROGRAM, str(n))
    print(f"{'case':48} {'right':22} {'spikeport':24} sc-neurocore {result['version']}")
    for case in result["cases"]:
        print(f"{case['case']:48} {case['right']:22} {case['spikeport'][:23]:24} {case['sc-neurocore']}")
    if not n:
        return 0
    print()
    measurements = []
    for one in result["timings"]:
        measurements.append(Measurement(one["what"], one["who"], one["samples"], params=one["params"]))
        print(
            f"{one['what']:42} {one['who']:26} {measurements[-1].to_dict()['median']:9.4f} s   {one['params']['case']}"
        )
    path = write_result(
        "optimizer",
        title=f"The documented passes on two {n} × {n} layers, and cases that are easy to get wrong",
        command="python -m benchmarks.bench_optimizer" + ("" if n == 4096 else f" {n}"),
        measurements=measurements,
        versions={"sc-neurocore": result["version"]},
        facts={"cases": result["cases"]},
    )
    print(path.name)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:2])))
