"""Checkpoints beside the documented system's: what each does with the same calls, and 100 of them timed in turn.

``SPIKEPORT_PEERS`` names the interpreter that has sc-neurocore (`.venv-peers/bin/python` by default).
"""

from __future__ import annotations

import os

from benchmarks.result import ROOT, Measurement, run_in, write_result

PEERS = os.environ.get("SPIKEPORT_PEERS", str(ROOT / ".venv-peers" / "bin" / "python"))


def main() -> None:
    result = run_in(PEERS, "from benchmarks.peers.probe_transfer import main; main()")
    measurements = [
        Measurement(what, who, seconds, params={"calls": result["calls"]})
        for what, sides in result["timings"].items()
        for who, seconds in sides.items()
    ]
    path = write_result(
        "transfer_peer",
        title="Checkpoints and learning rates of a 64→32→10 network beside sc-neurocore",
        command="python -m benchmarks.bench_transfer_peer",
        measurements=measurements,
        versions={"sc-neurocore": result["version"]},
        facts={"probes": result["probes"]},
    )
    for row in result["probes"]:
        print(f"{row['probe']}\n    spikeport:    {row['spikeport']}\n    sc-neurocore: {row['sc-neurocore']}")
    for one in measurements:
        print(f"{one.what:24} {one.who:14} {one.to_dict()['median']:.6f} s for {result['calls']} calls")
    print(path.name)


if __name__ == "__main__":
    main()
