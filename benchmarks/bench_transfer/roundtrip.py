"""The transfer bench of the source document: a 64→32→10 checkpoint, 100 roundtrips and 100 schedules.

One sample is 100 calls, as that document counts them.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.result import Measurement, samples, write_result
from spikeport.transfer import SNNCheckpoint, TransferConfig, apply_transfer_config, load_checkpoint, save_checkpoint

CALLS = 100


def checkpoint() -> SNNCheckpoint:
    rng = np.random.default_rng(0)
    sizes = [(64, 32), (32, 10)]
    return SNNCheckpoint([rng.normal(size=(b, a)) for a, b in sizes], ["hidden", "output"], sizes, ["LIF", "LIF"])


def main() -> None:
    made = checkpoint()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench"

        def roundtrip(durable: bool) -> None:
            for _ in range(CALLS):
                save_checkpoint(made, path, durable=durable)
                load_checkpoint(path)

        def schedule() -> None:
            for k in range(CALLS):
                apply_transfer_config(made, TransferConfig(k % 2 - 1, 0.0001, 0.001))

        measurements = [
            Measurement(
                "checkpoint roundtrip", "spikeport", samples(lambda: roundtrip(False)), params={"calls": CALLS}
            ),
            Measurement(
                "checkpoint roundtrip, durable",
                "spikeport",
                samples(lambda: roundtrip(True), 5),
                params={"calls": CALLS},
            ),
            Measurement("apply_transfer_config", "spikeport", samples(schedule), params={"calls": CALLS}),
        ]
    path = write_result(
        "transfer",
        title="Checkpoint roundtrip and learning-rate schedule of a 64→32→10 network, 100 calls a sample",
        command="python -m benchmarks.bench_transfer",
        measurements=measurements,
    )
    for one in measurements:
        row = one.to_dict()
        print(f"{one.what:32} {row['median']:.6f} s for {CALLS} calls, {CALLS / row['median']:,.0f} calls/s")
    print(path.name)


if __name__ == "__main__":
    main()
