"""Checkpoints on a disk and in memory, small and of 100 MB, beside sc-neurocore and the safetensors package.

``SPIKEPORT_PEERS`` names the interpreter that has the peers (`.venv-peers/bin/python` by default). safetensors checks
no values when it loads, and nothing at all when it saves: it is what a file of arrays costs without any promise.
"""

from __future__ import annotations

import os

from benchmarks.result import ROOT, Measurement, run_in, write_result

PEERS = os.environ.get("SPIKEPORT_PEERS", str(ROOT / ".venv-peers" / "bin" / "python"))


def main() -> None:
    result = run_in(PEERS, "from benchmarks.peers.probe_checkpoint import main; main()")
    measurements = [
        Measurement(row["what"], who, seconds, params=row["params"])
        for row in result["rows"]
        for who, seconds in row["seconds"].items()
    ]
    path = write_result(
        "checkpoint",
        title="Checkpoints of 64→32→10 and of 100 MB, on a disk and in memory, beside sc-neurocore and safetensors",
        command="python -m benchmarks.bench_checkpoint",
        measurements=measurements,
        versions=result["versions"],
    )
    for one in measurements:
        print(f"{one.what:12} {one.params!s:44} {one.who:24} {one.to_dict()['median']:.6f} s")
    print(path.name)


if __name__ == "__main__":
    main()
