"""A converted network answers the same whoever runs it, on ordinary floats."""

import numpy as np
import pytest

from spikeport.backends import BIT_EQUAL, available_backends
from spikeport.conversion import ConvertedSNN


@pytest.mark.parametrize("encoding", ["current", "poisson"])
@pytest.mark.parametrize("backend", [name for name in BIT_EQUAL if name != "reference"])
def test_a_converted_network_answers_the_same(backend, encoding):
    reason = available_backends()[backend]
    if reason is not None:
        pytest.skip(reason)
    rng = np.random.default_rng(0)
    weights = [rng.normal(0, 0.3, (24, 16)), rng.normal(0, 0.3, (5, 24))]
    snn = ConvertedSNN(weights, [rng.normal(0, 0.1, 24), None], [1.0, 1.0], 20)
    x = rng.random((7, 16))
    for readout in ("spikes", "membrane"):
        arguments = {"encoding": encoding, "seed": 3, "readout": readout}
        theirs, ours = (snn.run(x, backend=name, **arguments) for name in (backend, "reference"))
        assert np.array_equal(theirs, ours)
        assert theirs.any()
