"""Profiling beside the documented system's: the diagnosis of recordings whose diagnosis is known. Nothing is timed.

``SPIKEPORT_PEERS`` names the interpreter that has sc-neurocore (`.venv-peers/bin/python` by default).
"""

from __future__ import annotations

import os

from benchmarks.result import ROOT, run_in, write_result

PEERS = os.environ.get("SPIKEPORT_PEERS", str(ROOT / ".venv-peers" / "bin" / "python"))


def main() -> None:
    result = run_in(PEERS, "from benchmarks.peers.probe_profiling import main; main()")
    path = write_result(
        "profiling_peer",
        title="What two profilers say of recordings whose diagnosis is known",
        command="python -m benchmarks.bench_profiling_peer",
        measurements=[],
        versions={"sc-neurocore": result["version"]},
        facts={"probes": result["probes"]},
    )
    for row in result["probes"]:
        print(f"{row['probe']}\n    spikeport:    {row['spikeport']}\n    sc-neurocore: {row['sc-neurocore']}")
    print(path.name)


if __name__ == "__main__":
    main()
